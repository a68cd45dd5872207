# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender users | tokens | login | logout | whoami | password`: people, and what opens the door to them.

A password is asked for on the terminal, unseen, or read from stdin; it is never an argument, which others could see.
"""

import platform
import sys
import time
from urllib.parse import urlsplit

import click

from brender.cli import show
from brender.cli.connect import Place, json_option, place_options
from brender.cli.errors import CliError, say
from brender.cli.exits import Exit
from brender.cli.tokens import join_command
from brender.client import find, logins, places
from brender.client.api import Client
from brender.client.errors import ApiError, Distrusted
from brender.client.logins import Login
from brender.core.nouns import Role
from brender.core.objectviews import ObjectPage
from brender.core.peopleviews import LONGEST, SHORTEST, TokenMade, TokenView
from brender.core.rights import SCOPES
from brender.tls import trust

MOST = 1000  # users on one page
FETCH_S = 10.0
SHORTEST_PRINT = 16  # hexadecimal digits of a fingerprint

role_option = click.option("--role", type=click.Choice([role.value for role in Role]), help="What they may do.")
note_option = click.option("--note", metavar="TEXT", help="For people.")
stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from stdin, a line.")


# --- passwords ---------------------------------------------------------------------------------------------------


def _password(what: str, stdin: bool, *, new: bool = False) -> str:
    """Asked for, unseen; a new one twice. Or a line of stdin."""
    if stdin:
        given = sys.stdin.readline(2 * LONGEST).rstrip("\r\n")
    elif sys.stdin.isatty():
        given = click.prompt(what, hide_input=True, confirmation_prompt=new, err=True)
    else:
        raise CliError(f"There is no terminal to ask on: {what.lower()} by --password-stdin.", Exit.USAGE)
    if new and not SHORTEST <= len(given) <= LONGEST:
        raise CliError(f"A password has {SHORTEST} to {LONGEST} characters.")
    return str(given)


@click.command("password")
@stdin_option
@place_options
def password_command(password_stdin: bool, manager: str | None, data: str | None) -> None:
    """Change your password. From stdin: the old one, and on the next line the new one."""
    old = _password("Your password now", password_stdin)
    new = _password("Your new password", password_stdin, new=True)
    with Place.of(manager, data).connect() as client:
        account = client.change_password(old, new)
    print(f"The password of {account.name} is changed. Browsers that were logged in log in again.")


# --- users -------------------------------------------------------------------------------------------------------


@click.group("users", invoke_without_command=True)
@json_option
@place_options
@click.pass_context
def users_command(ctx: click.Context, as_json: bool, manager: str | None, data: str | None) -> None:
    """List the people with an account, or change who they are."""
    if ctx.invoked_subcommand is None:
        _list_users(as_json, manager, data)


@users_command.command("list")
@json_option
@place_options
def list_users(as_json: bool, manager: str | None, data: str | None) -> None:
    """List them."""
    _list_users(as_json, manager, data)


def _list_users(as_json: bool, manager: str | None, data: str | None) -> None:
    with Place.of(manager, data).connect() as client:
        page = client.objects("user", (), MOST)
    if as_json:
        return show.print_json(page)
    show.table(("NAME", "ROLE", "", "TOKENS", "SINCE", "NOTE"), _user_rows(page), "There are no users.")
    return None


def _user_rows(page: ObjectPage) -> list[tuple[str, ...]]:
    return [
        (
            str(row["name"]),
            str(row["role"]),
            "blocked" if row["blocked"] else "" if row["can_login"] else "no password",
            str(row["tokens"]),
            show.clock(float(str(row["created_at"]))),
            str(row["note"]),
        )
        for row in page.data
    ]


@users_command.command("add")
@click.argument("name")
@role_option
@note_option
@click.option("--invite", "invited", is_flag=True, help="Ask for no password: print an invitation to set one.")
@stdin_option
@place_options
def add_user(
    name: str,
    role: str | None,
    note: str | None,
    invited: bool,
    password_stdin: bool,
    manager: str | None,
    data: str | None,
) -> None:
    """Make an account, with a password or an invitation."""
    with Place.of(manager, data).connect() as client:
        password = "" if invited else _password(f"A password for {name}", password_stdin, new=True)
        values = {"name": name, "role": role, "note": note}
        client.create("user", {key: value for key, value in values.items() if value is not None})
        if password:
            client.set_password(name, password)
        print(f"{name} has an account.")
        if invited:
            _print_invitation(client, client.invite(name))


@users_command.command("set")
@click.argument("name")
@role_option
@note_option
@place_options
def set_user(name: str, role: str | None, note: str | None, manager: str | None, data: str | None) -> None:
    """Change a user's role or note."""
    values = {key: value for key, value in (("role", role), ("note", note)) if value is not None}
    if not values:
        raise click.UsageError("Nothing to set was given: --role, --note.")
    _set(name, values, manager, data)
    print(f"{name} is changed.")


