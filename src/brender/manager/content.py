# SPDX-License-Identifier: GPL-3.0-or-later
"""Content: files that were sent for scenes, each kept once under its SHA-256, whoever sends it.

What no job needs is collected. Who asks for content, or sends it, has a day to submit the job that needs it: what was
asked for is noted on the disk (`asked/` in the data folder), so that no collection comes between.

All but `receive` blocks, and is called in threads.
"""

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec

from brender.core import manifest as manifests
from brender.core.commands import Refusal
from brender.core.contentviews import CollectedView
from brender.core.manifest import MOST_MANIFEST, SHA256, Manifest, wrong
from brender.manager.incoming import GB, Asked, Incoming
from brender.manager.storage import Entry, Storage

GRACE_S = 24 * 3600.0  # from asking for content, or sending it, to the job that needs it
LOOKING = 16  # hashes that are looked for side by side: a store far away answers slowly


Setting = Callable[[str], str | int | float | bool]


def key(sha256: str) -> str:
    """Where content is kept in the storage."""
    return f"content/{sha256[:2]}/{sha256}"


class Content:
    """What is there, what comes in, and what is not needed any more."""

    def __init__(self, data: Path, storage: Storage, setting: Setting) -> None:
        self._data = data
        self.storage = storage
        self._setting = setting
        self.incoming = Incoming(data / "incoming", self.room, lambda: round(float(setting("largest_file_gb")) * GB))
        self._asked = _Asked(data / "asked")

    def room(self) -> int:
        """Bytes that may still be taken: some stay free on each disk."""
        rooms = [shutil.disk_usage(self._data).free, self.storage.room()]
        return min(room for room in rooms if room is not None) - round(float(self._setting("keep_free_gb")) * GB)

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Those whose content is not here. The others stay for a day at least."""
        return [sha256 for sha256, size in self._sizes(hashes).items() if size is None]

    def _sizes(self, hashes: Iterable[str]) -> dict[str, int | None]:
        wanted = list(dict.fromkeys(hashes))
        self._asked.note(wanted)
        with ThreadPoolExecutor(LOOKING, "brender-content") as pool:
            return dict(zip(wanted, pool.map(self.size, wanted), strict=True))

    def size(self, sha256: str) -> int | None:
        """Bytes; None where it is not here."""
        return self.storage.size(key(sha256))

    def standing(self, sha256: str) -> tuple[int, bool]:
        """How many bytes of it are here, and whether that is all."""
        size = self.size(sha256)
        if size is None:
            return self.incoming.offset(_part(sha256)), False
        self._asked.note([sha256])
        return size, True

    def read(self, sha256: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Its bytes. Raises FileNotFoundError."""
        return self.storage.read(key(sha256), offset, length)

    async def receive(self, asked: Asked, body: AsyncIterator[bytes]) -> int | None:
        """Take what a request brings; None: it is whole and kept. See `Incoming.receive`."""
        return await self.incoming.receive(
            _part(asked.sha256), asked, body, lambda path: self.storage.take(key(asked.sha256), path)
        )

    def manifest(self, sha256: str) -> Manifest:
        """A manifest that was sent, looked through. Raises `Refusal`."""
        if not SHA256.fullmatch(sha256):
            raise Refusal(f"{sha256!r} is no SHA-256: 64 hexadecimal digits, in lower case.", "invalid")
        size = self.size(sha256)
        if size is None:
            raise Refusal(
                f"The list of the scene's files ({sha256}) is not here (any more): submit it anew.", "invalid"
            )
        if size > MOST_MANIFEST:
            raise Refusal(f"A manifest has at most {MOST_MANIFEST // 2**20} MB, and not {size / 2**20:.0f}.", "invalid")
        try:
            found = manifests.decode(b"".join(self.read(sha256)))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Refusal(f"The content {sha256} is no manifest: {error}.", "invalid") from None
        if reason := wrong(found):
            raise Refusal(f"The manifest cannot be used: {reason}.", "invalid")
        return found

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """A folder for the time being, beside the storage's own files where it is on this disk."""
        above = self._data / "aside"
        above.mkdir(exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=above) as folder:
            yield Path(folder)

    # --- what is not needed any more ---------------------------------------------------------------------------

    def hold(self, sha256: str) -> Manifest:
        """A manifest all of whose files are here, and stay for a day at least. Raises `Refusal`."""
        if SHA256.fullmatch(sha256):
            self._asked.note([sha256])
        found = self.manifest(sha256)
        sizes = self._sizes(file.sha256 for file in found.files)
        missing = [file.path for file in found.files if sizes[file.sha256] is None]
        if missing:
            raise Refusal(
                f"Of the {len(found.files)} files of the scene {len(missing)} are not here (any more); the first is "
                f"{missing[0]}. Submit it anew, and they are sent."
            )
        if other := next((file for file in found.files if sizes[file.sha256] != file.size), None):
            raise Refusal(f"{other.path} has another size than the manifest says.", "invalid")
        return found

    def collect(self, needed: Iterable[str], dry_run: bool = False) -> CollectedView:
        """Remove the content that is in none of these manifests, and that nobody has asked for or sent within a day."""
        before = time.time() - GRACE_S
        entries = list(self.storage.list("content/"))
        old = [entry for entry in entries if entry.modified_at < before and SHA256.fullmatch(_sha256(entry))]
        kept = self._needed(needed) if old else set()
        gone = [entry for entry in old if bytes.fromhex(_sha256(entry)) not in kept]
        removed = [entry for entry in gone if self._asked.unless(_sha256(entry), self._remover(entry, dry_run))]
        if not dry_run:
            self.incoming.clean()
        files, size = len(removed), sum(entry.size for entry in removed)
        total = sum(entry.size for entry in entries)
        return CollectedView(files=files, bytes=size, kept_files=len(entries) - files, kept_bytes=total - size)

    def _remover(self, entry: Entry, dry_run: bool) -> Callable[[], None]:
        return lambda: None if dry_run else self.storage.delete(entry.key)

    def _needed(self, named: Iterable[str]) -> set[bytes]:
        """All that these manifests hold, and themselves. One that is gone, or was none, holds nothing."""
        kept: set[bytes] = set()
        for sha256 in set(named):
            kept.add(bytes.fromhex(sha256))
            try:
                found = manifests.decode(b"".join(self.read(sha256)))
            except (FileNotFoundError, msgspec.MsgspecError):
                continue
            kept.update(bytes.fromhex(file.sha256) for file in found.files)
        return kept


