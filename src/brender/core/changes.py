# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule decided, as a value: rows to put, and what to do once they are saved. Doing it is the engine's.

`Farm.apply` brings the rows to memory, `store.save` to the database; both take the same list.
"""

import msgspec

from brender.core.messages import ToWorker
from brender.core.nouns import (
    AuditEntry,
    Gone,
    Job,
    Mapping,
    Run,
    SessionRecord,
    Setting,
    Share,
    Tag,
    Task,
    Token,
    User,
    Verdict,
    Worker,
)

Row = (
    Job | Task | Run | Worker | SessionRecord | Tag | Share | Setting | Mapping | Verdict | User | Token | AuditEntry
    | Gone
)  # fmt: skip


class Tell(msgspec.Struct, frozen=True):
    """Send a message to a worker, after the commit."""

    worker: str
    message: ToWorker


class Publish(msgspec.Struct, frozen=True):
    """Rename an accepted run's files to their final names, after the commit."""

    run: Run


class Discard(msgspec.Struct, frozen=True):
    """Close a connection that a newer one of the same worker has replaced, after the commit."""

    worker: str
    connection: str


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's connection, as it is now: memory alone, never saved."""

    worker: str
    connection: str | None
    boot: str = ""
    only_job: int | None = None


class Proving(msgspec.Struct, frozen=True, kw_only=True):
    """A worker has been asked to prove a content: memory alone, never saved."""

    content: str
    worker: str


Effect = Tell | Publish | Discard


class Changes(msgspec.Struct):
    """Rows in the order they were decided, effects in the order to do them, and the answer to the asker."""

    rows: list[Row] = []
    effects: list[Effect] = []
    answer: object = None
    presence: Presence | None = None
    silent: tuple[str, ...] = ()  # workers whose lease ran out: memory alone, never saved
    proving: Proving | None = None
