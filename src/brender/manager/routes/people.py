# SPDX-License-Identifier: GPL-3.0-or-later
"""`/login`, `/me`, `/tokens`, `/users/{name}/…`: who somebody is, what they show for it, and how they come by it."""

from typing import Annotated, Any, TypeAlias

from litestar import Request, Response, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec.structs import replace

from brender.core.commands import By, Refusal
from brender.core.nouns import Token, TokenKind
from brender.core.peopleviews import (
    AcceptRequest,
    AccountView,
    LoginRequest,
    LoginView,
    MeView,
    NewPassword,
    PasswordRequest,
    TokenMade,
    TokenPage,
    TokenRequest,
    TokenView,
)
from brender.core.rights import SCOPES, Right, allows, refusal, rights_of
from brender.manager.auth import cookie, is_tls
from brender.manager.errors import Body, said
from brender.manager.people import API_S, SESSION_S, Shown, csrf
from brender.manager.routes.given import TheAsker, ThePeople

DAY_S = 24 * 3600.0
LONGEST_DAYS = 3650.0
LONGEST_NOTE = 200

TheRequest: TypeAlias = Request[Any, Any, Any]
UserName = Annotated[str, PathParameter(description="The user's name.")]
TokenId = Annotated[str, PathParameter(description="The token's id: what stands before the dot.")]
All = Annotated[bool, QueryParameter(name="all", description="Everybody's, for admins.")]


def _body(kind: Any, *statuses: int) -> dict[str, Any]:
    """What the routes with a body have in common."""
    return {"status_code": 200, "dto": Body[kind], "return_dto": None, "responses": said(400, 413, 415, 422, *statuses)}


# --- logging in --------------------------------------------------------------------------------------------------


@post("/login", **_body(LoginRequest, 401, 429), right=Right.OPEN)
async def log_in(
    data: JSONBody[LoginRequest], request: TheRequest, people: ThePeople, asker: TheAsker
) -> Response[LoginView]:
    """Log in: a browser gets a cookie for twelve hours, a command line (`token`) an API token for ninety days.

    After some failures each further try waits longer: 429, and `Retry-After` says how long.
    """
    user = await people.known(data.name, data.password, asker.origin)
    by = replace(asker, who=user.name)
    kind, lives_s = (TokenKind.API, API_S) if data.token else (TokenKind.SESSION, SESSION_S)
    shown = await people.issue(by, kind, user.name, lives_s=lives_s, note=_note(data.note))
    view = LoginView(name=user.name, role=user.role, expires_at=shown.token.expires_at or 0.0)
    if data.token:
        return Response(replace(view, token=shown.text))
    set_cookie = cookie(shown.text, SESSION_S, is_tls(request.scope))
    return Response(replace(view, csrf=csrf(shown.text)), headers={"Set-Cookie": set_cookie})


@post("/logout", status_code=204, responses=said(403), right=Right.ACCOUNT)
async def log_out(request: TheRequest, people: ThePeople, asker: TheAsker) -> Response[None]:
    """End the session, or revoke the token, that this request came with."""
    _account(asker)
    await people.revoke(asker, asker.principal.token)
    return Response(None, status_code=204, headers={"Set-Cookie": cookie("", 0, is_tls(request.scope))})


@get("/me", right=Right.OPEN)
async def show_me(request: TheRequest, people: ThePeople, asker: TheAsker) -> MeView:
    """Who asks, and what they may do."""
    who = asker.principal
    return MeView(
        name=who.name,
        role=who.role,
        rights=tuple(rights_of(who)),
        local=who.local,
        logins=people.logins,
        csrf=request.scope["state"]["csrf"],
    )


# --- passwords ---------------------------------------------------------------------------------------------------


@post("/password", **_body(PasswordRequest, 401, 403, 429), right=Right.ACCOUNT)
async def change_password(data: JSONBody[PasswordRequest], people: ThePeople, asker: TheAsker) -> AccountView:
    """Change one's own. All other sessions end; API tokens stay."""
    name = _account(asker)
    await people.known(name, data.old, asker.origin)
    user = await people.set_password(asker, name, data.new, keep=asker.principal.token)
    return AccountView(name=user.name, role=user.role)


