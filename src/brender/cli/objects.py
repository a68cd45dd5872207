# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender get | set | create | delete | describe | audit`: objects of any kind, by their attributes.

Which ones: names, globs, `attr=value`, comparisons, words such as `idle`, `all`. The words are the console's.
"""

import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from brender.cli import show
from brender.cli.connect import Place, json_option, place_options
from brender.cli.errors import CliError, say
from brender.cli.exits import Exit
from brender.core import words
from brender.core.kinds import KINDS, kind_of
from brender.core.nouns import AuditEntry, Value
from brender.core.objectviews import AttributeView, Changed, KindView, ObjectPage

MOST_NAMED = 20  # of what was changed, in the answer on the terminal


def _kind(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """`worker`, `workers`, `client`: its own name. Checked here: a wrong one is a wrong command line."""
    try:
        return kind_of(value).name
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _complete_kind(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(n, help=kind.doc) for n, kind in KINDS.items() if n.startswith(incomplete)]


def complete_word(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: the bare words of a filter, and the attributes with their `=`."""
    kind = KINDS.get(ctx.params.get("kind") or "worker")
    known = ["all", *kind.words, *(f"{a.name}=" for a in kind.attributes)] if kind else []
    return [CompletionItem(word) for word in known if word.startswith(incomplete)]


class Separated(click.Command):
    """A command whose `--` stands between the filter and the values, where click would drop it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What follows `--` is kept for `split_here`."""
        at = args.index(words.APART) if words.APART in args else len(args)
        ctx.meta[_BEHIND] = args[at:]
        return super().parse_args(ctx, args[:at])


_BEHIND = "brender.behind"

kind_argument = click.argument("kind", metavar="KIND", callback=_kind, shell_complete=_complete_kind)


