# SPDX-License-Identifier: GPL-3.0-or-later
"""Frame ranges as people write them: `1-3,5..9,12`, `10-1`, `1-100x10`, `1,50,1-100` (C25).

A FrameSet means its ranges one after the other, each frame where it stands first. Nothing is ever listed:
a million frames cost what their text costs. What an earlier range holds already is counted away
(`_Span`), by splitting where the repeats lie side by side and by inclusion and exclusion where they
come every so many frames. Behind `-f` Blender's own meaning holds, which is cli.blender_args'.
"""

import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate, groupby, pairwise
from math import gcd
from typing import NoReturn

import msgspec

MAX_FRAME = 1048574  # Blender's MAXFRAME; it clamps what lies beyond in silence
MIN_FRAME = -MAX_FRAME
_MOST_OVERLAPS = 250_000  # pairs of ranges in a text that overlap
_MOST_CROSSINGS = 4_000_000  # the same between two sets: single frames by the million over one range
_SHORT = 64  # repeats in steps, of one range, that are split around; longer ones are counted
_MOST_TERMS = 1024  # of one span's inclusion and exclusion


class FramesError(ValueError):
    """A text that is no frame range: `reason` in words, and `column` (from 1) where it goes wrong, if known."""

    def __init__(self, reason: str, text: str = "", column: int | None = None) -> None:
        self.reason, self.text, self.column = reason, text, column
        super().__init__(reason if column is None else f"{reason} (column {column})\n{_caret(text, column)}")


def _caret(text: str, column: int) -> str:
    """Two lines: the text around the place, and `^` under it."""
    first = max(0, column - 41)
    shown = "".join(c if c.isprintable() else " " for c in text[first : first + 72])
    return f"  {shown}\n  {' ' * (column - 1 - first)}^"


class _Span(msgspec.Struct, frozen=True):
    """A range without what came earlier. `terms` are signed ranges of positions in `frames`; none: all of it."""

    frames: range
    terms: tuple[tuple[range, int], ...] = ()

    def rank(self, stop: int) -> int:
        """How many of the first `stop` positions are kept."""
        if not self.terms:
            return stop
        return sum(sign * len(range(t.start, min(stop, t.stop), t.step)) for t, sign in self.terms)

    def frame(self, nth: int) -> int:
        if not self.terms:
            return self.frames[nth]
        return self.frames[bisect_left(range(len(self.frames) + 1), nth + 1, key=self.rank) - 1]

    def index(self, frame: int) -> int | None:
        if frame not in self.frames:
            return None
        before = self.frames.index(frame)
        rank = self.rank(before)
        return rank if self.rank(before + 1) > rank else None

    def __iter__(self) -> Iterator[int]:
        if not self.terms:
            return iter(self.frames)
        holes = [t for t, sign in self.terms if sign < 0]  # what is taken out stands in a negative term
        return (f for at, f in enumerate(self.frames) if not any(at in h for h in holes))