@users_command.command("block")
@click.argument("name")
@place_options
def block_user(name: str, manager: str | None, data: str | None) -> None:
    """Let a user do nothing, with no password and no token, at once."""
    _set(name, {"blocked": "true"}, manager, data)
    print(f"{name} is blocked.")


@users_command.command("unblock")
@click.argument("name")
@place_options
def unblock_user(name: str, manager: str | None, data: str | None) -> None:
    """Undo it."""
    _set(name, {"blocked": "false"}, manager, data)
    print(f"{name} is no longer blocked.")


def _set(name: str, values: dict[str, str], manager: str | None, data: str | None) -> None:
    with Place.of(manager, data).connect() as client:
        client.set("user", [f"name={name}"], values)


@users_command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@place_options
def remove_user(name: str, yes: bool, manager: str | None, data: str | None) -> None:
    """End an account with all its tokens. Jobs stay, under its name."""
    if not yes:
        if not sys.stdin.isatty():
            raise CliError(f"The account {show.plain(name)} would be removed. Say --yes.")
        click.confirm(f"Remove the account {show.plain(name)}?", abort=True, err=True)
    with Place.of(manager, data).connect() as client:
        client.delete("user", [f"name={name}"])
    print(f"{name} is removed.")


@users_command.command("invite")
@click.argument("name")
@json_option
@place_options
def invite_user(name: str, as_json: bool, manager: str | None, data: str | None) -> None:
    """Print an invitation, with which a user sets a new password: once, within seven days."""
    with Place.of(manager, data).connect() as client:
        made = client.invite(name)
        if as_json:
            return show.print_json(made)
        return _print_invitation(client, made)


def _print_invitation(client: Client, made: TokenMade) -> None:
    """What is passed on, and what to do with it; an address that leads here alone is left for them to fill in."""
    host = urlsplit(client.url).hostname or ""
    where = "ADDRESS" if logins.key(client.url)[1] == "localhost" else client.url
    known = f" --fingerprint {client.fingerprint}" if client.fingerprint else ""
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(made.expires_at))
    print(f"On the machine of {made.user}, until {until}:")
    print(f"  brender login --manager {where}{known} --invitation")
    print(f"which asks for this invitation, and for a password:\n  {made.text}")
    if where == "ADDRESS":
        say(f"ADDRESS is how they reach this manager, such as https://HOST:8080, which is {host} here.")


@users_command.command("password")
@click.argument("name")
@stdin_option
@place_options
def set_users_password(name: str, password_stdin: bool, manager: str | None, data: str | None) -> None:
    """Give a user a password. Browsers that were logged in as them log in again."""
    with Place.of(manager, data).connect() as client:
        client.set_password(name, _password(f"A password for {name}", password_stdin, new=True))
    print(f"{name} has a new password.")


# --- logging in --------------------------------------------------------------------------------------------------


