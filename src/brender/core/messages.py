# SPDX-License-Identifier: GPL-3.0-or-later
"""The words between manager and worker: one type a message. What each means, and every answer: docs/protocol.md.

A *report* is kept by the worker, and repeated, until it is acknowledged. Everything else may be lost.
Times are seconds, memory is MB (2**20 bytes), paths are absolute.
"""

from typing import Literal

import msgspec

from brender.core.failures import Kind
from brender.core.scene import FoundBlender, Scene

PROTOCOL = 1


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """What all messages have: a tag (`type`), and no memory."""


# --- what they carry ---------------------------------------------------------------------------------------------


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker found out about its machine."""

    hostname: str
    system: str  # "Linux", "Windows", "Darwin"
    cores: int
    memory_mb: int
    blenders: tuple[FoundBlender, ...] = ()
    version: str = ""  # brender's own
    tags: tuple[str, ...] = ()
    mac: str = ""  # of its first network card, twelve hexadecimal digits
    machine: str = ""  # what tells its machine from a copy of its files elsewhere; "": it does not know
    no_scripts: bool = False  # it was started to run no Python of jobs


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a frame: where it lies under its run, where it belongs, and what was verified of it.

    Of a carried scene `final` is relative, with "/", to the job's folder, and `temporary` is the worker's own business:
    the file itself was brought to the manager before the report (docs/protocol.md, "Files").
    """

    temporary: str
    final: str
    size: int  # bytes
    sha256: str
    width: int = 0  # pixels; 0 where the file has none
    height: int = 0


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The scene's colour management, through which a thumbnail of linear pixels goes."""

    config: str = ""  # path of the OCIO configuration
    display: str = ""
    view: str = ""
    look: str = ""
    exposure: float = 0.0
    gamma: float = 1.0


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What Blender says of the scene it opened and has looked through."""

    blender: str  # the version that really runs
    engine: str
    device: str  # "CPU", or the GPU's name
    format: str
    width: int  # pixels of a picture, percentage and crop applied
    height: int
    frame_start: int
    frame_end: int
    frame_step: int
    persistent_data: bool
    persistent_reason: str
    warm: bool
    warm_reason: str
    view: View
    warnings: tuple[str, ...] = ()
    open_s: float = 0.0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run made, and what it took. Kept as the frame's record."""

    files: tuple[File, ...] = ()
    blender: str = ""
    device: str = ""
    peak_memory_mb: float = 0.0  # of the whole process tree
    cpu_s: float = 0.0
    open_s: float = 0.0  # of its session, in the session's first run only
    sync_s: float = 0.0  # until the first sample; part of `render_s`
    render_s: float = 0.0
    write_s: float = 0.0
    verify_s: float = 0.0
    gap_s: float | None = None  # from the end of the frame before, in the same Blender, to this one's start
    warm: bool = False
    warnings: tuple[str, ...] = ()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One run to do: a frame, or all frames of a movie."""

    run: str
    index: int
    start: int
    end: int
    step: int = 1


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How long a run may take, and be silent."""

    max_run_s: float
    silence_s: float


# --- worker to manager -------------------------------------------------------------------------------------------


class Hello(Message, frozen=True, kw_only=True):
    """The first message of a connection: who, and what it still holds."""

    protocol: int
    key: str  # the worker's secret; the manager keeps its hash
    boot: str  # new at each start of the worker's process
    name: str
    host: Host
    held: tuple[str, ...] = ()  # runs it still works on, or has unacknowledged reports of
    only_job: int | None = None  # takes tasks of no other job


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far one run is; never saved."""

    run: str
    fraction: float = 0.0
    text: str = ""
    frame: int | None = None
    memory_mb: float = 0.0


class Heartbeat(Message, frozen=True, kw_only=True):
    """A sign of life: renews the leases of all that the worker holds. Not answered, never saved."""

    runs: tuple[Progress, ...] = ()
    load: float = 0.0
    memory_mb: int = 0  # in use
    paused: bool = False  # it works on nothing, and what it had begun is stopped where it was


class Pong(Message, frozen=True, kw_only=True):
    """The answer to a `Ping`, from the very loop that takes all other orders."""

    id: str


class Log(Message, frozen=True, kw_only=True):
    """A piece of what Blender printed during a run. Not a report: a lost piece is a gap in the log."""

    run: str
    text: str


class Goodbye(Message, frozen=True, kw_only=True):
    """The worker leaves in good order: it holds nothing any more."""


class Report(Message, frozen=True, kw_only=True):
    """Kept and repeated until its `Ack`."""

    id: str
    run: str


class Started(Report, frozen=True, kw_only=True):
    """The run was handed to Blender."""


class SceneOpened(Report, frozen=True, kw_only=True):
    """A session's scene is open; `run` is the run it was opened for."""

    session: str
    opened: Opened


