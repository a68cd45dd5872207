# SPDX-License-Identifier: GPL-3.0-or-later
"""A warm Blender: one scene opened in a process of its own, and frame after frame rendered in it.

Orders go in by `enqueue` and wait inside Blender, so that a frame starts as soon as the one before is done. What
happens comes out as events. Whatever Blender does, it is an event or a Failure; nothing of it raises anything else.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec
import psutil

from brender.core.failures import Kind
from brender.core.messages import View
from brender.core.scene import Scene
from brender.worker import scenefile
from brender.worker.channel import ADDRESS, Channel
from brender.worker.limits import UNLIMITED, Limits
from brender.worker.printed import Printed, Seen
from brender.worker.process import Tree, Usage

SERVE = Path(__file__).parents[1] / "inblender" / "serve.py"
TEMPORARY = "brender-blender-"  # then the worker's process id
GATHER_S = 0.02  # Blender prints line by line: several are taken at once
MUCH_BYTES = 16 * 1024  # who prints as much at once is not made to wait
DRAIN_S = 2.0  # for the last output; a child that outlived Blender may hold the pipe open for longer
TELL_EVERY_S = 0.25  # no more signs of life than that
READ_BYTES = 256 * 1024


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of an opened scene, as it is going to be rendered."""

    blender: str  # the version that really runs
    scene: str
    engine: str
    device: str  # "CPU", or the GPU's name
    format: str  # Blender's name for it, "PNG"
    movie: bool  # all frames go into one file, so one run renders them all
    width: int  # pixels of a picture, percentage and crop applied
    height: int
    frame_start: int
    frame_end: int
    frame_step: int
    persistent_data: bool
    persistent_reason: str
    warm: bool  # False: each frame wants a Blender that has rendered nothing yet
    warm_reason: str
    view: View
    overwrite: bool  # the file's own settings; Blender renders into the run's folder whatever they say
    placeholder: bool
    outputs: tuple[str, ...]  # where the first frame's main picture belongs
    simulation: tuple[str, ...] = ()  # what is stepped frame by frame, by name
    warnings: tuple[str, ...] = ()
    open_s: float = 0.0  # from the start of the process


class FrameFile(msgspec.Struct, frozen=True):
    """One written file, and where Blender would have put it. Absolute paths on one file system."""

    temporary: str
    final: str


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """What a run wrote and took: seconds and MB. `began` and `ended` are monotonic, of the render inside Blender."""

    files: tuple[FrameFile, ...]
    began: float
    ended: float
    sync_s: float = 0.0  # of render_s; 0 where Blender does not tell
    render_s: float = 0.0
    write_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_mb: float = 0.0
    memory_mb: float = 0.0  # of the tree, now
    gap_s: float | None = None  # from the end of the frame before, in this Blender, to the beginning of this one
    warnings: tuple[str, ...] = ()


class Failure(Exception):
    """Why a scene did not open, or a run failed: the kind, and what, where and what to do, for the artist."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


class Began(msgspec.Struct, frozen=True):
    """Blender has begun the run; it writes into `folders`, which whoever publishes or gives up removes."""

    run: str
    at: float  # monotonic
    folders: tuple[str, ...]


class Alive(msgspec.Struct, frozen=True):
    """A sign of life, and how far the run is where Blender tells: `fraction` of the frame's samples."""

    run: str
    at: float
    frame: int | None
    fraction: float
    text: str


class Done(msgspec.Struct, frozen=True):
    """The run's files are written."""

    run: str
    rendered: Rendered


class Failed(msgspec.Struct, frozen=True):
    """The run failed; nothing of it is left. The Blender goes on with the next, unless an `Ended` follows."""

    run: str
    failure: Failure


class Unstarted(msgspec.Struct, frozen=True):
    """The run was waiting in a Blender that ended, and never began."""

    run: str


class Ended(msgspec.Struct, frozen=True):
    """No process of this Blender is left. `failure` is None where it was told to end."""

    failure: Failure | None


Event = Began | Alive | Done | Failed | Unstarted | Ended
OnEvent = Callable[[Event], None]


class _Run(msgspec.Struct):
    id: str
    frames: tuple[int, ...]
    log: str
    folders: tuple[str, ...] = ()
    began: bool = False
    sampled: float = 0.0  # when a sample was first seen in what is printed