@click.command("login")
@click.option("--name", metavar="NAME", help="The account; else you are asked.")
@click.option("--invitation", is_flag=True, help="With an invitation (asked for) set a password first.")
@click.option("--fingerprint", metavar="HEX", help="Of the manager's own certificate, as an admin tells it.")
@stdin_option
@place_options
def login_command(
    name: str | None,
    invitation: bool,
    fingerprint: str | None,
    password_stdin: bool,
    manager: str | None,
    data: str | None,
) -> None:
    """Log in at a manager: its commands are yours from then on, for ninety days.

    What is kept is a token, in a file that you alone can read; the password is not. From stdin: with --invitation the
    invitation first, then a line with the password.
    """
    place = Place.of(manager, data)
    url = _url(place)
    certificate = _believed(url, place, fingerprint)
    with Client(url, "", certificate=certificate) as client:
        if invitation:
            shown = _password("The invitation", password_stdin)
            password = _password("A password of your own", password_stdin, new=True)
            name = client.accept(shown, password).name
        else:
            name = name or _name(password_stdin)
            password = _password(f"The password of {name}", password_stdin)
        done = client.login(name, password, f"brender login at {platform.node()}")
    logins.keep(url, Login(name=done.name, token=done.token, certificate=certificate))
    until = time.strftime("%Y-%m-%d", time.localtime(done.expires_at))
    print(f"You are {done.name}, {_a(done.role)}, at {url}, until {until}.")


def _name(stdin: bool) -> str:
    if stdin or not sys.stdin.isatty():
        return places.user()
    return str(click.prompt("Your name", default=places.user() or None, err=True))


def _url(place: Place) -> str:
    """The manager that is meant: it need not know us yet."""
    if named := place.named:
        return find.with_scheme(named).rstrip("/")
    if said := places.manager_file(place.data):
        return said.url
    raise CliError("Which manager: say --manager URL, or set BRENDER_MANAGER.", Exit.NO_MANAGER)


def _believed(url: str, place: Place, wanted: str | None) -> str:
    """The certificate by which the manager is known from here on; "": by its name, or it has none."""
    certificate = find.credentials(url, place.data)[1] if wanted is None else ""
    if wanted is None:
        try:
            with Client(url, "", certificate=certificate) as client:
                client.me()
            return certificate
        except Distrusted:
            if certificate:
                raise  # another one than is known: nobody is to get used to that
    elif not url.startswith("https:"):
        raise CliError(f"{url} has no certificate: --fingerprint is for https.", Exit.USAGE)
    parts = urlsplit(url)
    try:
        certificate = trust.fetch_certificate(parts.hostname or "", parts.port or 443, FETCH_S)
    except trust.NoCertificate as error:
        raise CliError(f"{error}.", Exit.NO_MANAGER) from None
    _compare(url, trust.fingerprint(certificate), wanted)
    return certificate


def _compare(url: str, came: str, wanted: str | None) -> None:
    """With what an admin told, or by whoever sits here."""
    if wanted is not None:
        plain = wanted.replace(":", "").lower()
        if len(plain) < SHORTEST_PRINT or not came.startswith(plain):
            raise CliError(f"{trust.mismatch(url, plain.ljust(SHORTEST_PRINT, '?'), trust.short(came))}.")
        return
    if not sys.stdin.isatty():
        raise CliError(f"The certificate of {url} is not known here. Say --fingerprint, as an admin tells it.")
    say(f"The manager at {url} has a certificate of its own: {trust.short(came)}.")
    click.confirm("Is that what an admin told you?", abort=True, err=True)


@click.command("logout")
@place_options
def logout_command(manager: str | None, data: str | None) -> None:
    """Forget a login, and revoke its token."""
    place = Place.of(manager, data)
    url = _url(place)
    login = logins.of(url)
    if login is None:
        raise CliError(f"You are not logged in at {url}.")
    try:
        with Client(url, login.token, certificate=login.certificate) as client:
            client.logout()
    except ApiError as error:
        if error.status != 401:  # it was revoked already, or has expired
            raise
    finally:
        logins.forget(url)
    print(f"You are no longer logged in at {url}.")