class FrameSet(msgspec.Struct, frozen=True, dict=True):
    """Frames in the order they were written, without repeats. It travels as its text, and `""` is none at all.

    Making or decoding one checks the text, makes it canonical, and raises FramesError where it is no range.
    Equal texts are equal sets; the same frames can be written in several ways.
    """

    text: str = ""

    def __post_init__(self) -> None:
        written = _parse(self.text) if self.text else []
        try:
            kept = [r for r, spans in zip(written, _without_repeats(written), strict=True) if spans]
        except _EntangledError as e:
            raise FramesError(str(e), self.text, 1) from None
        msgspec.structs.force_setattr(self, "text", ",".join(map(_written, _joined(kept))))

    @classmethod
    def parse(cls, text: str) -> "FrameSet":
        """The frames that a person's text means. FramesError says what is wrong with it, and where."""
        if not text.strip():
            raise FramesError("there is no frame here; write for example 1-250", text, 1)
        return cls(text)

    @classmethod
    def from_range(cls, start: int, end: int, step: int = 1) -> "FrameSet":
        """A scene's own range, both ends included. FramesError where it is empty: Blender renders nothing then."""
        if end < start:
            raise FramesError(f"the range is empty: it starts at {start} and ends at {end}")
        if step < 1:
            raise FramesError(f"a step is 1 or more, not {step}")
        return cls(_written(range(start, end + 1, step)))

    @classmethod
    def of(cls, frames: Iterable[int]) -> "FrameSet":
        """These frames, in this order."""
        return cls(_text(range(f, f + 1) for f in frames))

    def __str__(self) -> str:
        return self.text

    def __len__(self) -> int:
        return self._stops[-1] if self._stops else 0

    def __iter__(self) -> Iterator[int]:
        return (frame for span in self._spans for frame in span)

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.index(frame) is not None

    def frame(self, index: int) -> int:
        """The frame at an index of `range(len(self))`; IndexError outside it."""
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        at = bisect_right(self._stops, index)
        return self._spans[at].frame(index - (self._stops[at - 1] if at else 0))

    def index(self, frame: int) -> int | None:
        """Where a frame stands, or None where it is not in the set."""
        lows, highest, order = self._by_low
        for i in range(bisect_right(lows, frame) - 1, -1, -1):
            if highest[i] < frame:  # no span from here down reaches it
                break
            if (found := self._spans[order[i]].index(frame)) is not None:
                return found + (self._stops[order[i] - 1] if order[i] else 0)
        return None

    def without(self, frames: "FrameSet | Iterable[int]") -> "FrameSet":
        """This set, in its order, less those frames."""
        other = frames if isinstance(frames, FrameSet) else FrameSet.of(frames)
        both = [*other.ranges, *self.ranges]
        try:
            left = [s for spans in _without_repeats(both, _MOST_CROSSINGS)[len(other.ranges) :] for s in spans]
        except _EntangledError as e:
            raise FramesError(str(e)) from None
        singles = (r for s in left for r in ((range(f, f + 1) for f in s) if s.terms else (s.frames,)))
        return FrameSet(_text(singles))

    def only(self, frames: "FrameSet | Iterable[int]") -> "FrameSet":
        """This set, in its order, less all but those frames."""
        return self.without(self.without(frames))

    @cached_property
    def ranges(self) -> tuple[range, ...]:
        """What was written, as ranges; a later one may hold frames of an earlier one."""
        return tuple(_parse(self.text)) if self.text else ()

    @cached_property
    def _spans(self) -> tuple[_Span, ...]:
        return tuple(span for spans in _without_repeats(self.ranges) for span in spans)

    @cached_property
    def _stops(self) -> list[int]:
        return list(accumulate(span.rank(len(span.frames)) for span in self._spans))

    @cached_property
    def _by_low(self) -> tuple[list[int], list[int], list[int]]:
        """The spans sorted by their lowest frame: those, the highest frame so far, and which span it is."""
        order = sorted(range(len(self._spans)), key=lambda i: _low(self._spans[i].frames))
        lows = [_low(self._spans[i].frames) for i in order]
        return lows, list(accumulate((_high(self._spans[i].frames) for i in order), max)), order


# ---- repeats


class _EntangledError(ValueError):
    """Ranges that overlap so often, in so many steps, that counting them would take too long."""


def _low(r: range) -> int:
    return min(r[0], r[-1])


def _high(r: range) -> int:
    return max(r[0], r[-1])


def _without_repeats(ranges: Iterable[range], most: int = _MOST_OVERLAPS) -> list[list[_Span]]:
    """For each range what is left of it after the earlier ones, in its own order."""
    ranges = tuple(ranges)
    return [_left(r, [ranges[i] for i in earlier]) for r, earlier in zip(ranges, _overlaps(ranges, most), strict=True)]


def _overlaps(ranges: tuple[range, ...], most: int) -> list[list[int]]:
    """For each range the earlier ones that it may share frames with: one sweep from the lowest frame up."""
    found: list[list[int]] = [[] for _ in ranges]
    open_now: list[int] = []
    pairs = 0
    for i in sorted(range(len(ranges)), key=lambda i: _low(ranges[i])):
        open_now = [j for j in open_now if _high(ranges[j]) >= _low(ranges[i])]
        pairs += len(open_now)
        if pairs > most:
            raise _EntangledError("too many of these ranges overlap; write fewer")
        for j in open_now:
            found[max(i, j)].append(min(i, j))
        open_now.append(i)
    return found


