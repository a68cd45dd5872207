# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes a movie to its last frame, and counts them. PyAV (FFmpeg's libraries) reads all containers Blender writes.

A movie whose end is missing may well open: Matroska and AVI are repaired in silence. So the frames decoded are
compared with those asked for, and with what the container says of itself.
"""

from pathlib import Path
from typing import Any

import av
from av.video.frame import VideoFrame
from PIL import Image

from brender.imaging.bad import BadPicture
from brender.imaging.pictures import Seen, check_size


def read(path: Path, frames: int | None = None) -> Seen:
    """What the movie holds, decoded in full; `frames` is how many there must be. Raises BadPicture."""
    try:
        with av.open(str(path)) as movie:
            return _decode(path, movie, frames)
    except av.FFmpegError as error:
        raise BadPicture(f"{path.name} is torn or cut off: {error.strerror}") from None


def middle_picture(path: Path) -> Image.Image:
    """The frame that is shown for a movie: its beginning is often black. Raises BadPicture."""
    try:
        with av.open(str(path)) as movie:
            frame: Any = _seek_middle(path, movie)
            picture: Image.Image = frame.to_image()
            return picture
    except av.FFmpegError as error:
        raise BadPicture(f"{path.name} is torn or cut off: {error.strerror}") from None


def _decode(path: Path, movie: av.container.InputContainer, frames: int | None) -> Seen:
    stream = _video(path, movie)
    check_size(path, stream.width, stream.height, None, None)
    stream.codec_context.options = {"err_detect": "explode"}  # a damaged frame is an error, not a guess
    count = sum(not frame.is_corrupt for frame in movie.decode(stream))
    expected = frames if frames is not None else _frames_claimed(movie, stream)
    if movie.format.name == "ogg":  # Theora leaves out a frame that is like the one before
        expected = None if expected is None else min(expected, max(count, 1))
    if count == 0 or (expected is not None and count != expected):
        raise BadPicture(f"{path.name} holds {count} whole frames, and {expected or 'at least one'} should be there")
    format = stream.format
    return Seen(
        width=stream.width,
        height=stream.height,
        channels=len(format.components),
        bits=max(component.bits for component in format.components),
        frames=count,
    )


def _video(path: Path, movie: av.container.InputContainer) -> av.VideoStream:
    if not movie.streams.video:
        raise BadPicture(f"{path.name} has no pictures in it")
    return movie.streams.video[0]


def _frames_claimed(movie: av.container.InputContainer, stream: av.VideoStream) -> int | None:
    """How many frames the container says it has; None where it does not say, or only roughly."""
    if stream.frames:
        return stream.frames
    if movie.duration is None or not stream.average_rate or not movie.format.name.startswith("matroska"):
        return None
    return round(movie.duration / 1_000_000 * stream.average_rate)


def _seek_middle(path: Path, movie: av.container.InputContainer) -> VideoFrame:
    stream = _video(path, movie)
    check_size(path, stream.width, stream.height, None, None)
    if movie.duration:
        movie.seek(movie.duration // 2)
    for frame in movie.decode(stream):
        return frame
    raise BadPicture(f"{path.name} holds no whole frame")
