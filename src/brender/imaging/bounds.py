# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a picture may claim, and cost, before it is refused: pixels, sides, channels, parts, bytes and seconds.

A header is read first, and what it claims is compared with these; then pixels are decoded in pieces, so that memory
has a bound of its own. A film's frame of 16k x 16k is well within them; a bomb of a few bytes is not.
"""

import time
from pathlib import Path

import OpenImageIO as oiio
from PIL import Image

from brender.imaging.bad import BadPicture

MOST_PIXELS = 1 << 29  # of one layer: a still of 32k x 16k; more is a mistake or an attack
MOST_SIDE = 1 << 16  # pixels: the most that Blender renders
MOST_CHANNELS = 4096  # of all parts together
MOST_PARTS = 4096
MOST_DECODED = 1 << 38  # bytes of all pixels together: 16k x 16k with 250 channels of 32 bits
MOST_PIECE = 384 << 20  # bytes that have to be decoded together
MOST_WHOLE = 1 << 30  # bytes of a picture whose format can only be decoded as a whole
MOST_STILL_S = 900.0  # seconds of decoding
MOST_MOVIE_S = 4 * 3600.0
MOST_MOVIE_PIXELS = 1 << 26  # of one frame, 8k x 8k: a decoder keeps up to sixteen of them
MOST_MOVIE_FRAMES = 1 << 22  # two days of 24 frames a second

# The libraries' own bounds, for what they look at before we can: they are those of above, and errors.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
oiio.attribute("limits:channels", MOST_CHANNELS)
oiio.attribute("limits:imagesize_MB", MOST_DECODED >> 20)


class Deadline:
    """The end of the time that a file may take."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path, self._seconds = path, seconds
        self._until = time.monotonic() + seconds

    def check(self) -> None:
        """Raises BadPicture once it has passed."""
        if time.monotonic() > self._until:
            raise BadPicture(f"{self._path.name} took more than {self._seconds:.0f} s to decode, and was given up")


def check_size(path: Path, width: int, height: int, want_width: int | None, want_height: int | None) -> None:
    """Raises BadPicture unless the size is the one wanted (None: any) and within the bound."""
    if (want_width or width, want_height or height) != (width, height):
        wanted = f"{want_width or 'any'}x{want_height or 'any'}"
        raise BadPicture(f"{path.name} has {width}x{height} pixels, and {wanted} was asked for")
    if width <= 0 or height <= 0 or width * height > MOST_PIXELS or max(width, height) > MOST_SIDE:
        raise BadPicture(
            f"{path.name} claims {width}x{height} pixels: a picture has at least one, at most {MOST_PIXELS} in all "
            f"and {MOST_SIDE} a side"
        )


def check_movie_size(path: Path, width: int, height: int) -> None:
    """The same for a movie, whose decoder keeps several frames."""
    if width <= 0 or height <= 0 or width * height > MOST_MOVIE_PIXELS:
        raise BadPicture(
            f"{path.name} claims frames of {width}x{height} pixels: a movie's have at least one, at most "
            f"{MOST_MOVIE_PIXELS}"
        )


def check_whole(path: Path, cost: int) -> None:
    """Raises BadPicture where a picture that can only be decoded as a whole would take too much memory."""
    if cost > MOST_WHOLE:
        raise BadPicture(
            f"{path.name} would take {_mb(cost)} MB to decode, as its format is decoded as a whole: at most "
            f"{_mb(MOST_WHOLE)} MB are given to it. Render pictures of this size as OpenEXR"
        )


def check_piece(path: Path, size: int) -> None:
    """Raises BadPicture where the smallest part that can be decoded by itself is too large."""
    if size > MOST_PIECE:
        raise BadPicture(
            f"{path.name} has to be decoded in pieces of {_mb(size)} MB, and one may have {_mb(MOST_PIECE)} MB at most"
        )


def check_decoded(path: Path, size: int) -> None:
    """Raises BadPicture where all pixels together are too much."""
    if size > MOST_DECODED:
        raise BadPicture(f"{path.name} claims {_mb(size)} MB of pixels, more than {_mb(MOST_DECODED)} MB")


def _mb(size: int) -> int:
    return size >> 20