def _left(r: range, earlier: list[range]) -> list[_Span]:
    """What the earlier ranges leave of one."""
    if not earlier:
        return [_Span(r)]
    hits = [h for e in earlier if (h := _shared(r, e))]
    sieves = sorted((h for h in hits if h.step > 1 and len(h) > _SHORT), key=lambda h: h.start)
    blocks = sorted(b for h in hits for b in _blocks(h))
    spans = [_sieved(r, window, there) for window, there in _windows(_gaps(len(r), blocks), sieves)]
    return [s for s in spans if s.rank(len(s.frames))]


def _blocks(hit: range) -> Iterable[tuple[int, int]]:
    """The runs of positions that are taken out by splitting: side by side, or so few that it costs nothing."""
    if hit.step == 1 or len(hit) == 1:
        return [(hit.start, hit[-1] + 1)]
    return [(at, at + 1) for at in hit] if len(hit) <= _SHORT else []


def _windows(gaps: Iterable[range], sieves: list[range]) -> Iterator[tuple[range, list[range]]]:
    """The gaps, cut wherever a sieve begins or ends, each with the sieves that lie over it."""
    cuts = sorted({c for s in sieves for c in (s.start, s[-1] + 1)})
    coming, there = deque(sieves), list[range]()
    for gap in gaps:
        inner = cuts[bisect_right(cuts, gap.start) : bisect_left(cuts, gap.stop)]
        for start, stop in pairwise([gap.start, *inner, gap.stop]):
            while coming and coming[0].start < stop:
                there.append(coming.popleft())
            there = [s for s in there if s[-1] >= start]
            yield range(start, stop), there