class _Process:
    """One process of Blender: started, opened, ordered, ended. Its events go to the session's callback."""

    def __init__(
        self, scene: Scene, program: str, log: str, on_event: OnEvent, owner: str, limits: Limits = UNLIMITED
    ) -> None:
        self._scene = limits.sealed(scene)
        self._limits = limits
        self._program = program
        self._on_event = on_event
        self._mark = f"brender-run-{secrets.token_hex(12)}:"
        self._printed = Printed(self._mark, log, self._seen)
        self._channel = Channel()
        self._runs: dict[str, _Run] = {}
        self._opened: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
        self._closing = False
        self._last_end: float | None = None
        self._told = 0.0
        _remove_orphaned()
        self._temporary = tempfile.mkdtemp(prefix=f"{TEMPORARY}{os.getpid()}-")
        self._started = time.monotonic()
        self.tree = self._start(owner)
        self._over = asyncio.ensure_future(self._live())

    def _start(self, owner: str) -> Tree:
        reading, writing = os.pipe()
        try:
            self._limits.give(self._temporary)
            self._limits.give_outputs(self._scene)
            tree = Tree.start(
                command(self._scene, self._program),
                output=writing,
                environment=_environment(self._limits, self._channel.address, self._temporary),
                descriptors=self._channel.descriptors,
                owner=owner,
                limits=self._limits,
                folder=self._temporary if self._limits.account else None,
            )
        except OSError as error:
            os.close(reading)
            self._clean()
            raise Failure(Kind.BLENDER_MISSING, _not_started(self._program, error)) from None
        finally:
            os.close(writing)
        self._output: int | None = reading  # None once there will be no more
        return tree

    async def open(self) -> Opened:
        """Opens the scene, or raises Failure with the whole tree ended."""
        try:
            return await self._opened
        except BaseException:
            await self.kill()
            raise

    def enqueue(self, run: _Run) -> None:
        """Hands the run over; what is handed over while the process dies comes back as Unstarted."""
        self._runs[run.id] = run
        mark = self._printed.expect(run.id, run.log)
        folder = f".brender-{run.id}"
        self._channel.send({"do": "render", "run": run.id, "frames": run.frames, "folder": folder, "mark": mark})

    async def close(self) -> None:
        """Lets it finish what it holds, and ends it."""
        self._closing = True
        self._channel.send({"do": "close"})
        await self._over

    async def kill(self) -> None:
        """Ends the whole tree, now."""
        self._closing = True
        await self.tree.kill()
        await self._over

    async def _live(self) -> None:
        """From the start of the process to the end of everything it started."""
        printing = asyncio.ensure_future(self._read_output())
        try:
            await self._read_channel()
        except (OSError, TimeoutError, ValueError):  # it does not speak to us: nothing it renders would be known
            await self.tree.kill()
        code = await self.tree.wait()
        await asyncio.wait([printing], timeout=DRAIN_S)
        await self.tree.kill()  # what it left running
        await printing
        self._finish(code)

    async def _read_channel(self) -> None:
        await self._channel.open()
        self._channel.send({"do": "open", "scene": msgspec.to_builtins(self._scene), "program": self._program})
        while line := await self._channel.receive():
            self._hear(msgspec.json.decode(line))

    async def _read_output(self) -> None:
        """Until nobody holds the other end. Several lines are taken together: each would wake the loop."""
        output = self._output
        assert output is not None  # only this ends it
        os.set_blocking(output, False)
        while (taken := self._take_printed()) is not None:
            if taken < MUCH_BYTES:
                await asyncio.sleep(GATHER_S)
                await _readable(output)
        self._output = None
        os.close(output)

    def _take_printed(self) -> int | None:
        """Take all that was printed so far. Returns how many bytes; None: there will be no more."""
        taken, data = 0, b""
        while self._output is not None:
            try:
                data = os.read(self._output, READ_BYTES)
            except BlockingIOError:
                return taken
            if not data:
                return None
            self._printed.feed(data)
            taken += len(data)
        return None

    def _hear(self, said: dict[str, Any]) -> None:
        if said["event"] in ("rendered", "failed"):  # what was printed of the run comes before its end
            self._take_printed()
        getattr(self, f"_on_{said['event']}")(said)

    def _on_opened(self, said: dict[str, Any]) -> None:
        said["open_s"] = time.monotonic() - self._started
        self._opened.set_result(msgspec.convert(said, Opened))

    def _on_started(self, said: dict[str, Any]) -> None:
        run = self._runs[said["run"]]
        run.began, run.folders = True, tuple(said["folders"])
        self.tree.forget_peak()
        self._on_event(Began(run.id, said["at"], run.folders))

    def _on_alive(self, said: dict[str, Any]) -> None:
        text = said.get("text", "") or said["what"]
        self._on_event(Alive(said["run"], said["at"], said["frame"], 0.0, text))

    def _on_rendered(self, said: dict[str, Any]) -> None:
        run = self._runs.pop(said["run"])
        rendered = msgspec.convert(said, Rendered)
        gap = None if self._last_end is None else rendered.began - self._last_end
        self._last_end = rendered.ended
        rendered = msgspec.structs.replace(
            rendered,
            sync_s=rendered.sync_s or max(0.0, run.sampled - rendered.began),
            peak_memory_mb=max(rendered.peak_memory_mb, self.tree.peak_memory_mb),
            gap_s=gap,
        )
        self._on_event(Done(run.id, rendered))

    def _on_failed(self, said: dict[str, Any]) -> None:
        failure = Failure(Kind(said["kind"]), said["message"])
        if self._limits.hit_memory([said["message"]]):
            failure = Failure(Kind.OUT_OF_MEMORY, self._limits.memory_sentence(self.tree.usage().peak_memory_mb))
        if said["run"]:
            self._runs.pop(said["run"])
            self._on_event(Failed(said["run"], failure))
        elif not self._opened.done():
            self._opened.set_exception(failure)

    def _seen(self, seen: Seen) -> None:
        """Something was printed: of the run that is under way, if there is one."""
        run = next(iter(self._runs.values()), None)
        if run is None or not run.began:
            return
        now = time.monotonic()
        if seen.samples and not run.sampled:
            run.sampled = now
        fraction = seen.sample / seen.samples if seen.samples else 0.0
        if now - self._told >= TELL_EVERY_S or fraction == 1.0:
            self._told = now
            self._on_event(Alive(run.id, now, seen.frame, fraction, seen.text))

    def _finish(self, code: int) -> None:
        self._channel.close()
        self._printed.close()
        failure = None if self._closing else self._why(code)
        lost = failure or Failure(Kind.BLENDER_CRASHED, "This Blender was ended.")
        if not self._opened.done():
            self._opened.set_exception(lost)
            self._opened.exception()  # seen: whoever killed it does not wait for it
        for run in self._runs.values():
            _remove(run.folders)
            self._on_event(Failed(run.id, lost) if run.began else Unstarted(run.id))
        self._runs.clear()
        self._clean()
        self._on_event(Ended(failure))

    def _clean(self) -> None:
        self._channel.close()
        self._printed.close()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _why(self, code: int) -> Failure:
        lines = self._printed.last_lines()
        if self.tree.exceeded or self._limits.hit_memory(lines):
            return Failure(Kind.OUT_OF_MEMORY, self._limits.memory_sentence(self.tree.usage().peak_memory_mb))
        said = " / ".join(lines)
        last = f" Its last words: {said}" if said else ""
        if self.tree.out_of_memory():
            peak = self.tree.usage().peak_memory_mb
            text = f"The machine ran out of memory and ended Blender, which had {peak:,.0f} MB."
            return Failure(Kind.OUT_OF_MEMORY, text + " Render it where there is more, or make the scene smaller.")
        return Failure(Kind.BLENDER_CRASHED, f"{self._scene.blender} {_ending(code)}.{last}")


