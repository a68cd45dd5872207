# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet: a job's thumbnails on one dark page, each with its frame, and what is missing shown as missing.

It takes any number of frames; where they are more than a person can see, it shows some, evenly picked, and says so.
"""

import contextlib
import functools
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

MOST_CELLS = 160
WIDTH = 1920  # pixels of the whole sheet
_MOST_PIXELS = 1 << 21  # of a thumbnail: it came from a worker
_MARGIN, _GAP, _RADIUS = 40, 16, 10
_TITLE, _NOTE, _LABEL = 34, 19, 15  # heights of text

_PAGE = (19, 20, 23)
_CELL = (31, 33, 38)
_BRIGHT = (238, 238, 240)
_DIM = (142, 146, 155)
_FAILED = (224, 92, 76)

# with more letters than Pillow's own; asked for by name where the system keeps them
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msgothic.ttc")

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Color = tuple[int, int, int]
Jpeg = bytes | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One frame of the sheet. `state` is the task's, in the design's words; `jpeg` is asked for only when shown."""

    label: str
    jpeg: Jpeg | Callable[[], Jpeg]
    state: str = "succeeded"


def sheet(
    cells: Sequence[Cell], title: str, note: str = "", columns: int | None = None, most: int = MOST_CELLS
) -> Image.Image:
    """The sheet. `title` is the job's name, `note` what stands under it (Blender, size, times)."""
    shown = [cells[i] for i in picked(len(cells), most)]
    if len(shown) < len(cells):
        note = " · ".join(filter(None, (note, f"{len(shown)} of {len(cells)} frames shown, evenly picked")))
    pictures = [_picture(cell) for cell in shown]
    plan = _Plan.of(pictures, columns)
    page = Image.new("RGB", (WIDTH, plan.page_height), _PAGE)
    _head(page, title, note)
    for place, (cell, picture) in enumerate(zip(shown, pictures, strict=True)):
        _draw_cell(page, plan, place, cell, picture)
    return page


def png(page: Image.Image) -> bytes:
    """The sheet as a file's content."""
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def picked(count: int, most: int = MOST_CELLS) -> list[int]:
    """Which of `count` frames are shown: all, or `most` evenly picked with the first and the last among them."""
    if count <= most:
        return list(range(count))
    if most == 1:
        return [0]
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


# ---------------------------------------------------------------- where things go