def _sha256(entry: Entry) -> str:
    return entry.key.rpartition("/")[2]


def _part(sha256: str) -> str:
    return f"content/{sha256}"


class _Asked:
    """What was asked for within a day: one file a request, whose name begins with its time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._since = time.time()
        self._now: set[bytes] | None = None  # None: the disk was not looked at yet

    def note(self, hashes: Iterable[str]) -> None:
        """These are asked for. It is on the disk when this returns."""
        raw = [bytes.fromhex(sha256) for sha256 in hashes]
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{int(time.time())}-{secrets.token_hex(4)}"
        with self._lock:
            part = self._folder / f".{name}"
            part.write_bytes(b"".join(raw))
            part.replace(self._folder / name)
            if self._now is not None:
                self._now.update(raw)

    def unless(self, sha256: str, remove: Callable[[], None]) -> bool:
        """Remove it unless somebody has asked for it; whether it was. Nobody can ask in between."""
        with self._lock:
            if self._now is None or time.time() - self._since > GRACE_S / 24:
                self._now, self._since = self._read(), time.time()
            if bytes.fromhex(sha256) in self._now:
                return False
            remove()
            return True

    def _read(self) -> set[bytes]:
        """All that is not too old, from the disk; the rest is removed from it."""
        found: set[bytes] = set()
        before = time.time() - GRACE_S
        for path in self._folder.glob("*-*"):
            if int(path.name.lstrip(".").partition("-")[0]) < before:
                path.unlink(missing_ok=True)
                continue
            raw = path.read_bytes()
            found.update(raw[at : at + 32] for at in range(0, len(raw), 32))
        return found