class WarmBlender:
    """An opened scene, and the one process that renders it, run after run.

    Where it cannot be rendered warm (`opened.warm`), whoever hands over a second run takes a new one of these for it.
    """

    def __init__(self, scene: Scene, program: str, on_event: OnEvent, owner: str, limits: Limits = UNLIMITED) -> None:
        self._scene = scene
        self._limits = limits
        self._program = program
        self._on_event = on_event
        self._owner = owner
        self.opened: Opened
        self._process: _Process
        self._tree: Tree | None = None  # once there is a process
        self._paused = False
        self._results: dict[str, asyncio.Future[Rendered]] = {}

    @classmethod
    async def open(
        cls,
        scene: Scene,
        program: str,
        *,
        log: str,
        on_event: OnEvent = lambda _: None,
        owner: str = "",
        limits: Limits = UNLIMITED,
    ) -> Self:
        """Checks the files, starts Blender and opens the scene. `program`: Blender, or the Python that has bpy.

        `log`: the path for what is printed before the first run. `owner`: the mark for process.end_left_behind.
        `limits`: what the system holds it to.
        Raises Failure; then no process is left.
        """
        self = cls(scene, program, on_event, owner, limits)
        await self.begin(log)
        return self

    def enqueue(self, run: str, frames: tuple[int, ...], log: str) -> None:
        """Hands a run to Blender, also before the one before is done; its end comes as Done, Failed or Unstarted."""
        self._process.enqueue(_Run(run, frames, log))

    async def render(self, run: str, frames: tuple[int, ...], log: str) -> Rendered:
        """Enqueues the run and waits for its end. Raises Failure."""
        self._results[run] = asyncio.get_running_loop().create_future()
        try:
            self.enqueue(run, frames, log)
            return await self._results[run]
        finally:
            del self._results[run]

    async def close(self) -> None:
        """Lets Blender finish what it holds, then ends it. Once it has returned no process is left."""
        await self._process.close()

    async def kill(self) -> None:
        """Ends the whole process tree at once; what runs fails. Once it has returned no process is left."""
        await self._process.kill()

    async def pause(self) -> None:
        """Stops Blender and all it started where they are, also while it opens, and one yet to begin as it begins."""
        if not self._paused:
            self._paused = True
            if self._tree is not None:
                await asyncio.to_thread(self._tree.pause)

    async def resume(self) -> None:
        """Lets them go on."""
        if self._paused:
            self._paused = False
            if self._tree is not None:
                await asyncio.to_thread(self._tree.resume)

    def usage(self) -> Usage:
        """Of the process tree: the peak since the run began, processor time since it was started."""
        return self._process.tree.usage()

    @property
    def peak_memory_mb(self) -> float:
        """As it was last sampled, without looking again."""
        return self._process.tree.peak_memory_mb

    @property
    def pid(self) -> int:
        """Of Blender's own process."""
        return self._process.tree.pid

    async def begin(self, log: str) -> None:
        """Starts Blender and opens the scene; `open` says how."""
        try:
            await asyncio.to_thread(scenefile.check, self._scene)
        except scenefile.Unfit as unfit:
            raise Failure(unfit.kind, unfit.message) from None
        self._process = _Process(self._scene, self._program, log, self._hear, self._owner, self._limits)
        self._tree = self._process.tree
        if self._paused:
            self._tree.pause()
        self.opened = await self._process.open()

    def _hear(self, event: Event) -> None:
        if isinstance(event, Done | Failed | Unstarted) and event.run in self._results:
            self._settle(self._results[event.run], event)
        self._on_event(event)

    def _settle(self, result: "asyncio.Future[Rendered]", event: Done | Failed | Unstarted) -> None:
        if result.done():
            return
        if isinstance(event, Done):
            result.set_result(event.rendered)
        elif isinstance(event, Failed):
            result.set_exception(event.failure)
        else:
            result.set_exception(Failure(Kind.BLENDER_CRASHED, "Blender ended before it began this run."))