@dataclass(frozen=True, slots=True)
class _Plan:
    columns: int
    rows: int
    width: int  # of a cell
    height: int

    @classmethod
    def of(cls, pictures: list[Image.Image | None], columns: int | None) -> "_Plan":
        shapes = [picture.height / picture.width for picture in pictures if picture]
        shape = sorted(shapes)[len(shapes) // 2] if shapes else 9 / 16
        count = max(1, len(pictures))
        columns = min(max(1, columns or _columns(count, shape)), 40)
        width = (WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) // columns
        return cls(columns, math.ceil(count / columns), width, max(12, round(width * shape)))

    @property
    def pitch(self) -> int:
        return self.height + _LABEL + _GAP + 10

    @property
    def page_height(self) -> int:
        return _HEAD_HEIGHT + self.rows * self.pitch + _MARGIN - _GAP

    def box(self, place: int) -> tuple[int, int]:
        row, column = divmod(place, self.columns)
        return _MARGIN + column * (self.width + _GAP), _HEAD_HEIGHT + row * self.pitch


_HEAD_HEIGHT = _MARGIN + _TITLE + _NOTE + 42


def _columns(count: int, shape: float) -> int:
    """So many that the sheet has about a screen's shape, and no cell more than a third of its width."""
    ideal = max(3, round(math.sqrt(count * (shape + 0.12) * 16 / 9)))
    near = (ideal, ideal + 1, max(3, ideal - 1))
    return min(near, key=lambda columns: -count % columns)  # the last row as full as can be


# ---------------------------------------------------------------- drawing


def _picture(cell: Cell) -> Image.Image | None:
    jpeg = cell.jpeg() if callable(cell.jpeg) else cell.jpeg
    if not jpeg:
        return None
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            return image.convert("RGB") if image.width * image.height <= _MOST_PIXELS else None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None  # a damaged thumbnail, or one that is none, is a missing one


def _font(size: int, text: str = "") -> Font:
    """Pillow's own, else the first of the system's that can write all of the text, else Pillow's after all."""
    own = ImageFont.load_default(size)
    return next((font for font in (own, *_system_fonts(size)) if _writes(font, text)), own)


@functools.cache
def _system_fonts(size: int) -> tuple[Font, ...]:
    found: list[Font] = []
    for name in _FONTS:
        with contextlib.suppress(OSError):
            found.append(ImageFont.truetype(name, size))
    return tuple(found)


def _writes(font: Font, text: str) -> bool:
    unknown = bytes(font.getmask("\uffff"))
    return not any(ord(char) > 126 and bytes(font.getmask(char)) == unknown for char in set(text))


def _head(page: Image.Image, title: str, note: str) -> None:
    draw = ImageDraw.Draw(page)
    room = WIDTH - 2 * _MARGIN
    large, small = _font(_TITLE, title), _font(_NOTE, note)
    draw.text((_MARGIN, _MARGIN - 6), _shortened(title, large, room), _BRIGHT, large)
    draw.text((_MARGIN, _MARGIN + _TITLE + 10), _shortened(note, small, room), _DIM, small)


def _draw_cell(page: Image.Image, plan: _Plan, place: int, cell: Cell, picture: Image.Image | None) -> None:
    left, top = plan.box(place)
    failed = cell.state == "failed"
    if picture and not failed:
        _paste(page, plan, (left, top), picture)
    else:
        _draw_absent(page, plan, (left, top), cell.state if failed or cell.state != "succeeded" else "no picture")
    font = _font(_LABEL, cell.label)
    label = _shortened(cell.label, font, plan.width)
    ImageDraw.Draw(page).text((left + 2, top + plan.height + 6), label, _FAILED if failed else _DIM, font)


def _paste(page: Image.Image, plan: _Plan, at: tuple[int, int], picture: Image.Image) -> None:
    scale = min(plan.width / picture.width, plan.height / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    fitted = picture.resize(size, Image.Resampling.LANCZOS)
    offset = ((plan.width - size[0]) // 2, (plan.height - size[1]) // 2)
    page.paste(fitted, (at[0] + offset[0], at[1] + offset[1]), _rounded(size))


def _rounded(size: tuple[int, int]) -> Image.Image:
    """A mask with smooth round corners: drawn four times as large, as Pillow's own are jagged."""
    large = Image.new("L", (size[0] * 4, size[1] * 4), 0)
    radius = min(_RADIUS, min(size) // 6) * 4
    ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), radius, fill=255)
    return large.resize(size, Image.Resampling.BOX)


def _draw_absent(page: Image.Image, plan: _Plan, at: tuple[int, int], word: str) -> None:
    color: Color = _FAILED if word == "failed" else _DIM
    box = (plan.width, plan.height)
    cell = Image.new("RGB", box, _CELL)
    draw = ImageDraw.Draw(cell)
    if word == "failed":
        arm = min(box) // 8
        x, y = box[0] // 2, box[1] // 2 - arm
        draw.line((x - arm, y - arm, x + arm, y + arm), color, max(2, arm // 4))
        draw.line((x - arm, y + arm, x + arm, y - arm), color, max(2, arm // 4))
    font = _font(_LABEL)
    draw.text((box[0] / 2, box[1] * (0.8 if word == "failed" else 0.5)), word, color, font, anchor="mm")
    page.paste(cell, at, _rounded(box))


def _shortened(text: str, font: Font, room: int) -> str:
    """As much of the text as there is room for, with an ellipsis where it was cut."""
    text = " ".join(text.split())
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}…") > room:
        text = text[:-1]
    return f"{text}…"
