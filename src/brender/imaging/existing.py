# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames of a step are on the disk already, whole and readable. A placeholder of 0 bytes is none.

One look into the folder; only files that are there are opened, and decoded side by side.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from brender.core.frames import FrameSet
from brender.core.nouns import Step, StepKind
from brender.core.outputs import Output, frame_path, movie_path

Size = tuple[int, int]


def good(output: Output, step: Step, size: Size | None) -> FrameSet:
    """The frames whose final file is good, and of this `size`, if one is given. Of a movie all frames, or none."""
    if step.kind is StepKind.MOVIE:
        (span,) = step.frames.ranges
        path = Path(movie_path(output, span[0], span[-1]))
        whole = _is_good(path, output.format.name, size, len(step.frames))
        return step.frames if whole else FrameSet()
    with ThreadPoolExecutor(os.cpu_count() or 1, "brender-verify") as pool:
        there = list(_there(output, step))
        verdicts = pool.map(lambda each: _is_good(each[1], output.format.name, size), there)
        return FrameSet.of(frame for (frame, _), whole in zip(there, verdicts, strict=True) if whole)


def _there(output: Output, step: Step) -> Iterator[tuple[int, Path]]:
    """Frames with a file that is not empty. All of a step's frames are in one folder."""
    folder = Path(frame_path(output, step.frames.frame(0))).parent
    try:
        with os.scandir(folder) as entries:
            names = {entry.name for entry in entries if entry.is_file() and entry.stat().st_size}
    except OSError:
        return
    if not names:
        return
    for frame in step.frames:
        path = Path(frame_path(output, frame))
        if path.name in names:
            yield frame, path


def _is_good(path: Path, format: str, size: Size | None, frames: int | None = None) -> bool:
    from brender.imaging.bad import BadPicture
    from brender.imaging.verify import verify

    width, height = size or (None, None)
    try:
        verify(path, width=width, height=height, format=format, frames=frames)
    except (BadPicture, OSError):
        return False
    return True
