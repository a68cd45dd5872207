# SPDX-License-Identifier: GPL-3.0-or-later
"""The one Blender that the session asks for: does what its instructions say, and tells what happens as its events.

Whatever goes wrong is an event. `BlenderEnded` is told once for each that was opened, when none of its processes runs.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace

import msgspec
import structlog

from brender.core import messages as m
from brender.core.failures import Kind
from brender.core.scene import Blender, FoundBlender, Scene
from brender.worker import blender as b
from brender.worker.carried import BadName, Carried, NotOpened
from brender.worker.limits import UNLIMITED, Limits
from brender.worker.session import events as e
from brender.worker.session import instructions as i

log = structlog.get_logger()

Tell = Callable[[e.BlenderEvent], None]


class Slot:
    """Room for one session."""

    def __init__(
        self,
        found: Iterable[FoundBlender],
        owner: str,
        log_path: Callable[[str], str],
        tell: Tell,
        progress: Callable[[m.Progress], None],
        note: Callable[[str, Iterable[str]], None],
        carried: Carried,
        limits: Limits = UNLIMITED,
    ) -> None:
        """`log_path`: where a run's log goes; `note`: a run, and the folders that it writes into."""
        self._programs = {each.blender: each.path for each in found}
        self._owner = owner
        self._log_path = log_path
        self._tell = tell
        self._progress = progress
        self._note = note
        self._carried = carried
        self._is_carried = False  # the scene that is opening or open
        self._limits = limits
        self._name: str | None = None  # the Blender that is not known to have ended
        self._opening: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._begun: b.WarmBlender | None = None  # opening or open
        self._warm: b.WarmBlender | None = None  # open
        self._paused = False
        self._orders: dict[str, m.Order] = {}

    async def obey(self, wanted: i.OfBlender) -> None:
        """Do it. Waits for nothing but a pause and its end, which must not overtake each other."""
        match wanted:
            case i.OpenScene():
                self._open(wanted)
            case i.HandOver():
                self._hand_over(wanted)
            case i.CloseBlender():
                self._close(wanted)
            case i.KillBlender():
                self._kill(wanted)
            case i.PauseBlender() | i.ResumeBlender():
                await self._set_paused(wanted, paused=isinstance(wanted, i.PauseBlender))

    def _open(self, wanted: i.OpenScene) -> None:
        assert self._name is None, "two Blenders"
        self._name, self._begun, self._warm = wanted.blender, None, None
        self._paused = False  # nothing is opened in a pause
        self._opening = asyncio.ensure_future(self._begin(wanted))

    def _hand_over(self, wanted: i.HandOver) -> None:
        """To a Blender that has just ended it is given in vain, and its end is told elsewhere."""
        if self._warm is not None and wanted.blender == self._name:
            order = wanted.order
            self._orders[order.run] = order
            self._warm.enqueue(
                order.run, tuple(range(order.start, order.end + 1, order.step)), self._log_path(order.run)
            )

    def _close(self, wanted: i.CloseBlender) -> None:
        if self._warm is not None and wanted.blender == self._name:
            self._end(wanted.blender, self._warm.close())

    def _kill(self, wanted: i.KillBlender) -> None:
        if wanted.blender == self._name:
            self._end(wanted.blender, self._kill_surely())

    async def _set_paused(self, wanted: i.PauseBlender | i.ResumeBlender, *, paused: bool) -> None:
        """Whether it opens or is open; one that has yet to begin is paused when it does."""
        self._paused = paused
        if self._begun is not None and wanted.blender == self._name:
            await (self._begun.pause() if paused else self._begun.resume())

    @property
    def peak_mb(self) -> float:
        """What the tree has held at most in this run, as far as it was looked at."""
        return 0.0 if self._warm is None or self._name is None else self._warm.peak_memory_mb

    @property
    def busy(self) -> bool:
        """Whether a thread still fetches files, perhaps for nobody."""
        return self._carried.busy

    # --- what the instructions come to

    async def _begin(self, wanted: i.OpenScene) -> None:
        try:
            program = self._program(wanted.scene)
            scene = await self._here(wanted)
            warm = self._begun = b.WarmBlender(
                scene, program, lambda event: self._hear(wanted.blender, event), self._owner, self._limits
            )
            if self._paused:
                await warm.pause()
            await warm.begin(self._log_path(wanted.run))
        except b.Failure as failure:
            self._opening = None
            self._over(wanted.blender, failure)
            return
        except Exception as error:  # a full or read-only temporary folder, and the like
            log.exception("opening a scene failed", run=wanted.run)
            self._opening = None
            text = f"The worker could not start Blender: {type(error).__name__}: {error}."
            self._over(wanted.blender, b.Failure(Kind.WORKER_ERROR, text))
            return
        self._opening, self._warm = None, warm
        self._tell(e.BlenderOpened(wanted.blender, msgspec.convert(msgspec.structs.asdict(warm.opened), m.Opened)))

    async def _here(self, wanted: i.OpenScene) -> Scene:
        """The scene on this machine's disk. Fetching is a sign of life, and progress of the run that waits for it."""
        self._is_carried = bool(wanted.scene.manifest)
        if not self._is_carried:
            return wanted.scene
        loop = asyncio.get_running_loop()

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(self._fetching, wanted, text)

        try:
            return await self._carried.localised(wanted.scene, tell)
        except NotOpened as error:
            raise b.Failure(error.kind, error.message) from None

    def _fetching(self, wanted: i.OpenScene, text: str) -> None:
        if wanted.blender == self._name and self._begun is None:
            self._tell(e.SignOfLife(wanted.blender))
            self._progress(m.Progress(run=wanted.run, text=text))

    def _program(self, scene: Scene) -> str:
        program = self._programs.get(scene.blender) or self._of_same_version(scene.blender)
        if program is None:
            raise b.Failure(Kind.BLENDER_MISSING, f"This worker has no {scene.blender}.")
        return program

    def _of_same_version(self, wanted: Blender) -> str | None:
        """A build hash is known to some, and then counts; where it is not, the version does."""
        for there, path in self._programs.items():
            same = (there.kind, there.version) == (wanted.kind, wanted.version)
            if same and not (there.build and wanted.build):
                return path
        return None

    async def _kill_surely(self) -> None:
        """What the system cannot end (it waits for a disk that is gone) is tried again: nothing starts beside it."""
        while True:
            try:
                await self._kill_once()
                return
            except TimeoutError as error:
                log.warning("Blender cannot be ended; trying again", reason=str(error))

    async def _kill_once(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
            self._opening = None
        elif self._warm is not None:
            await self._warm.kill()

    def _end(self, name: str, ending: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(self._end_and_tell(name, ending))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end_and_tell(self, name: str, ending: Coroutine[None, None, None]) -> None:
        try:
            await ending
        except Exception:  # the processes are gone; what went wrong is in what follows that
            log.exception("ending a Blender failed")
        self._over(name, b.Failure(Kind.BLENDER_CRASHED, "It was ended."))

    def _over(self, name: str, failure: b.Failure) -> None:
        if name == self._name:
            self._name, self._begun, self._warm = None, None, None
            self._orders.clear()
            self._tell(e.BlenderEnded(name, failure.kind, failure.message))

    # --- what Blender tells

    def _hear(self, name: str, event: b.Event) -> None:
        if name != self._name or self._warm is None:
            return  # while it opens, the opening's own outcome says it all
        match event:
            case b.Began(run, _, folders):
                self._note(run, folders)
                self._tell(e.FrameStarted(name, run))
            case b.Alive():
                self._alive(name, event)
            case b.Done(run, rendered):
                self._done(name, run, rendered, self._warm)
            case b.Failed(run, failure):
                self._failed(name, run, failure, self._warm)
            case b.Ended(failure) if failure is not None:
                self._over(name, failure)

    def _done(self, name: str, run: str, rendered: b.Rendered, warm: b.WarmBlender) -> None:
        told = _rendered(name, run, rendered, warm.opened)
        try:
            finals = self._carried.relative(file.final for file in told.files) if self._is_carried else []
        except BadName as error:
            self._failed(name, run, b.Failure(Kind.OUTPUT_UNWRITABLE, str(error)), warm)
            return
        self._orders.pop(run, None)
        if finals:
            files = tuple(replace(file, final=final) for file, final in zip(told.files, finals, strict=True))
            told = replace(told, files=files)
        self._tell(told)

    def _alive(self, name: str, event: b.Alive) -> None:
        self._tell(e.SignOfLife(name))
        order = self._orders.get(event.run)
        fraction = event.fraction
        if order is not None and order.end > order.start and event.frame is not None:
            fraction = (event.frame - order.start) / (order.end - order.start + 1)
        self._progress(m.Progress(run=event.run, fraction=fraction, text=event.text, frame=event.frame))

    def _failed(self, name: str, run: str, failure: b.Failure, warm: b.WarmBlender) -> None:
        self._orders.pop(run, None)
        self._tell(e.FrameFailed(name, run, failure.kind, failure.message, warm.usage().peak_memory_mb))


def _rendered(name: str, run: str, rendered: b.Rendered, opened: b.Opened) -> e.FrameRendered:
    return e.FrameRendered(
        blender=name,
        run=run,
        files=tuple(e.Written(f.temporary, f.final, _is_main(f.final, opened.outputs)) for f in rendered.files),
        peak_memory_mb=rendered.peak_memory_mb,
        memory_mb=rendered.memory_mb,
        cpu_s=rendered.cpu_s,
        sync_s=rendered.sync_s,
        render_s=rendered.render_s,
        write_s=rendered.write_s,
        gap_s=rendered.gap_s,
        warnings=rendered.warnings,
    )


def _is_main(final: str, outputs: Iterable[str]) -> bool:
    """Whether it is named as the scene's own pictures are, but for the frame's number."""
    return _without_numbers(final) in map(_without_numbers, outputs)


def _without_numbers(path: str) -> str:
    return re.sub(r"-?\d+", "#", path)
