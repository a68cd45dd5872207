# SPDX-License-Identifier: GPL-3.0-or-later
"""Carried scenes: their files are fetched and laid out before a Blender opens them; their frames have relative names.

Next frames, and next jobs of the same manifest, fetch nothing.
"""

import asyncio
import errno
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from brender.core import names
from brender.core.failures import Kind
from brender.core.manifest import MOST_MANIFEST, Manifest, SceneFile, wrong
from brender.core.scene import Scene, Script
from brender.worker.cache import Cache, NoRoom
from brender.worker.connection import Connection, NotBrought

PARALLEL = 4
TELL_EVERY_S = 0.5
LOOK_S = 0.25

Progress = Callable[[str], None]  # a sign of life, and what is going on


class NotOpened(Exception):
    """The scene's files are not here: the kind, and a sentence."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


class BadName(Exception):
    """A frame's file has a name that is no file's on every system; the message says which and why."""


class _Given(Exception):
    """Nobody wants the scene any more."""


class Carried:
    """What a slot needs for them. `frames`: the folder that their runs write into."""

    def __init__(self, cache: Cache, connection: Connection, frames: Path) -> None:
        self._cache = cache
        self._connection = connection
        self._frames = frames
        self._lock = threading.Lock()  # one that was given up holds it until its connections notice
        self._at_work = 0
        self._pool = ThreadPoolExecutor(PARALLEL, "lay-out")  # its own: the loop's is waited for at the end

    @property
    def busy(self) -> bool:
        """Whether a thread still fetches, perhaps for nobody."""
        return self._at_work > 0

    async def localised(self, scene: Scene, progress: Progress) -> Scene:
        """The scene as it can be opened here; `progress` is called in threads. Raises NotOpened."""
        going = _Going(progress)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._localised, scene, going)
        finally:
            going.given_up = True

    def _localised(self, scene: Scene, going: "_Going") -> Scene:
        self._at_work += 1
        try:
            tree = self.opened(scene.manifest, going)
        finally:
            self._at_work -= 1
        self._frames.mkdir(parents=True, exist_ok=True)
        return replace(
            scene,
            blend=str(tree / scene.blend),
            scripts=tuple(_script(script, tree) for script in scene.scripts),
            settings=replace(scene.settings, output=str(self._frames / _tail(scene.settings.output))),
        )

    def relative(self, finals: Iterable[str]) -> list[str]:
        """The names of a run's files as the manager is told them. Raises BadName."""
        found = [Path(final).relative_to(self._frames).as_posix() for final in finals]
        for path in found:
            if reason := names.refusal(path):
                raise BadName(f"The frame has a file called {path!r}: {reason}. Give the output another name.")
        if len({names.twin(path) for path in found}) < len(found):
            raise BadName(f"Two files of the frame have names that some systems take for one: {', '.join(found)}.")
        return found

    # --- in a thread -----------------------------------------------------------------------------------------------

    def opened(self, manifest: str, going: "_Going | None" = None) -> Path:
        """The folder of a manifest's tree; what is missing is fetched, and all of it verified. Raises NotOpened."""
        going = going or _Going(lambda _: None)
        with self._alone(going), _in_words():
            return self._cache.tree(manifest) or self._laid_out(manifest, going)

    @contextmanager
    def _alone(self, going: "_Going") -> Iterator[None]:
        while not self._lock.acquire(timeout=LOOK_S):
            going.tell(0)
        try:
            yield
        finally:
            self._lock.release()

    def _laid_out(self, sha256: str, going: "_Going") -> Path:
        manifest = self._manifest(sha256, going)
        missing = self._cache.missing(manifest)
        going.total = sum(file.size for file in missing)
        kept = {sha256, *(file.sha256 for file in manifest.files)}
        self._cache.make_room(going.total, kept)
        self._fetch(missing, going)
        return self._cache.lay_out(sha256, manifest)

    def _manifest(self, sha256: str, going: "_Going") -> Manifest:
        def told(bytes_: int) -> None:
            going.tell(0)
            if bytes_ > MOST_MANIFEST:
                raise NotOpened(Kind.FILES_NOT_FETCHED, f"The manifest {sha256} is too large to be one.")

        try:
            found = self._cache.manifest(sha256)
            if found is None:
                self._connection.fetch(f"/content/{sha256}", self._cache.place(sha256), sha256, None, told)
                self._cache.keep([sha256])
                found = self._cache.manifest(sha256)
            reason = wrong(found) if found else "it is gone again"
        except (msgspec.MsgspecError, ValueError) as error:
            reason = str(error)
        if found is None or reason:
            raise NotOpened(Kind.FILES_NOT_FETCHED, f"The list of the scene's files cannot be used: {reason}.")
        return found

    def _fetch(self, files: list[SceneFile], going: "_Going") -> None:
        """Several at once. After a failure the others end too; what has come stays."""
        come: list[str] = []

        def fetch(file: SceneFile) -> None:
            place = self._cache.place(file.sha256)
            self._connection.fetch(f"/content/{file.sha256}", place, file.sha256, file.size, going.of(file.sha256))
            come.append(file.sha256)

        going.tell(0)
        try:
            with ThreadPoolExecutor(PARALLEL, "fetch") as pool:
                futures = [pool.submit(fetch, file) for file in files]
                _, rest = wait(futures, return_when=FIRST_EXCEPTION)
                for future in rest:
                    future.cancel()
                going.broken = bool(rest)
        finally:
            self._cache.keep(come)
        failures = [error for future in futures if not future.cancelled() and (error := future.exception())]
        if failures:
            raise next((error for error in failures if not isinstance(error, _Given)), failures[0])


class _Going:
    """One fetching: how far it is, and whether it is wanted still."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bytes: dict[str, int] = {}
        self._told_at = 0.0
        self.total = 0
        self.given_up = self.broken = False

    def of(self, sha256: str) -> Callable[[int], None]:
        """To be told how much of one file is there."""

        def told(bytes_: int) -> None:
            self._bytes[sha256] = bytes_
            self.tell(sum(list(self._bytes.values())))

        return told

    def tell(self, bytes_: int) -> None:
        """A sign of life. Raises where nobody wants the files any more."""
        if self.given_up or self.broken:
            raise _Given
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY_S:
            self._told_at = now
            mb = 2**20
            self._progress(f"fetching {bytes_ / mb:.0f} of {self.total / mb:.0f} MB" if self.total else "fetching")


@contextmanager
def _in_words() -> Iterator[None]:
    """Whatever goes wrong, as NotOpened."""
    try:
        yield
    except NoRoom as error:
        raise NotOpened(Kind.DISK_FULL, str(error)) from None
    except NotBrought as error:
        raise NotOpened(Kind.FILES_NOT_FETCHED, f"The scene's files did not come: {error.message}") from None
    except OSError as error:
        kind = Kind.DISK_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else Kind.WORKER_ERROR
        text = f"The scene's files cannot be kept on this machine: {error.strerror or error}."
        raise NotOpened(kind, text) from None


def _tail(output: str | None) -> str:
    """The last part of an output pattern: whatever the manager says, frames stay in their folder."""
    return (output or "").replace("\\", "/").rpartition("/")[2] or "frame_####"


def _script(script: Script, tree: Path) -> Script:
    """One that is a file is among those that were sent."""
    if script.kind != "file":
        return script
    if reason := names.refusal(script.source):
        text = f"The script {script.source!r} was not sent with the scene: {reason}."
        raise NotOpened(Kind.MISSING_FILE, text)
    return replace(script, source=str(tree / script.source))