def split_here(given: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The filter and the values of this command line."""
    try:
        return words.split([*given, *click.get_current_context().meta.get(_BEHIND, ())])
    except ValueError as error:
        raise click.UsageError(str(error)) from None


# --- get, describe -----------------------------------------------------------------------------------------------


@click.command("get")
@kind_argument
@click.argument("filters", metavar="[FILTER...]", nargs=-1, shell_complete=complete_word)
@click.option("--show", "wanted", metavar="ATTR,...", help="These attributes alone.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@click.option("--offset", type=click.IntRange(0), default=0, help="Leave out so many of them.")
@json_option
@place_options
def get_command(
    kind: str,
    filters: tuple[str, ...],
    wanted: str | None,
    limit: int,
    offset: int,
    as_json: bool,
    manager: str | None,
    data: str | None,
) -> None:
    """Show objects and their attributes.

    \b
    brender get workers                          all of them
    brender get worker 'farm*' idle 'cores>=8'   by name, word, comparison
    brender get jobs state=active owner=anna --show id,name,done
    brender get settings
    """
    chosen = _chosen(kind, wanted)
    with Place.of(manager, data).connect() as client:
        page = client.objects(kind, filters, limit, offset)
    if as_json:
        return show.print_json(page)
    _print_page(kind, page, chosen, offset)
    return None


def _chosen(kind: str, wanted: str | None) -> list[str] | None:
    """The names of the attributes to show; None: all."""
    try:
        return [KINDS[kind].attribute(name).name for name in wanted.replace(",", " ").split()] if wanted else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _print_page(kind: str, page: ObjectPage, chosen: list[str] | None, offset: int) -> None:
    names = chosen or [a.name for a in KINDS[kind].attributes]
    if page.total == 1 and page.data and chosen is None:
        print("\n".join(f"{name:>14}  {show.plain(text(page.data[0].get(name)))}" for name in names))
        return
    if chosen is None:  # a column that says nothing of anybody is left out
        names = [name for name in names if any(row.get(name) not in ("", None, []) for row in page.data)]
    rows = [[text(row.get(name)) for name in names] for row in page.data]
    show.table([name.upper() for name in names], rows, f"There are no {KINDS[kind].plural}.")
    if offset + page.count < page.total:
        say(f"{page.count} of {page.total}; --offset {offset + page.count} shows more.")


def text(value: Value | list[str]) -> str:
    """A value as a person reads and types it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else "" if value is None else str(value)


@click.command("describe")
@kind_argument
@json_option
@place_options
def describe_command(kind: str, as_json: bool, manager: str | None, data: str | None) -> None:
    """Say what a kind of object has: each attribute, its type, and whether it can be set."""
    with Place.of(manager, data).connect() as client:
        view = client.describe(kind)
    if as_json:
        return show.print_json(view)
    print(f"{view.name}: {view.doc}")
    show.table(("ATTRIBUTE", "TYPE", "", "MEANING"), [_described(a) for a in view.attributes], "")
    print("\n".join(_notes(view)))
    return None


def _described(attribute: AttributeView) -> tuple[str, ...]:
    may = "may be set" if attribute.writable else "at create" if attribute.at_create else "read-only"
    return attribute.name, attribute.type, may, f"{attribute.doc}{_bounds(attribute)}"


def _bounds(attribute: AttributeView) -> str:
    if attribute.choices:
        return f": {', '.join(attribute.choices)}"
    if attribute.least is None and attribute.most is None:
        return ""
    least, most = (f"{n:g}" if n is not None else "" for n in (attribute.least, attribute.most))
    return f" ({least} to {most})" if least and most else f" (at least {least})" if least else f" (at most {most})"


def _notes(view: KindView) -> list[str]:
    needed = [a.name for a in view.attributes if a.required]
    notes = [f"Words of its filters: {', '.join(('all', *view.words))}."]
    notes.append(view.no_create or f"A new one needs {', '.join(needed)}.")
    return [*notes, view.no_delete] if view.no_delete else notes


# --- set, create, delete -----------------------------------------------------------------------------------------


@click.command("set", cls=Separated)
@kind_argument
@click.argument("given", metavar="FILTER... [--] ATTR=VALUE...", nargs=-1, required=True, shell_complete=complete_word)
@json_option
@place_options
def set_command(kind: str, given: tuple[str, ...], as_json: bool, manager: str | None, data: str | None) -> None:
    """Set attributes of the objects that are meant: of all of them, or of none.

    The ATTR=VALUE words at the end are the values. Where a filter is attr=value itself, `--` keeps them apart.

    \b
    brender set worker 'farm*' idle tags=gpu,fast note='new card'
    brender set worker wish=disabled -- note='in repair'
    brender set setting enable_on_connect value=true
    """
    filters, values = split_here(given)
    if not values:
        raise click.UsageError("Nothing to set was given: say ATTR=VALUE.")
    with Place.of(manager, data).connect() as client:
        done = client.set(kind, filters, values)
    _say_done(done, kind, "set", as_json)


@click.command("create", cls=Separated)
@kind_argument
@click.argument("given", metavar="ATTR=VALUE...", nargs=-1, shell_complete=complete_word)
@json_option
@place_options
def create_command(kind: str, given: tuple[str, ...], as_json: bool, manager: str | None, data: str | None) -> None:
    """Make an object: a worker before it comes, a tag, a user's share, a mapping of a shared folder, a job of a .blend.

    \b
    brender create tag name=gpu note='has a card'
    brender create share user=anna weight=2
    brender create mapping name=show linux=/mnt/show windows='P:\\show' macos=/Volumes/show
    """
    filters, values = split_here(given)
    if filters:
        raise click.UsageError(f"'{filters[0]}' gives no attribute a value: say attr=value.")
    with Place.of(manager, data).connect() as client:
        done = client.create(kind, values)
    _say_done(done, kind, "created", as_json)


@click.command("delete")
@kind_argument
@click.argument("filters", metavar="FILTER...", nargs=-1, required=True, shell_complete=complete_word)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@place_options
def delete_command(
    kind: str, filters: tuple[str, ...], yes: bool, as_json: bool, manager: str | None, data: str | None
) -> None:
    """Delete the objects that are meant: all of them, or none. What is in use is not deleted."""
    with Place.of(manager, data).connect() as client:
        if not yes:
            _ask(client.objects(kind, filters, MOST_NAMED), kind)
        done = client.delete(kind, filters)
    _say_done(done, kind, "deleted", as_json)


def _ask(page: ObjectPage, kind: str) -> None:
    """Ask the person; where there is none, `--yes` is wanted."""
    if not page.total:
        raise CliError(f"No {kind} is meant by that.", Exit.NOT_FOUND)
    named = ", ".join(text(row[KINDS[kind].key.name]) for row in page.data)
    more = f" and {page.total - page.count} more" if page.total > page.count else ""
    if not sys.stdin.isatty():
        raise CliError(f"{counted(page.total, kind)} would be deleted: {show.plain(named)}{more}. Say --yes.")
    click.confirm(f"Delete {counted(page.total, kind)}: {show.plain(named)}{more}?", abort=True, err=True)


def counted(count: int, kind: str) -> str:
    """`1 worker`, `2 workers`."""
    return f"{count} {kind if count == 1 else KINDS[kind].plural}"


def _say_done(done: Changed, kind: str, verb: str, as_json: bool) -> None:
    if as_json:
        return show.print_json(done)
    return say_changed(done, kind, verb)


def say_changed(done: Changed, kind: str, verb: str) -> None:
    """How many, and which."""
    names = ", ".join(done.names[:MOST_NAMED])
    more = f" and {len(done.names) - MOST_NAMED} more" if len(done.names) > MOST_NAMED else ""
    print(f"{counted(done.count, kind)} {verb}{f': {show.plain(names)}{more}' if names else ''}.")


# --- audit -------------------------------------------------------------------------------------------------------


@click.command("audit")
@click.option("--who", metavar="NAME", help="What this person did alone.")
@click.option("--door", metavar="DOOR", help="What came through it alone: console, json, http, cli.")
@click.option("--verb", metavar="VERB", help="What this was done alone, such as disable.")
@click.option("--kind", metavar="KIND", help="What was done to objects of this kind alone.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many, newest first.")
@click.option("--before", metavar="ID", help="Those before this entry.")
@json_option
@place_options
def audit_command(
    limit: int, before: str | None, as_json: bool, manager: str | None, data: str | None, **wanted: str | None
) -> None:
    """Show who changed what, when, and from where: the newest first."""
    with Place.of(manager, data).connect() as client:
        page = client.audit(limit, before, **wanted)
    if as_json:
        return show.print_json(page)
    head = ("WHEN", "WHO", "DOOR", "FROM", "DID", "TO", "VALUES")
    show.table(head, [_entry(each) for each in page.entries], "Nobody has changed anything.")
    if page.before:
        say(f"--before {page.before} shows more.")
    return None


def _entry(entry: AuditEntry) -> tuple[str, ...]:
    keys = ", ".join(entry.keys[:5]) + (f" and {entry.count - 5} more" if entry.count > 5 else "")
    values = " ".join(f"{name}={text(value)}" for name, value in entry.values.items())
    did = f"{entry.verb} {entry.kind}"
    return show.clock(entry.at), entry.who, entry.door, entry.origin, did, keys, values
