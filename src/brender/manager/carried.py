# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a scene that was sent: its .blend files are laid out in a temporary folder, as they lie at the artist's.

What is said of it names the artist's files, and where frames go is worked out in the artist's paths too.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

import msgspec

from brender.core import names
from brender.core.commands import Refusal
from brender.core.manifest import Manifest, SceneFile
from brender.core.outputs import Output
from brender.core.scene import Settings
from brender.core.views import JobRequest
from brender.manager.content import Content, key
from brender.manager.storage import Storage

NAMELESS = "####"  # what Blender calls frames whose output is a folder


class Carried(msgspec.Struct, frozen=True):
    """A scene that was sent, laid out."""

    request: JobRequest
    manifest: Manifest
    root: Path  # where it is laid out; gone when the `with` is over
    storage: Storage

    @property
    def blend(self) -> str:
        """The file to read."""
        return str(self.root / self.request.blend)

    @property
    def windows(self) -> bool:
        """Whether the artist's paths are of Windows."""
        return self.request.system == "Windows"

    def in_their_words(self, text: str) -> str:
        """A sentence about files that are laid out, with the names that the artist has for them."""
        home = _home_of(self.request)
        named = re.sub(rf"{re.escape(str(self.root))}[\\/]([^\n:,;']*)", lambda m: home + self._native(m[1]), text)
        return named.replace(str(self.root), home.rstrip("\\/") or "the scene's folder")

    def _native(self, path: str) -> str:
        return path.replace("/", "\\") if self.windows else path

    def last_part(self, output: Output) -> str:
        """The part of the pattern that names frames; the folder before it is the artist's alone."""
        return re.split(r"[\\/]", output.pattern)[-1] or NAMELESS

    def outputs(self, name: str) -> str:
        """Where frames of this name are kept. The rules put the job's number in."""
        return self.storage.where("output/{job}/" + name)

    def settings(self, last_part: str) -> Settings:
        """The request's, with an output that is a name alone: the folder is each worker's own."""
        return msgspec.structs.replace(self.request.settings, output=last_part)


def called(request: JobRequest) -> str:
    """What a job is called unless it is said: as its file."""
    path = request.source or request.blend
    return PureWindowsPath(path).name if request.system == "Windows" else PurePosixPath(path).name


def unnameable(name: str) -> str | None:
    """Why frames of this name cannot be kept, in a sentence; None: they can."""
    reason = names.refusal(re.sub("#+", lambda m: "0" * len(m[0]), name))
    return f"Frames called {name!r} cannot be kept on every system: {reason}." if reason else None


def wrong(request: JobRequest) -> tuple[str, str] | None:
    """What is wrong with a request for a scene that was sent: a sentence, and the field."""
    if reason := names.refusal(request.blend):
        return f"With a manifest, the .blend is named by its path in it, and not {request.blend!r}: {reason}.", "blend"
    for script in request.scripts:
        if script.kind == "file" and (reason := names.refusal(script.source)):
            return (
                f"With a manifest, a script is named by its path in it, and not {script.source!r}: {reason}.",
                "scripts",
            )
    path = PureWindowsPath(request.source) if request.system == "Windows" else PurePosixPath(request.source)
    if request.source and not path.is_absolute():
        return (
            f"The source is the absolute path of the .blend where it was sent from, not {request.source!r}.",
            "source",
        )
    return None


@contextmanager
def laid_out(request: JobRequest, content: Content) -> Iterator[Carried]:
    """The scene, with its .blend files where they can be read. Raises `Refusal`."""
    manifest = content.hold(request.manifest)
    there = {file.path for file in manifest.files}
    scripts = [script.source for script in request.scripts if script.kind == "file"]
    if absent := next((path for path in (request.blend, *scripts) if path not in there), None):
        raise Refusal(f"{absent} is not among the files of the manifest.", "invalid")
    with content.aside() as folder:
        root = folder.resolve() / "scene"
        for file in manifest.files:
            if file.path.lower().endswith(".blend") or file.path == request.blend:
                _lay(content, file, root / file.path)
        yield Carried(request, manifest, root, content.storage)


def _lay(content: Content, file: SceneFile, target: Path) -> None:
    """A second name of the file that is kept, where that can be: it is only read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    local = content.storage.local(key(file.sha256))
    if local is not None:
        try:
            os.link(local, target)
        except OSError:
            shutil.copyfile(local, target)
        return
    with target.open("wb") as out:
        for piece in content.read(file.sha256):
            out.write(piece)


def _home_of(request: JobRequest) -> str:
    """The folder at the artist's that is the top of what was sent, with a slash at its end; "" where nobody said."""
    slash = "\\" if request.system == "Windows" else "/"
    tail = slash + request.blend.replace("/", slash)
    source = request.source.replace("/", slash) if request.system == "Windows" else request.source
    return source.removesuffix(tail) + slash if source.endswith(tail) else ""
