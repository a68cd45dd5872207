# SPDX-License-Identifier: GPL-3.0-or-later
"""How far two pictures differ, by their decoded pixels: files of equal pixels differ in their bytes.

Every value of every channel, layer and part counts, exactly as it is in the file: Blender writes whole numbers of 16
bits at most, and floats of 32. Decoded in pieces, as in `pictures`.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from brender.imaging import bounds, pictures
from brender.imaging.bad import BadPicture
from brender.imaging.formats import Kind, kind_at

_BAND = 64  # lines of a decoded picture that are compared at a time

Values = NDArray[Any]
Piece = tuple[tuple[Any, ...], int, Values]  # what it is a piece of, its first line, its lines x columns x channels


@dataclass(frozen=True, slots=True)
class Difference:
    """How many of the pixels differ, 0 to 1, and by how much at most; whole numbers count as 0 to 1, too."""

    fraction: float
    largest: float

    @property
    def none(self) -> bool:
        """Whether the pictures are equal."""
        return self.fraction == 0.0


EVERYWHERE = Difference(1.0, 1.0)  # between pictures of another size, format or set of channels


def compare(one: Path | str, other: Path | str) -> Difference:
    """The difference of two stills. Raises BadPicture, and OSError."""
    one, other = Path(one), Path(other)
    kind = kind_at(one)
    if kind in (None, "movie"):
        raise BadPicture(f"{one.name} is no still that Blender writes")
    if kind_at(other) != kind:
        return EVERYWHERE
    tally, deadline = _Tally(), bounds.Deadline(one, bounds.MOST_STILL_S)
    for a, b in zip_longest(_pieces(one, kind), _pieces(other, kind)):
        if a is None or b is None or a[:2] != b[:2] or a[2].shape != b[2].shape:
            return EVERYWHERE
        deadline.check()
        tally.add(a[1], a[2], b[2])
    return tally.difference


class _Tally:
    """Which pixels of the picture differ in any channel of any part."""

    def __init__(self) -> None:
        self._differs: dict[tuple[int, ...], NDArray[np.uint8]] = {}  # a bit a pixel, by first line, lines and columns
        self._largest = 0.0

    def add(self, top: int, one: Values, other: Values) -> None:
        differs = (one != other) & ~((one != one) & (other != other))  # what is no number equals itself
        if differs.any():
            self._largest = max(self._largest, _largest(one[differs], other[differs]))
        pixels = differs.any(axis=2)
        where = (top, *pixels.shape)
        bits = np.packbits(pixels)
        self._differs[where] = bits | self._differs[where] if where in self._differs else bits

    @property
    def difference(self) -> Difference:
        count = sum(int(np.count_nonzero(np.unpackbits(bits))) for bits in self._differs.values())
        return Difference(count / max(1, sum(lines * columns for _, lines, columns in self._differs)), self._largest)


def _largest(one: Values, other: Values) -> float:
    """The largest of the differences; one that is no number, or infinite, counts as the largest there is."""
    with np.errstate(invalid="ignore", over="ignore"):
        largest = float(np.max(np.abs(one.astype(np.float64) - other.astype(np.float64))))
    return largest if np.isfinite(largest) else sys.float_info.max


def _pieces(path: Path, kind: Kind) -> Iterator[Piece]:
    return _of_pillow(path) if kind in ("JPEG", "JPEG2000") else _of_oiio(path)


def _of_pillow(path: Path) -> Iterator[Piece]:
    with pictures.decoded(path) as image:
        for top in range(0, image.height, _BAND):
            values = np.asarray(image.crop((0, top, image.width, min(top + _BAND, image.height))))
            scale = np.iinfo(values.dtype).max
            yield (image.mode, image.size), top, np.atleast_3d(values).astype(np.float64) / scale


def _of_oiio(path: Path) -> Iterator[Piece]:
    source = pictures.open_picture(path)
    try:
        for part in pictures.parts(path, source):
            spec = source.spec()
            about = (part, spec.width, spec.height, tuple(pictures.channel_names(spec)))
            for top, values in pictures.pieces(path, source, part, oiio.FLOAT):
                yield about, top, np.asarray(values).reshape(-1, spec.width, spec.nchannels)
    finally:
        source.close()
