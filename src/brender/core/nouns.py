# SPDX-License-Identifier: GPL-3.0-or-later
"""The nouns of the farm: job, step, task, run, worker. Frozen values; a change is a new value put in its place.

A task has no object of its own until something happens to it: a step knows its frames as ranges, and task *i* is
computed from *i* (docs/tour.md, "A million frames").
"""

import enum

import msgspec

from brender.core import messages
from brender.core.failures import Kind
from brender.core.frames import FrameSet
from brender.core.scene import Blender, Scene

Value = str | int | float | bool | tuple[str, ...] | None  # of an attribute


class JobState(enum.StrEnum):
    """A job's life; the moves are in `lifecycle`."""

    QUEUED = "queued"  # nothing of it has started
    ACTIVE = "active"  # something of it has started
    PAUSED = "paused"  # starts nothing, and nothing of it runs any more
    COMPLETED = "completed"  # every task has ended, at least one of them well
    FAILED = "failed"  # a fatal failure, the failure limit, or no task ended well
    CANCELLED = "cancelled"  # somebody ended it


class TaskState(enum.IntEnum):
    """A task's life, a byte each in memory."""

    READY = 0  # may be assigned
    WAITING = 1  # for the tasks it depends on
    ASSIGNED = 2  # a worker has it, and has not begun
    RUNNING = 3  # a worker renders it, or it is rendered and not yet published
    SUCCEEDED = 4  # its files are good, and in their final place
    FAILED = 5  # for good: its attempts are used up, or no attempt could mend it
    CANCELLED = 6  # its job ended before it
    SKIPPED = 7  # there was nothing to do


class RunState(enum.StrEnum):
    """One attempt's life."""

    ASSIGNED = "assigned"  # told to its worker
    RUNNING = "running"  # handed to Blender
    RENDERED = "rendered"  # accepted: verified under the run's own name, to be published
    SUCCEEDED = "succeeded"  # published
    FAILED = "failed"  # with a kind and a sentence
    CANCELLED = "cancelled"  # stopped since its job was
    RECALLED = "recalled"  # given back unstarted, preempted: no failure
    LOST = "lost"  # its worker is gone, or its lease ran out: no failure, but bounded


class Wish(enum.StrEnum):
    """What the administrator wants of a worker."""

    ENABLED = "enabled"
    DRAINING = "draining"  # finishes what it holds, gets nothing new
    DISABLED = "disabled"


class Connection(enum.StrEnum):
    """Whether a worker's socket is open now."""

    ONLINE = "online"
    OFFLINE = "offline"


class Condition(enum.StrEnum):
    """What a worker is doing."""

    IDLE = "idle"
    BUSY = "busy"
    SICK = "sick"


class StepKind(enum.StrEnum):
    """What one task of a step is."""

    FRAMES = "frames"  # one frame a task
    MOVIE = "movie"  # all frames in one task, as the format is one file


class Role(enum.StrEnum):
    """What a person is here for; what each may do: `rights`."""

    ADMIN = "admin"  # everything
    USER = "user"  # submits, and changes own jobs
    VIEWER = "viewer"  # looks