@click.command("whoami")
@json_option
@place_options
def whoami_command(as_json: bool, manager: str | None, data: str | None) -> None:
    """Say who you are to a manager, and what you may do."""
    with Place.of(manager, data).connect() as client:
        me, url = client.me(), client.url
    if as_json:
        return show.print_json(me)
    who = (
        f"{me.name}, {_a(me.role)}" if me.name and me.role else "the owner of its data folder" if me.local else "nobody"
    )
    print(f"At {url} you are {show.plain(who)}.")
    print(f"You may: {', '.join(me.rights)}.")
    return None


def _a(role: Role) -> str:
    return f"an {role}" if role[0] in "aeio" else f"a {role}"


# --- tokens ------------------------------------------------------------------------------------------------------


@click.group("tokens", invoke_without_command=True)
@click.option("--all", "everybodys", is_flag=True, help="Everybody's, and those with which machines join.")
@json_option
@place_options
@click.pass_context
def tokens_command(ctx: click.Context, everybodys: bool, as_json: bool, manager: str | None, data: str | None) -> None:
    """List your API tokens, make and revoke them; let machines join."""
    if ctx.invoked_subcommand is None:
        _list_tokens(everybodys, as_json, manager, data)


@tokens_command.command("list")
@click.option("--all", "everybodys", is_flag=True, help="Everybody's, and those with which machines join.")
@json_option
@place_options
def list_tokens(everybodys: bool, as_json: bool, manager: str | None, data: str | None) -> None:
    """List them."""
    _list_tokens(everybodys, as_json, manager, data)


def _list_tokens(everybodys: bool, as_json: bool, manager: str | None, data: str | None) -> None:
    """Whoever owns the data folder has none of their own: they see all."""
    with Place.of(manager, data).connect() as client:
        page = client.tokens(everybodys or client.me().local)
    if as_json:
        return show.print_json(page)
    head = ("ID", "KIND", "USER", "LIMITED TO", "UNTIL", "USES", "NOTE")
    show.table(head, [_token_row(each) for each in page.tokens], "There are no tokens.")
    return None


def _token_row(token: TokenView) -> tuple[str, ...]:
    until = "for ever" if token.expires_at is None else show.clock(token.expires_at)
    uses = "" if token.uses is None else str(token.uses)
    return token.id, token.kind.value, token.user, ",".join(token.scopes), until, uses, token.note


@tokens_command.command("create")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([right.value for right in SCOPES]),
    help="A right that it is limited to; may be given again. Else it may do what you may.",
)
@click.option("--days", type=click.FloatRange(0.001, 3650), default=90.0, show_default=True, help="How long it lives.")
@click.option("--for-ever", is_flag=True, help="It does not expire.")
@click.option("--note", default="", metavar="TEXT", help="What it is for, to be found again.")
@json_option
@place_options
def create_token(
    scopes: tuple[str, ...],
    days: float,
    for_ever: bool,
    note: str,
    as_json: bool,
    manager: str | None,
    data: str | None,
) -> None:
    """Make an API token, for a program: it is printed this once. BRENDER_TOKEN gives it to brender."""
    with Place.of(manager, data).connect() as client:
        made = client.make_token(scopes, None if for_ever else days, note)
    if as_json:
        return show.print_json(made)
    say(f"The token {made.id}, shown this once:")
    print(made.text)
    return None


@tokens_command.command("revoke")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@place_options
def revoke_tokens(ids: tuple[str, ...], manager: str | None, data: str | None) -> None:
    """End tokens, at once."""
    with Place.of(manager, data).connect() as client:
        for id_ in ids:
            client.revoke_token(id_.partition(".")[0])  # the whole text is a mistake that is easily made
            print(f"The token {id_.partition('.')[0]} is revoked.")


tokens_command.add_command(join_command)
