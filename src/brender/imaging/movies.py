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
from brender.imaging.bounds import MOST_MOVIE_FRAMES, MOST_MOVIE_PIXELS, MOST_MOVIE_S, Deadline, check_movie_size
from brender.imaging.pictures import Seen

_SIZE_ALONE = {"max_pixels": str(MOST_MOVIE_PIXELS)}  # also of frames that grow in the middle
_FILES_ALONE = {"protocol_whitelist": "file"}  # a movie that names others, or an address, is not followed


def read(path: Path, frames: int | None = None) -> Seen:
    """What the movie holds, decoded in full; `frames` is how many there must be. Raises BadPicture."""
    try:
        with av.open(str(path), options=_FILES_ALONE) as movie:
            return _decode(path, movie, frames)
    except av.FFmpegError as error:
        raise BadPicture(f"{path.name} is torn or cut off: {error.strerror}") from None


def middle_picture(path: Path) -> Image.Image:
    """The frame that is shown for a movie: its beginning is often black. Raises BadPicture."""
    try:
        with av.open(str(path), options=_FILES_ALONE) as movie:
            frame: Any = _seek_middle(path, movie)
            picture: Image.Image = frame.to_image()
            return picture
    except av.FFmpegError as error:
        raise BadPicture(f"{path.name} is torn or cut off: {error.strerror}") from None


def _decode(path: Path, movie: av.container.InputContainer, frames: int | None) -> Seen:
    stream = _video(path, movie)
    stream.codec_context.options = {"err_detect": "explode", **_SIZE_ALONE}  # a damaged frame is an error, not a guess
    expected = frames if frames is not None else _frames_claimed(movie, stream)
    count = _count(path, movie, stream, expected)
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


def _count(path: Path, movie: av.container.InputContainer, stream: av.VideoStream, expected: int | None) -> int:
    """Its whole frames. One frame too many is told, and what follows is not decoded."""
    deadline, most = Deadline(path, MOST_MOVIE_S), MOST_MOVIE_FRAMES if expected is None else expected
    count = 0
    for frame in movie.decode(stream):
        deadline.check()
        count += not frame.is_corrupt
        if count > most:
            raise BadPicture(f"{path.name} holds more than {most} frames, and {expected or 'fewer'} should be there")
    return count


def _video(path: Path, movie: av.container.InputContainer) -> av.VideoStream:
    """The pictures of the movie, which are no larger than the bound. Raises BadPicture."""
    if not movie.streams.video:
        raise BadPicture(f"{path.name} has no pictures in it")
    stream = movie.streams.video[0]
    check_movie_size(path, stream.width, stream.height)
    return stream


def _frames_claimed(movie: av.container.InputContainer, stream: av.VideoStream) -> int | None:
    """How many frames the container says it has; None where it does not say, or only roughly."""
    if stream.frames:
        return stream.frames
    if movie.duration is None or not stream.average_rate or not movie.format.name.startswith("matroska"):
        return None
    return round(movie.duration / 1_000_000 * stream.average_rate)


def _seek_middle(path: Path, movie: av.container.InputContainer) -> VideoFrame:
    stream = _video(path, movie)
    stream.codec_context.options = _SIZE_ALONE
    if movie.duration:
        movie.seek(movie.duration // 2)
    for frame in movie.decode(stream):
        return frame
    raise BadPicture(f"{path.name} holds no whole frame")
