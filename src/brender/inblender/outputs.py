# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a scene writes, and how that is turned aside: each run writes into a folder of its own beside the final one.

`/out/frame_0007.png` is written as `/out/.brender-RUN/frame_0007.png`, on the same file system, so that publishing it
is one rename. What a frame should write is worked out before, as Blender calls it a success when a file is missing.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from .refusal import Refusal, listing

FULL_BYTES = 64 * 1024  # less than this left: the disk is full, and no picture on it is to be trusted
_UNSAFE_IN_NAMES = re.compile(r'[\x00-\x1f/\\?*:|"<>]')


class Main:
    """The picture of the scene itself: one file, or one a view."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._pattern = scene.render.filepath
        self.folder = Path(os.path.abspath(scene.render.frame_path(frame=1))).parent
        self._redirected = Path()

    def redirect(self, name: str) -> None:
        """Lets it write into the folder `name`, within its final one."""
        self._redirected = self.folder / name
        tail = re.split(r"[/\\]", self._pattern)[-1]
        self._scene.render.filepath = os.path.join(self._redirected, tail)

    def expected(self, frame: int) -> list[str]:
        """The names of the files that the frame must write, relative to the folder."""
        return [os.path.relpath(path, self._redirected) for path in self._paths(frame)]

    def _paths(self, frame: int) -> list[str]:
        render = self._scene.render
        views = views_of(self._scene)
        if len(views) > 1 and render.image_settings.views_format == "INDIVIDUAL":
            return [render.frame_path(frame=frame, view=view.name) for view in views]
        return [render.frame_path(frame=frame)]


class FileOutput:
    """A File Output node of the compositor; it writes straight to its own path, whatever the scene's is.

    Unless the scene is carried: what its artist's machine calls `/home/ann/passes` is nothing here, and the node writes
    into a folder within `root`.
    """

    def __init__(self, scene: Any, node: Any, root: Path | None) -> None:
        self._scene = scene
        self._node = node
        self._new = hasattr(node, "file_output_items")  # 5.0
        self._base = node.directory if self._new else node.base_path
        self._layered = node.format.file_format == "OPEN_EXR_MULTILAYER"
        self._split = self._layered and not self._new  # the old layered one ends its path with the file's name
        if root is None:
            path = bpy.path.abspath(self._base)
            self.folder = Path(os.path.abspath(os.path.dirname(path) if self._split else path))
        else:
            self.folder = root / within(os.path.dirname(self._base) if self._split else self._base)

    def redirect(self, name: str) -> None:
        """Lets it write into the folder `name`, within its final one."""
        target = os.path.join(self.folder, name)
        if self._new:
            self._node.directory = target
        else:
            self._node.base_path = os.path.join(target, self._tail()) if self._split else target

    def expected(self, frame: int) -> list[str]:
        """The names that the frame must write, without their endings."""
        return [numbered(name, frame) for name in self._names()]

    def _tail(self) -> str:
        return re.split(r"[/\\]", self._base)[-1]

    def _names(self) -> Iterator[str]:
        if self._layered:
            if any(socket.is_linked for socket in self._node.inputs):
                yield self._node.file_name if self._new else self._tail()
        elif self._new:
            yield from self._new_names()
        else:
            for slot, socket in zip(self._node.file_slots, self._node.inputs, strict=False):
                if socket.is_linked:
                    yield slot.path.lstrip("/\\")

    def _new_names(self) -> Iterator[str]:
        for item, socket in zip(self._node.file_output_items, self._node.inputs, strict=False):
            if socket.is_linked:
                yield self._node.file_name + _UNSAFE_IN_NAMES.sub("_", item.name)


Writer = Main | FileOutput


class Outputs:
    """All that the scene writes, and the folder of the run they write into now."""

    def __init__(self, scene: Any, carried: bool) -> None:
        self._main = Main(scene)
        root = self._main.folder if carried else None
        self._nodes = [FileOutput(scene, node, root) for node in file_outputs(scene)]
        self._writers: list[Writer] = [self._main, *self._nodes]
        self._name = ""
        self._movie = bool(scene.render.is_movie_format)
        self._main_expected: list[Path] = []
        self._node_expected: list[Path] = []  # without their endings
        _write_always(scene)

    def redirect(self, name: str, frames: list[int]) -> list[str]:
        """Turns every output into `name` beside its final folder, and returns these folders, made new.

        What the frames must write there is worked out now: a script may turn the outputs elsewhere later.

        Raises Refusal: output_unwritable.
        """
        self._name = name
        for writer in self._writers:
            _make(writer.folder / name)
            writer.redirect(name)
        self._main_expected = self._paths(self._main, frames[:1] if self._movie else frames)
        self._node_expected = [path for node in self._nodes for path in self._paths(node, frames)]
        return [str(folder) for folder in self._folders()]

    def _paths(self, writer: Writer, frames: list[int]) -> list[Path]:
        return [writer.folder / self._name / name for frame in frames for name in writer.expected(frame)]

    def _folders(self) -> list[Path]:
        return list(dict.fromkeys(writer.folder / self._name for writer in self._writers))

    def collect(self) -> list[dict[str, str]]:
        """The files of the run, each with its final place, in the order main picture, then nodes.

        Raises Refusal (disk_full, nothing_rendered) where one is empty or missing.
        """
        files = [(path, folder) for folder in self._folders() for path in _files(folder)]
        self._check_empty([path for path, _ in files])
        self._check_missing([path for path, _ in files])
        return [_file(path, folder) for path, folder in files]

    def _check_empty(self, paths: list[Path]) -> None:
        empty = [path.name for path in paths if path.stat().st_size == 0]
        full = [folder for folder in self._folders() if shutil.disk_usage(folder).free < FULL_BYTES]
        if full:
            text = f'The disk of "{full[0].parent}" is full. Make room there; the frame is then rendered again.'
            raise Refusal("disk_full", text)
        if empty:
            raise Refusal("disk_full", f"Blender left {listing(empty)} empty: the disk, or a quota on it, is full.")

    def _check_missing(self, there: list[Path]) -> None:
        missing = [path for path in self._main_expected if path not in there]
        missing += [path for path in self._node_expected if not any(str(t).startswith(str(path)) for t in there)]
        if missing:
            names = [str(path.parent.parent / path.name) for path in missing]
            text = f"Blender said that it rendered, and did not write {listing(names)}."
            hint = " Does a script or handler change the output path while it renders?"
            raise Refusal("nothing_rendered", text + hint)

    def remove(self) -> None:
        """Takes the run's folders away, with what is in them; final places are not touched."""
        for folder in self._folders():
            shutil.rmtree(folder, ignore_errors=True)


