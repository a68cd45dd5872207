# SPDX-License-Identifier: GPL-3.0-or-later
"""Letting machines in: tokens that name this manager and its certificate, and what becomes of one that is shown."""

import hashlib
import secrets

from msgspec.structs import replace

from brender.core import commands as c
from brender.core import jointoken
from brender.core.commands import By, Refusal
from brender.core.jointoken import JoinToken
from brender.core.joinviews import DAY_H, JoinedView, JoinRequest, JoinTokenView
from brender.core.nouns import TokenKind, Worker
from brender.manager.backoff import Backoff, TooSoon
from brender.manager.engine import Engine
from brender.manager.people import People

UNKNOWN = "This join token is not known here: it was revoked, or belongs to another farm."


class Joining:
    """`urls` and `fingerprint` are known once the manager listens."""

    def __init__(self, engine: Engine, people: People) -> None:
        self._engine = engine
        self._people = people
        self._tries = Backoff(free=20, longest_s=60.0)  # behind one address may be a whole farm
        self.urls: tuple[str, ...] = ()
        self.fingerprint = ""

    async def make(self, by: By, *, uses: int | None = None, hours: float = DAY_H, note: str = "") -> JoinTokenView:
        """A new token. Its text is told this once."""
        shown = await self._people.issue(by, TokenKind.JOIN, by.who, lives_s=hours * 3600.0, uses=uses, note=note)
        text = jointoken.encode(JoinToken(urls=self.urls, fingerprint=self.fingerprint, token=shown.text))
        assert shown.token.expires_at is not None
        return JoinTokenView(
            id=shown.token.id,
            text=text,
            urls=self.urls,
            fingerprint=self.fingerprint,
            expires_at=shown.token.expires_at,
            uses=uses,
        )

    async def join(self, by: By, asked: JoinRequest) -> JoinedView:
        """The worker that a machine is from now on. `Refusal` where its token does not let it in."""
        now = self._engine.clock().mono
        if wait_s := self._tries.wait_s(by.origin, now):
            raise TooSoon(wait_s)
        self._tries.failed(by.origin, now)
        id_, _, secret = asked.token.partition(".")
        known = await self._engine.read(lambda farm: farm.tokens.get(id_))
        hashed = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
        right = secrets.compare_digest(hashed, known.secret_hash if known else "")
        if known is None or not right or known.kind is not TokenKind.JOIN:
            raise Refusal(UNKNOWN, "forbidden")
        command = c.Join(
            by=replace(by, who=f"join token {known.id}"),
            token=known.id,
            key_hash=asked.key_hash,
            name=_plain(asked.name),
            host=asked.host,
        )
        worker: Worker = await self._engine.command(command)
        self._tries.was_right(by.origin)
        return JoinedView(worker=worker.id, name=worker.name)


def _plain(name: str) -> str:
    """A name that stands on a line."""
    return "".join(each for each in name if each.isprintable()).strip() or "worker"