@post("/users/{name:str}/password", **_body(NewPassword, 404, 429), right=Right.PEOPLE)
async def set_password(name: UserName, data: JSONBody[NewPassword], people: ThePeople, asker: TheAsker) -> AccountView:
    """Give a user a password. Their sessions end."""
    user = await people.set_password(asker, name, data.password)
    return AccountView(name=user.name, role=user.role)


@post("/users/{name:str}/invite", status_code=201, responses=said(400, 404, 409), right=Right.PEOPLE)
async def invite(name: UserName, people: ThePeople, asker: TheAsker) -> TokenMade:
    """Make an invitation, with which the user sets a password: once, within seven days."""
    return _made(await people.invite(asker, name))


@post("/accept", **_body(AcceptRequest, 401, 404, 429), right=Right.OPEN)
async def accept(data: JSONBody[AcceptRequest], people: ThePeople, asker: TheAsker) -> AccountView:
    """Use an invitation: set one's password. Then log in with it."""
    user = await people.accept(asker, data.token, data.password)
    return AccountView(name=user.name, role=user.role)


# --- tokens ------------------------------------------------------------------------------------------------------


@post("/tokens", **_body(TokenRequest, 403, 409) | {"status_code": 201}, right=Right.ACCOUNT)
async def make_token(data: JSONBody[TokenRequest], people: ThePeople, asker: TheAsker) -> TokenMade:
    """Make an API token of one's own, for a program. It can do no more than whoever makes it."""
    name = _account(asker)
    scopes = tuple(dict.fromkeys(data.scopes)) or tuple(sorted(asker.principal.scopes or ()))
    for right in map(Right, scopes):
        if right not in SCOPES:
            raise Refusal(f"No token is limited to {right}: there are {', '.join(SCOPES)}.", "invalid")
        if reason := refusal(asker.principal, right):
            raise Refusal(reason, "forbidden")
    if data.days is not None and not 0 < data.days <= LONGEST_DAYS:
        raise Refusal(f"A token lives up to {LONGEST_DAYS:.0f} days, or (null) for ever.", "invalid")
    lives_s = None if data.days is None else data.days * DAY_S
    return _made(await people.issue(asker, TokenKind.API, name, lives_s=lives_s, scopes=scopes, note=_note(data.note)))


@get("/tokens", responses=said(400, 403), right=Right.ACCOUNT)
async def list_tokens(people: ThePeople, asker: TheAsker, everybodys: All = False) -> TokenPage:
    """One's own API tokens; with `all` everybody's, and those with which workers join."""
    if everybodys and (reason := refusal(asker.principal, Right.PEOPLE)):
        raise Refusal(reason, "forbidden")
    tokens = people.tokens(None if everybodys else _account(asker))
    return TokenPage(count=len(tokens), tokens=tuple(map(_view, tokens)))


@delete("/tokens/{token:str}", status_code=204, responses=said(400, 403, 404), right=Right.ACCOUNT)
async def revoke_token(token: TokenId, people: ThePeople, asker: TheAsker) -> None:
    """End a token: one's own, an admin any."""
    known = next((each for each in people.tokens() if each.id == token), None)
    if known is None or not (_owns(asker, known) or allows(asker.principal, Right.PEOPLE)):
        raise Refusal(f"There is no token {token} that you may revoke.", "not_found")
    await people.revoke(asker, token)


def _owns(asker: By, token: Token) -> bool:
    return bool(asker.principal.name) and token.user == asker.principal.name


def _account(asker: By) -> str:
    """The name of who asks; whoever has the data folder's token has no account."""
    if not asker.principal.name:
        raise Refusal("The data folder's token is no account: log in for this, with `brender login`.", "forbidden")
    return asker.principal.name


def _note(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:LONGEST_NOTE]


def _made(shown: Shown) -> TokenMade:
    token = shown.token
    return TokenMade(
        id=token.id,
        text=shown.text,
        kind=token.kind,
        user=token.user,
        scopes=token.scopes,
        expires_at=token.expires_at,
    )


def _view(token: Token) -> TokenView:
    return TokenView(**{name: getattr(token, name) for name in TokenView.__struct_fields__})


HANDLERS: list[Any] = [
    log_in, log_out, show_me, change_password, set_password, invite, accept, make_token, list_tokens, revoke_token,
]  # fmt: skip
