# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command line of `brender render` asks for, as values; blender_args reads it.

What can only be known from the file stays relative in it until `resolved` is told the file's range.
"""

from typing import Literal

import msgspec

from brender.core.frames import MAX_FRAME, MIN_FRAME, FramesError, FrameSet
from brender.core.scene import Allow, Launch, Script, Settings


class ArgumentsError(ValueError):
    """A command line that Blender would not take, or would take otherwise than it reads: a sentence to print."""


class FrameAt(msgspec.Struct, frozen=True):
    """A frame, counted from 0, or from the scene's own first or last one."""

    number: int
    of: Literal["zero", "start", "end"] = "zero"

    def at(self, start: int, end: int) -> int:
        """The frame, for a scene of that range. ArgumentsError where Blender would clamp it in silence."""
        frame = self.number + {"zero": 0, "start": start, "end": end}[self.of]
        if not MIN_FRAME <= frame <= MAX_FRAME:
            raise ArgumentsError(f"frame {frame} is beyond Blender's frames, {MIN_FRAME} to {MAX_FRAME}")
        return frame


class FrameSpan(msgspec.Struct, frozen=True):
    """One item of `-f`: a frame, or `first..last`."""

    first: FrameAt
    last: FrameAt


class Animation(msgspec.Struct, frozen=True):
    """`-a`: the scene's range as it then is."""


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments once the file's own range is known: nothing in them is relative any more."""

    settings: Settings
    scripts: tuple[Script, ...]
    frames: FrameSet


class RenderArguments(msgspec.Struct, frozen=True, kw_only=True):
    """What a command line asks for. Each script's `before` holds what was set since the one before it, and
    `settings` what was set after the last, as Blender does it; brender's own --samples and --size are in `settings`."""

    blend: str
    settings: Settings = Settings()
    scripts: tuple[Script, ...] = ()
    launch: Launch = Launch()
    allow: Allow = Allow()
    renders: tuple[Animation | FrameSpan, ...] = ()
    given_frames: FrameSet | None = None  # --frames
    start: FrameAt | None = None  # a relative -s, which belongs to the first script's `before` or to `settings`
    end: FrameAt | None = None
    name: str | None = None
    priority: int | None = None
    tags: tuple[str, ...] = ()
    order: str = "sequence"
    missing: bool = False
    detach: bool = False
    send: bool | None = None  # --send, --in-place; None: as the manager is elsewhere, and shares no folder, or not
    sheet: str | None = None  # absolute path
    blender: str | None = None  # a program's absolute path, a version, or "bpy"
    manager: str | None = None
    data: str | None = None
    max_time_s: float | None = None
    silence_s: float | None = None

    @property
    def whole(self) -> Settings:
        """All that is set, by scripts' turns and after: what to expect of the output, if no script changes it."""
        merged: dict[str, object] = {}
        for settings in (*(s.before for s in self.scripts), self.settings):
            merged |= _given(settings)
        return msgspec.convert(merged, Settings)

    @property
    def range_is_the_scripts(self) -> bool:
        """True where a script, run after the file is opened, may still move the range that is rendered."""
        if self.given_frames is not None or not any(not s.before_open for s in self.scripts):
            return False
        return Animation() in self.renders and (self.settings.start is None or self.settings.end is None)

    def resolved(self, start: int, end: int, step: int = 1) -> Resolved:
        """For a scene whose file says that range. ArgumentsError where Blender would render nothing, or else."""
        moved = {name: at.at(start, end) for name, at in (("start", self.start), ("end", self.end)) if at is not None}
        still = self._with_range(moved) if moved else self
        return Resolved(settings=still.settings, scripts=still.scripts, frames=still._frames(start, end, step))

    def _with_range(self, moved: dict[str, int]) -> "RenderArguments":
        """What was relative, set where it stood: before the first script that sees the scene, or else after all."""
        turn = next((i for i, s in enumerate(self.scripts) if not s.before_open), None)
        if turn is None:
            settings = msgspec.structs.replace(self.settings, **moved)
            return msgspec.structs.replace(self, settings=settings, start=None, end=None)
        scripts = list(self.scripts)
        before = msgspec.structs.replace(scripts[turn].before, **moved)
        scripts[turn] = msgspec.structs.replace(scripts[turn], before=before)
        return msgspec.structs.replace(self, scripts=tuple(scripts), start=None, end=None)

    def _frames(self, start: int, end: int, step: int) -> FrameSet:
        if self.given_frames is not None:
            return self.given_frames
        whole = self.whole
        first = start if whole.start is None else whole.start
        last = end if whole.end is None else whole.end
        texts = [self._text(render, first, last, whole.step or step) for render in self.renders]
        try:
            return FrameSet.parse(",".join(texts))
        except FramesError as e:
            raise ArgumentsError(f"-f: {e.reason}") from None

    def _text(self, render: Animation | FrameSpan, start: int, end: int, step: int) -> str:
        if isinstance(render, Animation):
            if start > end:
                raise ArgumentsError(_empty_range(start, end))
            return f"{start}..{end}x{step}"
        first, last = render.first.at(start, end), render.last.at(start, end)
        if first > last:
            raise ArgumentsError(f"-f {first}..{last} holds no frame: a range goes upwards; Blender would ignore it")
        return f"{first}..{last}"


def _empty_range(start: int, end: int) -> str:
    return (
        f"the range is empty: it starts at {start} and ends at {end}; Blender would render nothing. Look at -s and -e"
    )


def _given(settings: Settings) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(settings).items() if value is not None}