def within(path: str) -> str:
    """Where a node of a carried scene that wants to write to the folder `path` writes within the job's own: at the same
    place, seen from the .blend, or in `outside` where that is not in the folder of the .blend. It never leaves it.
    """
    parts = [part for part in re.split(r"[/\\]", path) if part not in ("", ".")]
    inside = path.startswith("//")
    kept: list[str] = []
    for part in parts:
        if part == "..":
            inside = inside and bool(kept)
            kept = kept[:-1]
        else:
            kept.append(re.sub(r'[<>:"|?*\x00-\x1f]', "", part).strip(" ").rstrip(".") or "_")
    return os.path.join("" if inside else "outside", *kept)


def numbered(pattern: str, frame: int) -> str:
    """The frame number in the last run of `#` of the name, or of four digits behind it, as Blender does it."""
    head, tail = os.path.split(pattern)
    runs = list(re.finditer("#+", tail))
    if not runs:
        return os.path.join(head, f"{tail}{_digits(frame, 4)}")
    last = runs[-1]
    return os.path.join(head, tail[: last.start()] + _digits(frame, len(last.group())) + tail[last.end() :])


def _digits(frame: int, width: int) -> str:
    return ("-" if frame < 0 else "") + str(abs(frame)).zfill(width)


def views_of(scene: Any) -> list[Any]:
    """The views that are rendered: none of them where stereo is off."""
    render = scene.render
    if not render.use_multiview:
        return []
    stereo = render.views_format == "STEREO_3D"
    return [view for view in render.views if view.use and (not stereo or view.name in ("left", "right"))]


def uses_sequencer(scene: Any) -> bool:
    """True where the picture comes from the video editor's strips."""
    editor = scene.sequence_editor
    if editor is None or not scene.render.use_sequencer:
        return False
    return len(editor.strips if hasattr(editor, "strips") else editor.sequences) > 0


def compositor(scene: Any) -> Any:
    """The compositor's node tree where the render goes through it, else None."""
    if not scene.render.use_compositing or uses_sequencer(scene):
        return None
    if hasattr(scene, "compositing_node_group"):  # 5.0
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def nodes_in(tree: Any, seen: set[Any] | None = None) -> Iterator[Any]:
    """All nodes of a tree and of the groups in it, each group once; muted ones do nothing and are left out."""
    seen = set() if seen is None else seen
    if tree is None or tree in seen:
        return
    seen.add(tree)
    for node in tree.nodes:
        if not node.mute:
            yield node
            yield from nodes_in(getattr(node, "node_tree", None), seen)


def file_outputs(scene: Any) -> list[Any]:
    """The File Output nodes that will write."""
    return [node for node in nodes_in(compositor(scene)) if node.bl_idname == "CompositorNodeOutputFile"]


def _write_always(scene: Any) -> None:
    """In a run's own folder there is nothing to keep, and no placeholder to make for others.

    "Render single layer" is for the interface: Blender's command line does not heed it, and the operator would.
    """
    scene.render.use_overwrite = True
    scene.render.use_placeholder = False
    scene.render.use_single_layer = False


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        kind = "disk_full" if error.errno == 28 else "output_unwritable"
        text = f'The output folder "{folder.parent}" cannot be written to: {error.strerror}.'
        raise Refusal(kind, text + " Choose another with -o, or give the worker the right to write there.") from None


def _files(folder: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError):
        return sorted(path for path in folder.rglob("*") if path.is_file())
    return []


def _file(path: Path, folder: Path) -> dict[str, str]:
    return {"temporary": str(path), "final": str(folder.parent / path.relative_to(folder))}
