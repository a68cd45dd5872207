# SPDX-License-Identifier: GPL-3.0-or-later
"""Frame ranges: what they mean, what is refused and where, and that a million frames cost nothing."""

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brender.core.frames import MAX_FRAME, MIN_FRAME, FramesError, FrameSet

FRAME = st.integers(-60, 60)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, list[int]]:
    """A text, and by brute force the frames that it means."""
    texts, frames = [], []
    for _ in range(draw(st.integers(1, 6))):
        first, last, step = draw(FRAME), draw(FRAME), draw(st.integers(1, 9))
        texts.append(f"{first}..{last}x{step}" if draw(st.booleans()) else str(first))
        some = range(first, last + 1, step) if last >= first else range(first, last - 1, -step)
        frames += list(some) if "x" in texts[-1] else [first]
    return ",".join(texts), list(dict.fromkeys(frames))


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("1-3,5..9,12", [1, 2, 3, 5, 6, 7, 8, 9, 12]),
        ("-5--1", [-5, -4, -3, -2, -1]),
        ("-1--5", [-1, -2, -3, -4, -5]),
        ("10-1", list(range(10, 0, -1))),
        ("1-100x10", list(range(1, 101, 10))),
        ("10-1x4", [10, 6, 2]),
        ("1,50,1-100", [1, 50, *range(2, 50), *range(51, 101)]),
        ("1-100x10,1-100", [*range(1, 101, 10), *(f for f in range(1, 101) if f % 10 != 1)]),
        ("2..-2", [2, 1, 0, -1, -2]),
        (" 3 , 4 ", [3, 4]),
        ("-0", [0]),
        ("7,7,7-7", [7]),
    ],
)
def test_a_range_means_what_it_says_in_its_order_without_repeats(text: str, frames: list[int]) -> None:
    """C25."""
    assert list(FrameSet.parse(text)) == frames


@pytest.mark.parametrize(
    ("text", "column", "word"),
    [
        ("1 10", 3, "space"),
        ("5-", 3, "starts at 5"),
        ("1--3", 2, "two ways"),
        ("a-b", 1, "'a'"),
        (",", 1, "','"),
        ("1,", 3, "end of the text"),
        ("1,,2", 3, "','"),
        ("", 1, "no frame"),
        ("  ", 1, "no frame"),
        ("1-2-3", 4, "'-'"),
        ("1-10x", 6, "step"),
        ("1-10x0", 6, "1 or more"),
        ("1-10x-2", 6, "1 or more"),
        ("5x2", 2, "range before it"),
        ("1.5", 2, "'.'"),
        ("1...5", 4, "'.'"),
        ("1-5 x2", 5, "'x'"),
        ("٣", 1, "'٣'"),
        ("1–5", 2, "'–'"),
        ("3,1048575", 3, "beyond"),
        ("-1048575", 1, "beyond"),
        ("1-" + "9" * 5000, 3, "beyond"),
        ("1\x00", 2, "does not belong"),
    ],
)
def test_a_text_that_is_no_range_is_refused_at_its_place(text: str, column: int, word: str) -> None:
    """C25."""
    with pytest.raises(FramesError) as caught:
        FrameSet.parse(text)
    assert caught.value.column == column
    assert word in caught.value.reason
    message, shown, caret = str(caught.value).split("\n")
    assert f"column {column}" in message
    assert caret == " " * (1 + column) + "^"
    assert max(len(message) / 2, len(shown)) < 100


def test_a_place_far_along_is_shown_with_its_neighbourhood() -> None:
    text = ",".join(map(str, range(0, 200, 2))) + ",oops"
    with pytest.raises(FramesError) as caught:
        FrameSet.parse(text)
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^")] == "o"


@given(written())
def test_every_question_is_answered_as_brute_force_would(case: tuple[str, list[int]]) -> None:
    text, frames = case
    found = FrameSet.parse(text)
    assert list(found) == frames
    assert len(found) == len(frames)
    assert [found.frame(i) for i in range(len(frames))] == frames
    assert [found.index(f) for f in frames] == list(range(len(frames)))
    assert all((f in found) == (f in frames) for f in range(-65, 66))
    assert found.index(61) is None


@given(written())
def test_the_text_of_a_set_reads_back_as_the_same_set(case: tuple[str, list[int]]) -> None:
    text, frames = case
    found = FrameSet.parse(text)
    assert FrameSet.parse(str(found)) == found
    assert len(str(found)) <= len(text) + 2
    assert list(msgspec.json.decode(msgspec.json.encode(found), type=FrameSet)) == frames


