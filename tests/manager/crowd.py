# SPDX-License-Identifier: GPL-3.0-or-later
"""People of a house: accounts, tokens of theirs, a worker with a key of its own, and everybody there can be."""

import hashlib
import secrets
from typing import Any

import msgspec

from brender.core import commands as c
from brender.core.nouns import Role, TokenKind
from brender.core.rights import LOCAL, SCOPES, Right
from brender.manager.auth import COOKIE
from brender.manager.people import csrf
from tests.manager.house import TOKEN, House

BY = c.By(who="test", door="http", principal=LOCAL)
KEY = "k" * 43
PASSWORD = "correct horse"


async def account(house: House, name: str, role: Role = Role.USER, password: str = "", **values: Any) -> None:
    """An account, with a password where one is given."""
    given = {"name": name, "role": role.value} | values
    await house.do(c.CreateObject(by=BY, kind="user", values=given))
    if password:
        await house.people.set_password(BY, name, password)


async def token(house: House, name: str, *scopes: Right, lives_s: float | None = 3600.0) -> str:
    """The text of an API token."""
    return (await house.people.issue(BY, TokenKind.API, name, lives_s=lives_s, scopes=scopes)).text


async def session(house: House, name: str) -> dict[str, str]:
    """The headers of a browser that has logged in."""
    text = (await house.people.issue(BY, TokenKind.SESSION, name, lives_s=3600.0)).text
    return {"Cookie": f"{COOKIE}={text}", "X-Brender-CSRF": csrf(text)}


async def switch_logins_on(house: House) -> None:
    """With an admin who can log in; no test waits for argon2 where it is not about passwords."""
    await account(house, "boss", Role.ADMIN)
    await house.do(c.SetPassword(by=BY, user="boss", password_hash="x"))
    await house.do(c.SetAttributes(by=BY, kind="setting", keys=("logins",), values={"value": True}))


class Somebody(msgspec.Struct, frozen=True):
    """What one shows, and what they may do: written out here once more, so that a change of the table is seen."""

    name: str
    headers: dict[str, str]
    may: frozenset[Right]
    role: Role | None = None


_LOOK = {Right.OPEN, Right.LOOK, Right.ACCOUNT}
_USE = _LOOK | {Right.SUBMIT, Right.CHANGE_JOBS}
_RULE = _USE | {Right.CHANGE_FARM, Right.PEOPLE, Right.AUDIT, Right.SHUTDOWN}
MAY: dict[Role, set[Right]] = {Role.VIEWER: _LOOK, Role.USER: _USE, Role.ADMIN: _RULE}


async def everybody(house: House) -> list[Somebody]:
    """One of each: nobody, each role by token and by cookie, an admin's token of each scope, a worker, the owner."""
    found = [Somebody("nobody", {}, frozenset({Right.OPEN}))]
    for role, rights in MAY.items():
        await account(house, f"a-{role}", role)
        may = frozenset(rights)
        found.append(Somebody(role.value, bearer(await token(house, f"a-{role}")), may, role))
        found.append(Somebody(f"{role}'s browser", await session(house, f"a-{role}"), may, role))
    for right in SCOPES:
        may = frozenset({Right.OPEN, right})
        shown = bearer(await token(house, "a-admin", right))
        found.append(Somebody(f"admin's token for {right}", shown, may, Role.ADMIN))
    shown = bearer(await token(house, "a-viewer", Right.CHANGE_FARM))
    found.append(Somebody("viewer's token for what they may not", shown, frozenset({Right.OPEN})))
    await house.join("own-key", KEY, hashed=hashlib.sha256(KEY.encode()).hexdigest())
    found.append(Somebody("worker", bearer(KEY), frozenset({Right.OPEN, Right.WORK})))
    logins = bool(house.engine.farm.setting("logins"))
    may = frozenset((_LOOK if logins else _RULE) | {Right.WORK})
    return [*found, Somebody("owner", bearer(TOKEN), may, Role.VIEWER if logins else Role.ADMIN)]


def bearer(text: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {text}"}


def guess() -> str:
    """A token that is none."""
    return f"{secrets.token_hex(8)}.{secrets.token_urlsafe(32)}"
