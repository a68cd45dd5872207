# SPDX-License-Identifier: GPL-3.0-or-later
"""People at the door: passwords, tokens, sessions and invitations. Secrets leave here once, and are kept as hashes.

A token's text is `ID.SECRET`. A password is hashed with argon2 in a thread, two at once, so that a crowd at the door
takes neither the loop nor the memory.
"""

import asyncio
import functools
import hashlib
import secrets
from collections.abc import Collection

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from brender.core import commands as c
from brender.core.commands import By, Refusal
from brender.core.nouns import Role, Token, TokenKind, User
from brender.core.peopleviews import LONGEST, SHORTEST
from brender.core.rights import Principal, Right
from brender.core.rules.people import expired
from brender.manager.backoff import Backoff, TooSoon
from brender.manager.engine import Engine

SESSION_S = 12 * 3600.0  # of a browser, from its login on
API_S = 90 * 24 * 3600.0
INVITE_S = 7 * 24 * 3600.0
AT_ONCE, IN_LINE = 2, 32  # passwords that are hashed, and that wait for it

WRONG = "The name or the password is wrong."


class Denied(Refusal):
    """What was shown opens nothing, and why: a sentence. 401 over HTTP."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "unauthorized")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A new token, and its text, which nobody can be told again."""

    token: Token
    text: str


