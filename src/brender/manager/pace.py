# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a job goes, and how long it still takes (C42). Pure: of the latest frames' ends, and what goes on now."""

from collections.abc import Sequence

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """None where nothing is known, or nothing goes on."""

    frames_per_minute: float | None = None
    eta_s: float | None = None  # time left, in seconds


class Going(msgspec.Struct, frozen=True):
    """What a worker renders: for how long already, and how far it says it is."""

    elapsed_s: float = 0.0
    fraction: float = 0.0


def of_frames(
    ends: Sequence[float], frame_s: float | None, going: Sequence[Going], open_tasks: int, now: float
) -> Pace:
    """A job with a task a frame. `ends`: when the latest frames ended, in order; `frame_s`: what one takes about;
    `going`: one for each worker that holds tasks of it; `open_tasks`: all that have not ended, with those.
    """
    rate = _rate(ends, now) or (len(going) / frame_s if frame_s else None)
    if not rate or not going:
        return Pace(rate * 60 if rate else None)
    return Pace(rate * 60, _left(going, _each(rate, frame_s, len(going)), open_tasks))


def _rate(ends: Sequence[float], now: float) -> float | None:
    """Frames a second. A silence that is longer than two frames counts as slowness."""
    if len(ends) < 2 or ends[-1] <= ends[0]:
        return None
    span = ends[-1] - ends[0]
    silence = now - ends[-1] - 2 * span / (len(ends) - 1)
    return (len(ends) - 1) / (span + max(0.0, silence))


def _each(rate: float, frame_s: float | None, workers: int) -> float:
    """What a worker needs for a frame with all around it: the frame itself, and as much again at most.

    The rate alone would mislead while workers come and go, or end their frames in one moment.
    """
    return workers / rate if frame_s is None else min(max(workers / rate, frame_s), 2 * frame_s)


def _left(going: Sequence[Going], each_s: float, open_tasks: int) -> float:
    """Until the last worker is done: each ends what it has, and who is free first takes the next."""
    free = sorted(each_s * (1 - min(1.0, max(0.0, run.fraction, run.elapsed_s / each_s))) for run in going)
    rounds, extra = divmod(max(0, open_tasks - len(going)), len(going))
    latest = free[-1] + rounds * each_s
    return max(latest, free[extra - 1] + (rounds + 1) * each_s) if extra else latest


def of_movie(going: Sequence[Going], frames: int) -> Pace:
    """A movie is one task: its speed is that of its one run, once that has come a bit of the way."""
    if not going or going[0].fraction < 0.01 or going[0].elapsed_s <= 0:
        return Pace()
    run = going[0]
    fraction = min(1.0, run.fraction)
    return Pace(fraction * frames / run.elapsed_s * 60, run.elapsed_s * (1 - fraction) / fraction)


def of_ended(good_frames: int, started_at: float | None, ended_at: float | None) -> Pace:
    """The mean of a job that is over."""
    if not started_at or not ended_at or ended_at <= started_at or not good_frames:
        return Pace()
    return Pace(good_frames / (ended_at - started_at) * 60)
