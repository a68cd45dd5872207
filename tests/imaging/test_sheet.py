# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet shows all that there is, some of what is too much, and says what is missing."""

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from brender.imaging.sheet import MOST_CELLS, WIDTH, Cell, picked, png, sheet


def jpeg(color: tuple[int, int, int] = (200, 40, 40), size: tuple[int, int] = (64, 36)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "JPEG")
    return buffer.getvalue()


RED = jpeg()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 48, 160, 161, 2000])
def test_any_number_of_frames_makes_a_sheet(count: int) -> None:
    page = sheet([Cell(str(i), RED) for i in range(count)], "job", "note")
    assert page.width == WIDTH
    assert page.height < 3 * WIDTH


@given(st.integers(0, 3000), st.integers(1, 300))
def test_frames_are_picked_evenly_with_the_first_and_the_last(count: int, most: int) -> None:
    found = picked(count, most)
    assert len(found) == min(count, most)
    assert found == sorted(set(found))
    if 1 < most < count:
        steps = [b - a for a, b in itertools.pairwise(found)]
        assert (found[0], found[-1]) == (0, count - 1)
        assert max(steps) - min(steps) <= 1


def test_only_the_frames_that_are_shown_are_fetched() -> None:
    asked: list[int] = []

    def fetch(i: int) -> bytes:
        asked.append(i)
        return RED

    sheet([Cell(str(i), lambda i=i: fetch(i)) for i in range(1000)], "job")
    assert len(asked) == MOST_CELLS


def test_a_failed_frame_looks_otherwise_than_one_that_waits() -> None:
    sheets = [png(sheet([Cell("1", None, state)], "job")) for state in ("failed", "waiting", "running", "succeeded")]
    assert len(set(sheets)) == 4


def test_the_picture_is_on_the_sheet() -> None:
    colors = sheet([Cell("1", RED)], "job").getcolors(1 << 24)
    assert colors is not None
    assert any(red > 180 and green < 60 for _, (red, green, _) in colors)


def test_a_damaged_thumbnail_is_a_missing_one() -> None:
    assert png(sheet([Cell("1", b"\xff\xd8\xff torn")], "job")) == png(sheet([Cell("1", None)], "job"))


@pytest.mark.parametrize("size", [(64, 36), (36, 64), (300, 10), (1, 1)])
def test_every_shape_fits(size: tuple[int, int]) -> None:
    cells = [Cell(str(i), jpeg(size=size)) for i in range(10)]
    assert sheet(cells, "job").width == WIDTH


@pytest.mark.parametrize("columns", [1, 5, 1000])
def test_columns_can_be_told(columns: int) -> None:
    assert sheet([Cell(str(i), RED) for i in range(10)], "job", columns=columns).width == WIDTH


@pytest.mark.parametrize("title", ["", "x" * 500, "Стул é 日本 —", "two\nlines"])
def test_any_title_can_be_drawn(title: str) -> None:
    sheet([Cell(title, RED)], title, title)