class Rendered(Report, frozen=True, kw_only=True):
    """The run's files are whole, verified and on the disk, under its own name."""

    result: Result
    thumbnail: bytes = b""  # JPEG


class Failed(Report, frozen=True, kw_only=True):
    """The run ended without good files."""

    kind: Kind
    message: str
    result: Result = Result()


class Proved(Report, frozen=True, kw_only=True):
    """A frame of the run's scene was rendered warm and cold, and the pixels compared. It counts whatever became of
    the run since.
    """

    content: str  # the scene's `content_key`
    job: int
    step: int
    frame: int
    equal: bool
    fraction: float = 0.0  # of pixels that differ
    largest: float = 0.0  # difference of two values
    seconds: float = 0.0  # it took: opening, rendering, comparing


class Unstarted(Report, frozen=True, kw_only=True):
    """The run was never handed to Blender, and is given back: the answer to a recall, or a sign-off."""

    reason: str = ""


class Stopped(Report, frozen=True, kw_only=True):
    """The run was ended, as told: its processes are gone. Also the answer for a run that it does not know."""


# --- manager to worker -------------------------------------------------------------------------------------------


class Welcome(Message, frozen=True, kw_only=True):
    """The answer to `Hello`. Runs that were held and are not in `adopted` are to be stopped and forgotten."""

    worker: str
    name: str
    heartbeat_s: float
    lease_s: float
    adopted: tuple[str, ...] = ()
    paused: bool = False  # as the manager wants it now: it was perhaps paused, or resumed, in the meantime


class Refused(Message, frozen=True, kw_only=True):
    """The manager will not have this worker; the connection is closed after it."""

    reason: str
    again: bool = False  # whether trying again later may help


class Assign(Message, frozen=True, kw_only=True):
    """Runs of one step, in the order to render them. Added to what the worker holds of the same step."""

    job: int
    step: int
    scene: Scene
    bounds: Bounds
    orders: tuple[Order, ...]
    prove: bool = False  # render one of its frames cold as well, and say with `Proved` whether the pixels are equal
    cold: bool = False  # render each of its frames in a Blender that has rendered nothing yet


class Recall(Message, frozen=True, kw_only=True):
    """A question: give these back if not begun. Answered by `Unstarted`, or not at all where begun."""

    runs: tuple[str, ...]


class Stop(Message, frozen=True, kw_only=True):
    """End these runs, processes and all, and answer `Stopped` for each, known or not."""

    runs: tuple[str, ...]
    reason: str = ""


class PauseWork(Message, frozen=True, kw_only=True):
    """Stop all processes of the work where they are, and begin nothing. Paused already: nothing changes."""


class ResumeWork(Message, frozen=True, kw_only=True):
    """Let them go on. Not paused: nothing changes."""


class Ping(Message, frozen=True, kw_only=True):
    """Answer `Pong` with the same id, at once."""

    id: str


class Ack(Message, frozen=True, kw_only=True):
    """A report is saved. `stop`: its run is no longer live; end it, remove its files, and report no more of it.
    `bring`: it is not saved, as files of it are not there; bring them (again), and then report it again.
    """

    report: str
    verdict: Literal["ok", "stop", "bring"] = "ok"


ToManager = (
    Hello | Heartbeat | Pong | Log | Goodbye
    | Started | SceneOpened | Rendered | Failed | Proved | Unstarted | Stopped
)  # fmt: skip
ToWorker = Welcome | Refused | Assign | Recall | Stop | PauseWork | ResumeWork | Ping | Ack