def command(scene: Scene, program: str) -> list[str]:
    """The command line that starts the process; the scene itself is opened by an order."""
    launch = scene.launch
    if scene.blender.kind == "bpy":
        return [program, "-P", str(SERVE), "--", *launch.script_args]
    options = ["-b"]
    if launch.factory_startup:
        options.append("--factory-startup")
    if launch.threads is not None:
        options += ["-t", str(launch.threads)]
    if launch.sealed:
        options.append("-Y")
    elif launch.autoexec is not None:
        options.append("-y" if launch.autoexec else "-Y")
    return [program, *options, "--python", str(SERVE), "--", *launch.script_args]


def _environment(limits: Limits, address: str, temporary: str) -> dict[str, str]:
    """Blender's temporary files go where they are found and removed, also when it is killed."""
    kept = limits.environment(os.environ, temporary)
    return {**kept, ADDRESS: address, "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary}


def _remove_orphaned() -> None:
    """The temporary files of Blenders whose worker was killed without a word."""
    for folder in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        owner = folder.name.removeprefix(TEMPORARY).partition("-")[0]
        if not owner.isdecimal() or not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _not_started(program: str, error: OSError) -> str:
    text = f'Blender could not be started: "{program}": {error.strerror}.'
    return text + " It was there when the worker looked; install it again, or start the worker anew."


async def _readable(descriptor: int) -> None:
    """Until there is something to read, or the end."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


def _ending(code: int) -> str:
    signal = -code if code < 0 else code - 128 if code > 128 else 0
    if signal == 9:
        return "was killed by something else (signal 9)"
    return f"crashed (signal {signal})" if signal else f"ended by itself, with exit code {code}"


def _remove(folders: tuple[str, ...]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
