# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs about objects of any kind and their attributes: get, set, create, delete, describe; and the audit log."""

import time
from collections.abc import Sequence
from typing import Any

from brender.core import words
from brender.core.attributes import Attribute, Kind
from brender.core.commands import Refusal
from brender.core.kinds import KINDS
from brender.core.nouns import AuditEntry
from brender.manager.console.answer import Answer, Asked, changed, counted, said, table
from brender.manager.console.paging import closed, following

PYTHON = {"script", "scripts", "python", "python_expr", "python_exprs", "launch", "allow"}


def kind_and_rest(asked: Asked, usage: str) -> tuple[Kind, tuple[str, ...]]:
    """The kind that the first word names, and the other words."""
    given = asked.some(usage)
    return asked.service.kind(given[0]), given[1:]


async def get(asked: Asked) -> Answer:
    """Attributes of objects: of one, a line each; of many, a table."""
    kind, rest = kind_and_rest(asked, "KIND [FILTER]")
    names = _shown(kind, asked.show)
    rows, total = await asked.service.show(kind.name, rest, asked.rows, asked.offset)
    rows = [{name: row[name] for name in names} for row in rows]
    if asked.json:
        return Answer(data=rows, total=total)
    if not rows and asked.page == 1:
        return Answer(lines=[f"No {kind.name} fits." if rest else f"There are no {kind.plural}."], data=[])
    if total == 1:
        return Answer(lines=[f"{name}: {said(value)}".rstrip() for name, value in rows[0].items()])
    return Answer(lines=closed(asked, _as_table(rows), total, kind.plural), more=following(asked, total))


def _shown(kind: Kind, wanted: Sequence[str]) -> list[str]:
    try:
        return [kind.attribute(name).name for name in wanted] or [a.name for a in kind.attributes]
    except ValueError as error:
        raise Refusal(str(error), "invalid") from None


def _as_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Without the columns that say nothing of anybody."""
    if not rows:
        return []
    names = [name for name in rows[0] if any(said(row[name]) for row in rows)]
    return table(names, ([said(row[name]) for name in names] for row in rows))


async def set_(asked: Asked) -> Answer:
    """Set attributes of all that are meant, or of none."""
    kind, rest = kind_and_rest(asked, "KIND FILTER attribute=value ...")
    chosen, values = _split(rest)
    names = await asked.service.set(asked.by, kind.name, chosen, values)
    return changed(names, kind.name, "set")


async def create(asked: Asked) -> Answer:
    """Make one."""
    kind, rest = kind_and_rest(asked, "KIND attribute=value ...")
    chosen, values = _split(rest)
    if chosen:
        raise Refusal(f"'{chosen[0]}' gives no attribute a value: say attribute=value.", "invalid")
    refuse_python(kind, values)
    row = await asked.service.create(asked.by, kind.name, values)
    return Answer(lines=[f"{kind.name} {said(row[kind.key.name])} created."], data=[row])


def refuse_python(kind: Kind, values: Any) -> None:
    """Who can reach this socket is not known well enough to run their programs."""
    if kind.name == "job" and (found := sorted(PYTHON & {str(name).lower() for name in values})):
        raise Refusal(
            f"A job that carries Python ({found[0]}) is not taken here: submit it with `brender render`.", "invalid"
        )


async def delete(asked: Asked) -> Answer:
    """Delete all that are meant, or none."""
    kind, rest = kind_and_rest(asked, "KIND FILTER")
    return changed(await asked.service.delete(asked.by, kind.name, rest), kind.name, "deleted")


def _split(rest: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    try:
        return words.split(rest)
    except ValueError as error:
        raise Refusal(str(error), "invalid") from None


# --- what there is -----------------------------------------------------------------------------------------------


async def describe(asked: Asked) -> Answer:
    """The kinds there are, or the attributes of one."""
    if not asked.words:
        return Answer(
            lines=table(("kind", "is"), ((kind.name, kind.doc) for kind in KINDS.values())),
            data=[{"name": kind.name, "plural": kind.plural, "doc": kind.doc} for kind in KINDS.values()],
        )
    kind = asked.service.kind(asked.one("KIND"))
    lines = table(("attribute", "type", "may", "meaning"), map(_described, kind.attributes))
    return Answer(lines=[kind.doc, *lines, *_notes(kind)], data=[attribute_row(a) for a in kind.attributes])


def attribute_row(attribute: Attribute) -> dict[str, Any]:
    """An attribute as values."""
    fields = ("name", "type", "doc", "writable", "at_create", "required", "choices", "least", "most")
    return {field: getattr(attribute, field) for field in fields}


def _described(attribute: Attribute) -> tuple[str, ...]:
    may = "set" if attribute.writable else "create" if attribute.at_create else "read"
    choices = f": {', '.join(attribute.choices)}" if attribute.choices else ""
    bounds = f" ({attribute.range_text()})" if attribute.range_text() else ""
    return attribute.name, attribute.type, may, f"{attribute.doc}{choices}{bounds}"


def _notes(kind: Kind) -> list[str]:
    needed = ", ".join(a.name for a in kind.attributes if a.required)
    notes = [f"Words of its filters: {', '.join(('all', *kind.words))}."]
    notes.append(kind.no_create or f"A new one needs {needed}.")
    return [*notes, kind.no_delete] if kind.no_delete else notes


# --- who changed what --------------------------------------------------------------------------------------------


async def audit(asked: Asked) -> Answer:
    """The newest changes first."""
    _, wanted = _split(asked.words)
    if len(wanted) < len(asked.words):
        raise Refusal("The audit log is asked by field=value, such as who=anna verb=disable.", "invalid")
    entries = await asked.service.audit(asked.offset + asked.rows + 1, **wanted)
    page = entries[asked.offset : asked.offset + asked.rows]
    if asked.json:
        return Answer(data=page)
    more = asked.page + 1 if len(entries) > asked.offset + asked.rows else None
    lines = [_entry(each) for each in page] or ["Nobody has changed anything."]
    if more:
        lines.append(f"-- {counted(len(page), 'change')}; `more`, or --page {more}, shows older ones")
    return Answer(lines=lines, more=more)


def _entry(entry: AuditEntry) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at))
    keys = ", ".join(entry.keys[:5]) + (f" and {entry.count - 5} more" if entry.count > 5 else "")
    values = " ".join(f"{name}={said(value)}" for name, value in entry.values.items())
    who = f"{entry.who} ({entry.door}, {entry.origin})" if entry.origin else f"{entry.who} ({entry.door})"
    return "  ".join(part for part in (when, who, entry.verb, entry.kind, keys, values) if part)
