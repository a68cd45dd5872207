# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering one run: a frame, or all frames of a movie, through the operator that `blender -f` and `-a` are made of.

`animation=True` over one frame is what `-f N` does: it evaluates the scene once, and knows stereo, movies and File
Output nodes. The scene's own range, which drivers and the stamp may read, is put back before the frame is prepared.
"""

import contextlib
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy

from . import settings
from .refusal import Refusal

if TYPE_CHECKING:
    from .opening import Session

Send = Callable[..., None]
TELL_EVERY_S = 0.25

# what Blender says when a render fails, and what that means
_TEXTS = (
    ("no camera", "no_camera", "The scene has no active camera. Set one, or bind cameras to markers."),
    ("out of memory", "out_of_memory", "The render ran out of memory."),
    ("out of gpu memory", "out_of_memory", "The render ran out of the GPU's memory."),
    ("no space left", "disk_full", "The disk is full."),
    ("permission denied", "output_unwritable", "Blender may not write there."),
    ("read-only file system", "output_unwritable", "The output folder is read-only."),
    ("without openimagedenoise", "bad_setting", "This Blender is built without the denoiser that the scene wants."),
)


class Watch:
    """Listens to the render's handlers: when it began and ended, and that it is alive."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._range = (0, 0)
        self._told = 0.0
        self._send: Send = lambda *_, **__: None
        self.run = ""
        self.began = self.sampled = self.rendered = self.ended = 0.0
        self.cancelled = False
        for name in ("init", "pre", "stats", "post", "write", "complete", "cancel"):
            getattr(bpy.app.handlers, f"render_{name}").insert(0, getattr(self, f"_{name}"))

    def start(self, run: str, frames: list[int], send: Send) -> None:
        """Sets the range to render; `render_init` puts the scene's own back."""
        self.run, self._send, self.cancelled = run, send, False
        self.began = self.sampled = self.rendered = self.ended = 0.0
        self._range = (self._scene.frame_start, self._scene.frame_end)
        _set_range(self._scene, frames[0], frames[-1])

    def finish(self) -> None:
        """Puts the scene's range back, also where the render never began."""
        _set_range(self._scene, *self._range)

    def _init(self, *_: Any) -> None:
        self.began = time.monotonic()
        self.finish()

    def _pre(self, *_: Any) -> None:
        self._tell("pre")

    def _stats(self, text: Any = None, *_: Any) -> None:
        now = time.monotonic()
        said = text if isinstance(text, str) else ""  # 3.4 gives None
        if "Sample" in said and not self.sampled:
            self.sampled = now
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            self._tell("stats", text=said)

    def _post(self, *_: Any) -> None:
        self.rendered = time.monotonic()
        self._tell("post")

    def _write(self, *_: Any) -> None:
        self.ended = time.monotonic()
        self._tell("write")

    def _complete(self, *_: Any) -> None:
        self.ended = time.monotonic()

    def _cancel(self, *_: Any) -> None:
        self.ended = time.monotonic()
        self.cancelled = True

    def _tell(self, what: str, **fields: Any) -> None:
        self._send("alive", run=self.run, what=what, frame=self._scene.frame_current, at=time.monotonic(), **fields)


def _set_range(scene: Any, start: int, end: int) -> None:
    if (scene.frame_start, scene.frame_end) != (start, end):
        scene.frame_start = start  # Blender pushes the other along where they would cross
        scene.frame_end = end


def render(session: "Session", order: dict[str, Any], send: Send) -> dict[str, Any]:
    """Renders the order's frames into its folder. Returns the event that tells of it; raises Refusal."""
    frames = order["frames"]
    for frame in frames:
        settings.check_frame(frame)
    memory, cpu = Memory(), _cpu_s()
    folders = session.outputs.redirect(order["folder"], frames)
    send("started", run=order["run"], folders=folders, at=time.monotonic())
    try:
        session.prepare(frames[0], lambda frame: _tell_step(send, order["run"], frame))
        _operate(session, order["run"], frames, send)
        session.check_after()
        files = session.outputs.collect()
    except BaseException:
        session.outputs.remove()
        raise
    watch = session.watch
    return {
        "event": "rendered",
        "run": order["run"],
        "files": files,
        "began": watch.began,
        "ended": watch.ended,
        "sync_s": max(0.0, watch.sampled - watch.began),
        "render_s": watch.rendered - watch.began,
        "write_s": max(0.0, watch.ended - watch.rendered),
        "cpu_s": _cpu_s() - cpu,
        "peak_memory_mb": memory.peak_mb(),
        "memory_mb": memory.now_mb(),
        "warnings": session.new_warnings(),
    }


def _tell_step(send: Send, run: str, frame: int) -> None:
    send("alive", run=run, what="step", frame=frame, at=time.monotonic())


def _operate(session: "Session", run: str, frames: list[int], send: Send) -> None:
    session.watch.start(run, frames, send)
    try:
        with session.aside.context():
            result = bpy.ops.render.render(animation=True, scene=session.scene.name)
    except RuntimeError as error:
        raise _refusal(str(error), frames[0]) from None
    finally:
        session.watch.finish()
    if result != {"FINISHED"} or session.watch.cancelled:
        raise Refusal("render_error", f"Blender broke off frame {frames[0]} without a reason. The log may have one.")


def _refusal(text: str, frame: int) -> Refusal:
    said = text.replace("Error: ", "").strip()
    for part, kind, words in _TEXTS:
        if part in said.lower():
            return Refusal(kind, f"{words} (frame {frame}; Blender said: {said})")
    return Refusal("render_error", f"Blender could not render frame {frame}: {said}")


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Memory:
    """What this process holds (resident), in MB of 2**20 bytes; 0 where the system does not tell (not Linux)."""

    def __init__(self) -> None:
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak is now that of what follows

    def peak_mb(self) -> float:
        """The most at once since this was made."""
        return self._read("VmHWM:")

    def now_mb(self) -> float:
        """At this moment."""
        return self._read("VmRSS:")

    def _read(self, name: str) -> float:
        with contextlib.suppress(OSError), open("/proc/self/status") as file:
            for line in file:
                if line.startswith(name):
                    return int(line.split()[1]) / 1024
        return 0.0