class People:
    """Who they are, and what opens the door to them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._in_line = 0
        self._by_name = Backoff(free=5, longest_s=60.0)
        self._by_address = Backoff(free=20, longest_s=300.0)  # behind one address may be a whole house

    @property
    def logins(self) -> bool:
        """Whether people log in here."""
        return bool(self._engine.farm.setting("logins"))

    # --- who is it? --------------------------------------------------------------------------------------------

    def principal(self, text: str, *kinds: TokenKind) -> Principal:
        """Whose token this is: an API token, or one of the kinds named. Raises `Denied`."""
        token = self.token(text, *(kinds or (TokenKind.API,)))
        return self._principal(token)

    def token(self, text: str, *kinds: TokenKind) -> Token:
        """The token of a text. Raises `Denied` where it is none, not of these kinds, used up or out of date."""
        id_, _, secret = text.partition(".")
        known = self._engine.farm.tokens.get(id_)
        right = secrets.compare_digest(_hash(secret), known.secret_hash if known else _hash(""))
        if known is None or not right or known.kind not in kinds:
            raise Denied("This token is not known here: it was revoked, or belongs to another farm.")
        if expired(known, self._engine.clock()):
            raise Denied(f"The token {known.id} has expired: log in again, or ask for a new one.")
        if known.uses == 0:
            raise Denied(f"The token {known.id} has been used up: ask for a new one.")
        return known

    def again(self, who: Principal) -> Principal:
        """The same as they are now: what was revoked, blocked or changed since holds at once. Raises `Denied`."""
        if not who.token:
            return who
        known = self._engine.farm.tokens.get(who.token)
        if known is None or expired(known, self._engine.clock()):
            raise Denied("This login has ended: log in again.")
        return self._principal(known)

    def worker(self, key: str) -> str | None:
        """The id of the worker with this key of its own."""
        return self._engine.farm.by_key.get(_hash(key))

    def _principal(self, token: Token) -> Principal:
        user = self._engine.farm.users.get(token.user)
        if user is None:
            raise Denied("The account of this token is gone.")
        if user.blocked:
            raise Denied(f"The account {user.name} is blocked: ask an admin.")
        scopes = frozenset(Right(word) for word in token.scopes) or None
        return Principal(name=user.name, role=user.role, scopes=scopes, token=token.id)

    # --- passwords ---------------------------------------------------------------------------------------------

    async def known(self, name: str, password: str, address: str) -> User:
        """The user whose password this is. Raises `TooSoon`, or `Denied` with one sentence for all that is wrong."""
        now = self._engine.clock().mono
        name = name[:LONGEST]
        if wait_s := max(self._by_name.wait_s(name, now), self._by_address.wait_s(address, now)):
            raise TooSoon(wait_s)
        self._by_name.failed(name, now)
        self._by_address.failed(address, now)
        user = self._engine.farm.users.get(name)
        if not await self._fits(user.password_hash if user else "", password) or user is None:
            raise Denied(WRONG)
        self._by_name.forget(name)
        self._by_address.was_right(address)
        if user.blocked:
            raise Denied(f"The account {name} is blocked: ask an admin.")
        return user

    async def set_password(self, by: By, name: str, password: str, keep: str = "") -> User:
        """Give a user a password. Their sessions end, but for `keep`."""
        if name not in self._engine.farm.users:
            raise Refusal(f"There is no user {name}.", "not_found")
        hashed = await self.hashed(password)
        user: User = await self._engine.command(c.SetPassword(by=by, user=name, password_hash=hashed, keep=keep))
        return user

    async def accept(self, by: By, text: str, password: str) -> User:
        """Use an invitation: the password of its user. Raises `Denied`, `Refusal`."""
        token = self.token(text, TokenKind.INVITE)
        who = msgspec.structs.replace(by, who=token.user)
        hashed = await self.hashed(password)
        user: User = await self._engine.command(c.SpendToken(by=who, token=token.id, password_hash=hashed))
        return user

    async def hashed(self, password: str) -> str:
        """What is kept of a password; `Refusal` where it is no good one."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise Refusal(f"A password has {SHORTEST} to {LONGEST} characters.", "invalid")
        try:
            password.encode()
        except UnicodeEncodeError:
            raise Refusal("A password is text.", "invalid") from None
        async with _Turn(self):
            return await asyncio.to_thread(self._hasher.hash, password)

    async def _fits(self, hashed: str, password: str) -> bool:
        async with _Turn(self):
            return await asyncio.to_thread(self._verified, hashed, password[:LONGEST])

    def _verified(self, hashed: str, password: str) -> bool:
        """An unknown name, and one without a password, take as long as a wrong password."""
        nobodys = self._nobodys
        try:
            self._hasher.verify(hashed or nobodys, password.encode("utf-8", "surrogatepass"))
        except (Argon2Error, InvalidHashError):
            return False
        return bool(hashed)

    @functools.cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_hex())

    # --- tokens ------------------------------------------------------------------------------------------------

    async def issue(
        self,
        by: By,
        kind: TokenKind,
        user: str,
        *,
        lives_s: float | None,
        scopes: Collection[str] = (),
        uses: int | None = None,
        note: str = "",
    ) -> Shown:
        """A new token. `lives_s` None: for ever."""
        now, secret = self._engine.clock().wall, secrets.token_urlsafe(32)
        token = Token(
            id=secrets.token_hex(8),
            kind=kind,
            secret_hash=_hash(secret),
            user=user,
            scopes=tuple(scopes),
            created_at=now,
            expires_at=None if lives_s is None else now + lives_s,
            uses=uses,
            note=note,
        )
        await self._engine.command(c.PutToken(by=by, token=token))
        return Shown(token=token, text=f"{token.id}.{secret}")

    async def invite(self, by: By, name: str) -> Shown:
        """What sets a user's password, once."""
        if name not in self._engine.farm.users:
            raise Refusal(f"There is no user {name}.", "not_found")
        return await self.issue(by, TokenKind.INVITE, name, lives_s=INVITE_S, uses=1)

    async def revoke(self, by: By, *ids: str) -> None:
        """End tokens."""
        await self._engine.command(c.DeleteObjects(by=by, kind="token", keys=ids))

    def tokens(self, user: str | None = None) -> list[Token]:
        """Those of a user, or all: the newest first. Sessions and invitations are not shown."""
        shown = (TokenKind.API, TokenKind.JOIN)
        found = (t for t in self._engine.farm.tokens.values() if t.kind in shown and user in (None, t.user))
        return sorted(found, key=lambda token: -token.created_at)


class _Turn:
    """A place among those that are hashed; a line that is too long is refused."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def __aenter__(self) -> None:
        if self._people._in_line >= IN_LINE:
            raise TooSoon(1.0, "Too many people log in at this moment")
        self._people._in_line += 1
        try:
            await self._people._turns.acquire()
        except BaseException:
            self._people._in_line -= 1
            raise

    async def __aexit__(self, *_: object) -> None:
        self._people._in_line -= 1
        self._people._turns.release()


def csrf(text: str) -> str:
    """What a browser sends along with a session's cookie, so that another site's page cannot: it cannot know it."""
    return hashlib.sha256(b"csrf " + text.encode()).hexdigest()


def owner_of(by: By, wanted: str, known: Collection[str]) -> str:
    """Whose a new job is: whoever submits it; an admin may name another account, and the machine's owner anybody."""
    who = by.principal
    if not who.name:
        return wanted
    return wanted if who.role is Role.ADMIN and wanted in known else who.name


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