@settings(max_examples=50)
@given(written(), written())
def test_without_and_only_keep_the_order(a: tuple[str, list[int]], b: tuple[str, list[int]]) -> None:
    one, other = FrameSet.parse(a[0]), FrameSet.parse(b[0])
    assert list(one.without(other)) == [f for f in a[1] if f not in b[1]]
    assert list(one.only(other)) == [f for f in a[1] if f in b[1]]
    assert list(FrameSet.of(a[1])) == a[1]
    assert list(one.without(iter(b[1]))) == [f for f in a[1] if f not in b[1]]


@given(st.text(alphabet="0123456789-.,x ab", max_size=12))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        length = len(FrameSet.parse(text))
    except FramesError as e:
        length = e.column or 0
    assert length > 0


@pytest.mark.parametrize("text", ["1-1000000", "1-1000000x10,1-1000000", "1000000-1x7,1-1000000x3,1-1000000"])
def test_a_million_frames_cost_nothing(text: str) -> None:
    """C26."""
    began = time.perf_counter()
    frames = FrameSet.parse(text)
    assert len(frames) == 1_000_000
    asked = range(0, 1_000_000, 1001)
    assert [frames.index(frames.frame(i)) for i in asked] == list(asked)
    assert time.perf_counter() - began < 1
    assert len(str(frames)) < 40


def test_many_scattered_frames_stay_quick() -> None:
    began = time.perf_counter()
    gone = [f for f in range(1, 20_000) if f * f % 7 in (1, 2) or f % 11 == 3]
    assert len(FrameSet.from_range(1, 1_000_000).without(gone)) == 1_000_000 - len(gone)
    assert time.perf_counter() - began < 2


def test_steps_of_any_length_are_taken_out() -> None:
    for length in (60, 64, 65, 66, 200, 5000):
        text = f"1-{length * 7}x7,{length * 3}-{length * 9}x5,9-{length * 2}x3"
        brute = dict.fromkeys(
            (*range(1, length * 7 + 1, 7), *range(length * 3, length * 9 + 1, 5), *range(9, length * 2 + 1, 3))
        )
        found = FrameSet.parse(f"{text},1-{length * 10 - 1}")
        assert list(found) == [*brute, *(f for f in range(1, length * 10) if f not in brute)]
        assert [found.frame(i) for i in range(0, len(found), 97)] == list(found)[::97]
        assert [found.index(f) for f in list(found)[::97]] == list(range(0, len(found), 97))


def test_frames_in_steps_are_left_out_in_short() -> None:
    frames = FrameSet.from_range(1, 1_000_000).without(range(1, 20_000, 2))
    assert len(frames) == 990_000
    assert frames.frame(10) == 22
    assert str(frames) == "2-19998x2,20000-1000000"


def test_text_that_entangles_its_ranges_beyond_counting_is_refused() -> None:
    primes = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
    with pytest.raises(FramesError, match="too many different steps"):
        FrameSet.parse(",".join(f"1-1000000x{p}" for p in primes) + ",1-1000000")
    with pytest.raises(FramesError, match="overlap"):
        FrameSet.parse(",".join(f"1-{1000 + n}" for n in range(800)))


@pytest.mark.parametrize(
    ("text", "short"),
    [("1,2,3", "1-3"), ("3,2,1,0,-1", "3..-1"), ("1-100x10", "1-91x10"), ("1-5,2,3", "1-5"), ("9-9", "9")],
)
def test_the_text_is_compact(text: str, short: str) -> None:
    assert str(FrameSet.parse(text)) == short


def test_a_scenes_own_range_includes_both_ends_and_may_not_be_empty() -> None:
    assert list(FrameSet.from_range(-1, 5, 3)) == [-1, 2, 5]
    assert len(FrameSet.from_range(MIN_FRAME, MAX_FRAME)) == 2 * MAX_FRAME + 1
    for start, end, step in ((5, 1, 1), (1, 5, 0), (1, MAX_FRAME + 1, 1)):
        with pytest.raises(FramesError):
            FrameSet.from_range(start, end, step)


def test_the_empty_set_can_be_left_over_but_not_written() -> None:
    none = FrameSet.parse("1-10").without(range(20))
    assert none == FrameSet()
    assert (len(none), list(none), str(none)) == (0, [], "")
    assert none.index(1) is None
    with pytest.raises(IndexError):
        none.frame(0)


def test_a_bad_text_on_the_wire_is_a_validation_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="column 3"):
        msgspec.json.decode(b'{"text": "1 10"}', type=FrameSet)
