# SPDX-License-Identifier: GPL-3.0-or-later
"""What the manager shows, and what it is asked for: the types of the HTTP API, /api/v1. Values only.

A view is flat and whole: who shows it knows no rules. What may be done to a thing now is in its `actions`.
Wall-clock times are seconds since 1970, memory is MB (2**20 bytes), paths are absolute.
"""

from typing import Literal

import msgspec

from brender.core.failures import Kind
from brender.core.nouns import Condition, Connection, JobState, Limits, RunState, StepKind, TaskState, Wish
from brender.core.scene import Allow, Blender, FoundBlender, Launch, Script, Settings

JobAction = Literal["pause", "resume", "cancel", "retry", "priority"]
WorkerAction = Literal["enable", "drain", "disable"]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What all have: no memory, and no positions."""


# --- asked -------------------------------------------------------------------------------------------------------


class JobRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job to submit: `POST /jobs`. The same `request_id` again is answered with the same job."""

    request_id: str
    blend: str  # absolute path, as the manager's machine and the workers see it; with `manifest`, its path in that
    manifest: str = ""  # SHA-256 of a `Manifest` whose files were sent before: the scene is carried, no disk is shared
    source: str = ""  # with `manifest`: where the .blend lies on the asker's machine, for names and relative outputs
    system: str = ""  # the asker's: "Linux", "Windows", "Darwin"; "": the manager's own
    name: str = ""  # "": the file's name
    frames: str = ""  # `FrameSet` text; "": the range of the scene, or what `settings` make of it
    only_missing: bool = False  # --missing: leave out frames whose files are there and good
    settings: Settings = Settings()
    scripts: tuple[Script, ...] = ()
    launch: Launch = Launch()
    allow: Allow = Allow()
    blender: Blender | None = None  # None: the manager chooses among what its workers have
    owner: str = ""
    priority: int = 50  # 0 to 100, higher first
    tags: tuple[str, ...] = ()
    order: str = "sequence"
    batch: int = 0  # the most tasks of one assignment; 0: the scheduler's choice
    limits: Limits = Limits()