class TokenKind(enum.StrEnum):
    """What a token opens."""

    API = "api"  # the API, for a program or a command line of its user's
    JOIN = "join"  # the way in for a worker, which then has a key of its own
    INVITE = "invite"  # sets the password of its user, once
    SESSION = "session"  # the API, for a browser that has logged in


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The bounds of one job. Times in seconds."""

    attempts: int = 3  # failures of one task before it is failed for good
    losses: int = 10  # times one task may be lost with its machine before it is failed for good
    failed_tasks: int = 0  # failed tasks that end the job as failed; 0: no such limit
    max_run_s: float = 24 * 3600.0  # the longest a run may take
    silence_s: float = 3600.0  # the longest without a sign of life from Blender


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of a job whose tasks are alike. Small whatever its size."""

    name: str
    kind: StepKind
    frames: FrameSet
    order: str = "sequence"
    batch: int = 0  # the most tasks of one assignment, prefetch included; 0: the scheduler's choice

    @property
    def tasks(self) -> int:
        """How many tasks the step has."""
        return 1 if self.kind is StepKind.MOVIE else len(self.frames)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a person submitted, bound to one Blender, and how far it is. Wall-clock times in seconds since 1970."""

    id: int
    request_id: str  # made by the asker: submitting it twice is submitting it once
    name: str
    owner: str
    priority: int  # 0 to 100, higher first
    tags: tuple[str, ...]
    scene: Scene
    steps: tuple[Step, ...]
    limits: Limits
    outputs: str  # the pattern of final names it owns while it is unfinished
    state: JobState
    pause: bool = False  # wanted: starts nothing; `paused` once nothing runs
    message: str = ""  # why it failed, or paused by itself
    kind: Kind | None = None  # the failure that ended or paused it
    submitted_at: float
    started_at: float | None = None
    ended_at: float | None = None
    errors: int = 0  # failed tasks of an ended job: "completed with errors" is state and this
    counts: tuple[int, ...] = ()  # tasks by TaskState, kept when it ended
    warnings: tuple[str, ...] = ()  # what submitting it had to say, in sentences
    source: str = ""  # of a carried scene: the path of the .blend where it was submitted
    home: str = ""  # of a carried scene: the pattern of the names that its artist wants, on the artist's machine

    @property
    def carried(self) -> bool:
        """Whether its files were sent to the manager, and its frames come back there: no storage is shared."""
        return bool(self.scene.manifest)

    @property
    def blender(self) -> Blender:
        """The exact Blender it is bound to."""
        return self.scene.blender


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The row of a task that something has happened to."""

    job: int
    step: int
    index: int
    state: TaskState
    failures: int = 0
    losses: int = 0
    run: str | None = None  # its live run, or the accepted one


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of one task on one worker: the record of a frame."""

    id: str
    job: int
    step: int
    index: int
    worker: str
    state: RunState
    assigned_at: float
    started_at: float | None = None
    ended_at: float | None = None
    kind: Kind | None = None
    message: str = ""
    attempt: int = 0  # of a failed one: the task's how many-th failure it was
    final: bool = False  # of a failed one: its task has failed for good
    result: messages.Result | None = None
    stop: str = ""  # wanted, and why: its worker is told again whenever it comes back


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that renders, as it is kept: known by its key, not by a name or an address."""

    id: str
    key_hash: str  # SHA-256 of the worker's secret key
    name: str
    wish: Wish = Wish.ENABLED
    created_at: float
    host: messages.Host
    tags: tuple[str, ...] = ()  # given to it by a person, besides those it has of its own
    note: str = ""
    paused: bool = False  # wanted: it begins nothing, and what it has begun stands still
    legacy: bool = False  # a client of 2013, known by its MAC address: takes no render tasks
    mappings: tuple[str, ...] = ()  # `NAME=PATH`: where it has a shared folder, when others of its system have not

    @property
    def prepared(self) -> bool:
        """Made by a person, and not yet taken up by a machine of its name."""
        return not self.key_hash


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person with an account."""

    name: str
    role: Role
    password_hash: str = ""  # argon2's own text; "": cannot log in with a password
    created_at: float
    blocked: bool = False  # may do nothing, and is asked for nothing
    note: str = ""

    @property
    def can_login(self) -> bool:
        """Has a password, and may use it."""
        return bool(self.password_hash) and not self.blocked


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that opens something, kept as its hash. Its text is `ID.SECRET`, shown once."""

    id: str
    kind: TokenKind
    secret_hash: str  # SHA-256 of the secret
    user: str  # whose it is; of a join token, who made it
    scopes: tuple[str, ...] = ()  # of an API token: rights it is limited to; none: all of its user's
    created_at: float
    expires_at: float | None = None  # None: never
    uses: int | None = None  # left; None: any number
    used_at: float | None = None  # by a join or an invitation
    note: str = ""


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker's Blender said of the scene it opened."""

    id: str
    job: int
    step: int
    worker: str
    opened_at: float
    opened: messages.Opened


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a frame rendered warm has the pixels of one rendered cold, found out once for a scene's content."""

    content: str  # `content_key`
    job: int  # it was found out in
    frame: int
    equal: bool
    fraction: float = 0.0  # of pixels that differ
    largest: float = 0.0  # difference of two values
    seconds: float = 0.0  # it took
    worker: str = ""
    at: float = 0.0  # wall clock


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A label that ties jobs to workers, once a person has said what it is for."""

    name: str
    note: str = ""


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """A shared folder, and where each system has it; "": a system that has not got it."""

    name: str
    linux: str = ""
    windows: str = ""
    macos: str = ""
    note: str = ""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A user's weight among others, where priorities are equal."""

    user: str
    weight: float = 1.0


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Something set for the whole farm; what there is: `settings.SETTINGS`."""

    name: str
    value: str | int | float | bool


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who changed what, when and from where. Written with the change, in one transaction."""

    id: str
    at: float  # wall clock
    who: str
    door: str  # "console", "json", "http", "cli"
    origin: str  # the address it came from
    verb: str
    kind: str
    keys: tuple[str, ...] = ()  # the objects, at most 100 of them
    count: int = 0  # how many there were
    values: dict[str, Value] = {}


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """An object that is deleted: a row that takes a row away."""

    kind: str  # as in `kinds.KINDS`
    key: str
