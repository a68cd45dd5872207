# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be asked of the farm. The engine takes one at a time to `rules.decide`."""

import msgspec

from brender.core.messages import Hello, Host, Report
from brender.core.nouns import Job, Limits, Step, Task, Token, Value, Wish
from brender.core.rights import NOBODY, Principal
from brender.core.scene import Scene


class Refusal(Exception):
    """A command that changes nothing, and why: a sentence for whoever asked.

    `reason` is one of "not_found", "conflict", "invalid", "forbidden": 404, 409, 422 and 403 over HTTP.
    """

    def __init__(self, message: str, reason: str = "conflict") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, through which door, and from where: what the audit log keeps."""

    who: str
    door: str
    origin: str = ""
    principal: Principal = NOBODY  # what they may do, as the door found out; not kept


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What all commands have: who asked, where a person did."""

    by: By | None = None


class SubmitJob(Command, frozen=True, kw_only=True):
    """Put a job into the farm. Its answer is the `Job`; the same `request_id` again gives the same job."""

    request_id: str
    name: str
    owner: str
    scene: Scene
    steps: tuple[Step, ...]
    outputs: str  # "{job}" in that of a carried scene stands for the job's number
    priority: int = 50
    tags: tuple[str, ...] = ()
    limits: Limits = Limits()
    warnings: tuple[str, ...] = ()
    source: str = ""
    home: str = ""


class PauseJob(Command, frozen=True, kw_only=True):
    """Start nothing of it any more; what runs may end. Answer: the `Job`."""

    job: int


class ResumeJob(Command, frozen=True, kw_only=True):
    """Undo a pause. Answer: the `Job`."""

    job: int


class CancelJob(Command, frozen=True, kw_only=True):
    """End it: all its runs are stopped, nothing new starts. Answer: the `Job`."""

    job: int


class RetryJob(Command, frozen=True, kw_only=True):
    """Make its failed (and, if it was cancelled, its unfinished) tasks ready again. Answer: the `Job`."""

    job: int
    ended: Job | None = None  # an ended job and its touched tasks, brought along from the store
    touched: tuple[Task, ...] = ()


class SetPriority(Command, frozen=True, kw_only=True):
    """Answer: the `Job`."""

    job: int
    priority: int


class WorkerHello(Command, frozen=True, kw_only=True):
    """A worker's connection has said who it is. Answer: `Welcome` or `Refused`."""

    connection: str
    hello: Hello
    key_hash: str
    joined: bool = False  # it came with a key that the farm knew: where that is gone since, it is no newcomer


class Join(Command, frozen=True, kw_only=True):
    """A machine has a join token, and a key of its own. Answer: its `Worker`; a known key is the same worker."""

    token: str  # the token's id; its secret has been compared
    key_hash: str
    name: str
    host: Host


class SetPassword(Command, frozen=True, kw_only=True):
    """A user's password. It ends their sessions, but for the one that asks. Answer: the `User`."""

    user: str
    password_hash: str
    keep: str = ""  # the id of a session


class PutToken(Command, frozen=True, kw_only=True):
    """Make a token. Answer: the `Token`."""

    token: Token


class SpendToken(Command, frozen=True, kw_only=True):
    """An invitation is used: its user's password is set. Refused where it is used up, or out of date. Answer: the
    `User`.
    """

    token: str  # id
    password_hash: str


class LegacyHello(Command, frozen=True, kw_only=True):
    """A client of 2013 has said its MAC address on the console. Answer: its `Worker`."""

    connection: str
    mac: str  # twelve hexadecimal digits
    origin: str


class WorkerGone(Command, frozen=True, kw_only=True):
    """A worker's connection has closed: not a death. `goodbye`: it signed off and holds nothing."""

    worker: str
    connection: str
    goodbye: bool = False


class TakeReport(Command, frozen=True, kw_only=True):
    """A worker's report. Answer: `Ack`."""

    worker: str
    report: Report


class Published(Command, frozen=True, kw_only=True):
    """An accepted run's files are in their final places."""

    run: str


class NotPublished(Command, frozen=True, kw_only=True):
    """An accepted run's files could not be put in their final places."""

    run: str
    message: str


class PublishingDelayed(Command, frozen=True, kw_only=True):
    """What takes an accepted run's files cannot do so now. They are safe where they are, and it is tried again."""

    run: str
    message: str


class SetWish(Command, frozen=True, kw_only=True):
    """Enable, drain or disable workers; `now` gives back what they render too. Answer: a list of their `Worker`s."""

    workers: tuple[str, ...]  # ids
    wish: Wish
    now: bool = False


class SetPaused(Command, frozen=True, kw_only=True):
    """Pause workers, with what they render, or resume them. Answer: a list of their `Worker`s."""

    workers: tuple[str, ...]  # ids
    paused: bool


class KillRuns(Command, frozen=True, kw_only=True):
    """End runs now, processes and all: their tasks are ready again, and nothing is counted. Answer: the `Run`s."""

    runs: tuple[str, ...] = ()  # ids
    workers: tuple[str, ...] = ()  # ids of workers, for all that they hold


class CreateObject(Command, frozen=True, kw_only=True):
    """Make a worker (to be taken up by a machine of its name), a tag, a share or a mapping. Answer: its row."""

    kind: str
    values: dict[str, Value]  # checked by `Kind.checked`


class SetAttributes(Command, frozen=True, kw_only=True):
    """Set attributes of objects of one kind, all or none. Answer: how many."""

    kind: str
    keys: tuple[str, ...]  # what `Kind.id_of` gives
    values: dict[str, Value]


class DeleteObjects(Command, frozen=True, kw_only=True):
    """Delete objects of one kind, all or none. Jobs must have ended. Answer: how many."""

    kind: str
    keys: tuple[str, ...]


class Tick(Command, frozen=True, kw_only=True):
    """Time has passed: leases are looked at."""