class JobPatch(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be changed of a job: `PATCH /jobs/{id}`. None leaves it."""

    priority: int | None = None


class WishRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /workers/{id}/drain` and `disable`."""

    now: bool = False  # give back what is running, too


# --- shown -------------------------------------------------------------------------------------------------------


class RunView(View, frozen=True, kw_only=True):
    """A run that is going on."""

    run: str
    index: int
    frame: int  # the first one, where the run is a movie
    worker: str  # its name
    state: RunState
    started_at: float | None = None
    fraction: float = 0.0
    text: str = ""  # what Blender says of itself
    memory_mb: float = 0.0


class FailureView(View, frozen=True, kw_only=True):
    """A run that failed, in words."""

    run: str
    frame: int
    worker: str
    kind: Kind | None = None
    message: str = ""
    attempt: int = 1  # the task's how many-th failure it was
    final: bool = False  # the task has failed for good
    at: float = 0.0


class OpenedView(View, frozen=True, kw_only=True):
    """What Blender said of the scene when it was first opened for the job."""

    blender: str  # the version that really runs
    engine: str
    device: str
    format: str
    width: int
    height: int
    persistent_data: bool = False
    persistent_reason: str = ""
    warm: bool = False
    warm_reason: str = ""
    warnings: tuple[str, ...] = ()
    open_s: float = 0.0


class ProofView(View, frozen=True, kw_only=True):
    """What came of rendering a frame of the job's scene warm and cold: once for a scene's content and a Blender."""

    equal: bool
    frame: int
    fraction: float = 0.0  # of pixels that differ
    largest: float = 0.0  # difference of two values; whole numbers count from 0 to 1
    job: int  # it was found out in
    message: str  # the same in a sentence


class JobView(View, frozen=True, kw_only=True):
    """A job: `GET /jobs/{id}`, and each of `GET /jobs`."""

    id: int
    name: str
    owner: str = ""
    priority: int = 50
    tags: tuple[str, ...] = ()
    state: JobState
    pause: bool = False  # a pause is wanted: `pausing` until nothing runs
    message: str = ""  # why it failed, or paused by itself
    kind: Kind | None = None  # the failure that ended or paused it
    blend: str
    blender: Blender
    settings: Settings = Settings()
    step: StepKind = StepKind.FRAMES
    frames: str  # `FrameSet` text of what is rendered
    tasks: int
    counts: dict[str, int] = {}  # tasks by the name of their state, in lower case; states without tasks may be absent
    done: float = 0.0  # fraction of the tasks that have ended, running ones counted by their progress
    errors: int = 0  # failed tasks
    frames_per_minute: float | None = None
    eta_s: float | None = None  # time left
    outputs: str  # the pattern of its final names, absolute
    carried: bool = False  # its files were sent, and its frames are to be fetched
    home: str = ""  # of a carried one: the pattern of the names its artist wants, on the artist's machine
    folder: str  # where they are
    proof: ProofView | None = None  # None until it was made; jobs of fewer than 50 frames do not make one
    opened: OpenedView | None = None  # None until a worker has opened the scene
    warnings: tuple[str, ...] = ()  # of submit, and of the opened scene
    runs: tuple[RunView, ...] = ()  # going on now; at most 100
    failures: tuple[FailureView, ...] = ()  # failed runs, the newest last; at most 100
    failure_count: int = 0  # failed runs in all
    submitted_at: float
    started_at: float | None = None
    ended_at: float | None = None
    actions: tuple[JobAction, ...] = ()


class JobPage(View, frozen=True, kw_only=True):
    """`GET /jobs`: the newest first. `before` of the next page is the last one's id; None: that was all."""

    jobs: tuple[JobView, ...]
    before: int | None = None


class FileView(View, frozen=True, kw_only=True):
    """One file of a frame, in its final place."""

    path: str
    name: str = ""  # of the file, and of the folders that it is in within the job's own, with "/"; for who fetches it
    size: int  # bytes
    sha256: str
    width: int = 0  # pixels
    height: int = 0


class FrameRecord(View, frozen=True, kw_only=True):
    """A frame and its last run, or the accepted one: one of `GET /jobs/{id}/frames`."""

    index: int
    frame: int
    state: str  # the task's, in lower case
    failures: int = 0
    losses: int = 0
    run: str | None = None
    worker: str = ""
    kind: Kind | None = None
    message: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    blender: str = ""
    device: str = ""
    peak_memory_mb: float = 0.0  # of the whole process tree
    cpu_s: float = 0.0
    open_s: float = 0.0
    sync_s: float = 0.0
    render_s: float = 0.0
    write_s: float = 0.0
    verify_s: float = 0.0
    gap_s: float | None = None  # from the end of the frame before, in the same Blender, to this one's start
    warm: bool = False
    warnings: tuple[str, ...] = ()
    files: tuple[FileView, ...] = ()


class FramePage(View, frozen=True, kw_only=True):
    """`GET /jobs/{id}/frames`: tasks from index `first` on, in the order of their index."""

    first: int
    total: int  # tasks of the job
    frames: tuple[FrameRecord, ...]


class WorkerReason(View, frozen=True, kw_only=True):
    """Why a worker takes nothing of a job; None: it may."""

    name: str
    reason: str | None = None


class WhyView(View, frozen=True, kw_only=True):
    """`GET /jobs/{id}/why`: why it is where it is, in sentences."""

    sentences: tuple[str, ...]
    workers: tuple[WorkerReason, ...] = ()


class WorkerView(View, frozen=True, kw_only=True):
    """One of `GET /workers`."""

    id: str
    name: str
    wish: Wish
    connection: Connection
    condition: Condition
    message: str = ""  # why it is sick
    hostname: str = ""
    system: str = ""
    cores: int = 0
    memory_mb: int = 0
    version: str = ""
    tags: tuple[str, ...] = ()
    blenders: tuple[FoundBlender, ...] = ()
    only_job: int | None = None
    seen_at: float | None = None
    load: float = 0.0
    memory_used_mb: int = 0
    job: int | None = None  # it is in now
    runs: tuple[RunView, ...] = ()
    actions: tuple[WorkerAction, ...] = ()


class WorkerPage(View, frozen=True, kw_only=True):
    """`GET /workers`."""

    workers: tuple[WorkerView, ...]


class FarmView(View, frozen=True, kw_only=True):
    """`GET /farm`."""

    version: str
    url: str
    data: str  # the data folder
    boot: str  # new at each start of the manager
    pid: int
    started_at: float
    workers: int  # online
    jobs: int  # unfinished
    system: str = ""  # the manager's: "Linux", "Windows", "Darwin"; its folders in `mapping` objects are those of it


class Hint(View, frozen=True, kw_only=True):
    """An event of `GET /events`: this has changed, fetch it again if you show it. `everything`: some were missed."""

    kind: Literal["job", "worker", "farm", "everything"]
    id: int | str = ""


class Problem(View, frozen=True, kw_only=True):
    """What is wrong with a request, in a sentence."""

    message: str
    reason: str = "invalid"  # not_found, conflict, invalid, nothing_to_do, unauthorized, forbidden, internal, ...
    where: str | None = None  # the field or header that is at fault
    kind: Kind | None = None  # of a .blend that is refused: the failure that its frames would have


class ErrorBody(View, frozen=True, kw_only=True):
    """The body of every answer that is an error."""

    error: Problem


class ManagerFile(View, frozen=True, kw_only=True):
    """`manager.json` in the data folder, mode 0600: where the running manager is. The token is in `token` beside it."""

    url: str  # "http://127.0.0.1:8080", "https://127.0.0.1:8080": always one of this machine
    pid: int
    boot: str
    console_port: int | None = None  # where its console listens, on loopback; None: it has none
    fingerprint: str = ""  # of its certificate, SHA-256; "": it is spoken to without TLS
    certificate: str = ""  # PEM: who answers at `url` is it, and nobody else


def state_names() -> tuple[str, ...]:
    """The names of the task states as the API says them; a byte of `GET /jobs/{id}/states` is a position in it."""
    return tuple(state.name.lower() for state in TaskState)