def _shared(r: range, other: range) -> range:
    """The positions in `r` of the frames that are in `other` too: again a range, by the Chinese remainder theorem."""
    low, high = _low(other), _high(other)
    a, b = (low, high) if r.step > 0 else (high, low)
    first, last = max(0, -((r.start - a) // r.step)), min(len(r) - 1, (b - r.start) // r.step)
    common = gcd(r.step, other.step)
    if (low - r.start) % common:
        return range(0)
    period = abs(other.step) // common
    at = (low - r.start) // common * pow(r.step // common, -1, period) % period
    return range(first + (at - first) % period, last + 1, period)


def _gaps(length: int, blocks: list[tuple[int, int]]) -> Iterator[range]:
    """The positions of `range(length)` that no block covers, as runs."""
    at = 0
    for start, stop in blocks:
        if start > at:
            yield range(at, start)
        at = max(at, stop)
    if at < length:
        yield range(at, length)


def _sieved(r: range, gap: range, sieves: list[range]) -> _Span:
    """The part of a range in one gap, less the positions in the sieves: each product of sieves once, signed."""
    terms = {gap: 1}
    for sieve in sieves:
        for term, sign in list(terms.items()):
            if both := _part(term, _shared(term, sieve)):
                terms[both] = terms.get(both, 0) - sign
        terms = {t: sign for t, sign in terms.items() if sign}
        if len(terms) > _MOST_TERMS:
            raise _EntangledError("these ranges repeat each other in too many different steps; write fewer")
    frames = r[gap.start : gap.stop]
    if terms == {gap: 1}:
        return _Span(frames)
    moved = tuple((range(t.start - gap.start, t.stop - gap.start, t.step), sign) for t, sign in terms.items())
    return _Span(frames, moved or ((range(0), 1),))


def _part(r: range, positions: range) -> range:
    return r[positions.start : positions.stop : positions.step] if positions else range(0)


# ---- text

_NUMBER = re.compile(r"-?[0-9]+")
_BETWEEN = re.compile(r"\.\.|-")


class _Reader:
    """Reads one text from left to right; `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def refuse(self, reason: str, at: int | None = None) -> NoReturn:
        raise FramesError(reason, self.text, (self.at if at is None else at) + 1)

    def skip_spaces(self) -> bool:
        before = self.at
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        return self.at > before

    def take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found and found.group()

    def number(self, wanted: str) -> int:
        at = self.at
        digits = self.take(_NUMBER)
        if digits is None:
            self.refuse(f"{wanted}, not {self._here()}")
        if len(digits.lstrip("-0")) > 7 or not MIN_FRAME <= int(digits) <= MAX_FRAME:
            self.refuse(f"{_shortened(digits)} is beyond Blender's frames, {MIN_FRAME} to {MAX_FRAME}", at)
        return int(digits)

    def _here(self) -> str:
        return f"'{self.text[self.at]}'" if self.at < len(self.text) else "the end of the text"


def _shortened(digits: str) -> str:
    return digits if len(digits) <= 12 else digits[:11] + "…"


def _parse(text: str) -> list[range]:
    reader = _Reader(text)
    ranges = []
    while True:
        reader.skip_spaces()
        ranges.append(_range(reader))
        spaced, at = reader.skip_spaces(), reader.at
        if at == len(text):
            return ranges
        if text[at] != ",":
            reader.refuse(_no_comma(text[at], spaced))
        reader.at += 1


def _no_comma(found: str, spaced: bool) -> str:
    if spaced and (found.isdigit() or found == "-"):
        return "there is a space where a comma or a dash belongs; write 1,10 for two frames and 1-10 for all between"
    return f"'{found}' does not belong here; frames are written like 1-250, 1-100x10 or 1,5,9"


def _range(reader: _Reader) -> range:
    """One item: `12`, `1-3`, `1..3`, `-5--1`, `10-1`, `1-100x10`."""
    first = reader.number("a frame number is wanted here")
    between = reader.at
    dash = reader.take(_BETWEEN)
    if dash is None:
        if reader.text[reader.at : reader.at + 1] == "x":
            reader.refuse("a step wants a range before it, like 1-100x10")
        return range(first, first + 1)
    if dash == "-" and first >= 0 and reader.text[reader.at : reader.at + 1] == "-":
        reader.refuse(f"two dashes can be read in two ways; for a count down below 0 write {first}..-3", between)
    last = reader.number(f"the last frame of the range that starts at {first} is wanted here")
    step = _step(reader)
    return range(first, last + 1, step) if last >= first else range(first, last - 1, -step)


def _step(reader: _Reader) -> int:
    if reader.text[reader.at : reader.at + 1] != "x":
        return 1
    reader.at += 1
    at = reader.at
    step = reader.number("a step is wanted here, like the 10 of 1-100x10")
    if step < 1:
        reader.refuse("a step is 1 or more; a range counts down when its first frame is the higher one", at)
    return step


def _written(r: range) -> str:
    first, last, step = r[0], r[-1], abs(r.step)
    if first == last:
        return str(first)
    dash = ".." if first >= 0 > last else "-"
    return f"{first}{dash}{last}" + (f"x{step}" if step > 1 else "")


def _text(ranges: Iterable[range]) -> str:
    """The shortest text for frames that nobody wrote: three single ones in equal steps are a range."""
    runs = (r for single, some in groupby(ranges, lambda r: len(r) == 1) for r in (_runs(some) if single else some))
    return ",".join(map(_written, _joined(runs)))


def _runs(singles: Iterable[range]) -> Iterator[range]:
    run: list[int] = []
    for frame in (r.start for r in singles):
        if len(run) > 1 and frame - run[-1] != run[1] - run[0]:
            yield from _run(run)
            run = [] if len(run) > 2 else run[1:]
        run.append(frame)
    yield from _run(run, ended=True)


def _run(run: list[int], ended: bool = False) -> Iterator[range]:
    """A run of three or more as one range; of a shorter one the first frame, and the rest where nothing follows."""
    step = run[1] - run[0] if len(run) > 1 else 0
    if len(run) > 2 and step:
        yield range(run[0], run[-1] + (1 if step > 0 else -1), step)
    else:
        yield from (range(f, f + 1) for f in (run if ended or not step else run[:1]))


def _joined(ranges: Iterable[range]) -> list[range]:
    """The same frames in the same order in fewer ranges: `1,2,3` is `1-3`.

    Single frames join in steps of one only; otherwise reading the result again would join more.
    """
    joined: list[range] = []
    for r in ranges:
        more = _join(joined[-1], r) if joined else None
        if more is None:
            joined.append(r)
        else:
            joined[-1] = more
    return joined


def _join(a: range, b: range) -> range | None:
    step = a.step if len(a) > 1 else b.step if len(b) > 1 else b[0] - a[0]
    if a[-1] + step != b[0] or (len(a) == 1 and abs(step) != 1) or (len(b) > 1 and b.step != step):
        return None
    return range(a[0], b[-1] + (1 if step > 0 else -1), step)
