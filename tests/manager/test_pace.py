# SPDX-License-Identifier: GPL-3.0-or-later
"""How long yet? (C42)"""

import pytest

from brender.manager.pace import Going, Pace, of_ended, of_frames, of_movie


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
@pytest.mark.parametrize("opening", [0.0, 30.0])
@pytest.mark.parametrize("later", [0.0, 0.3, 0.9])
def test_after_five_of_ten_frames_the_time_left_is_right_within_a_fifth(
    workers: int, opening: float, later: float
) -> None:
    """C42. Frames of ten seconds; the workers start one after the other, a part of a frame apart."""
    length = 10.0
    starts = [opening + length * n / workers for n in range(workers)]
    ends = sorted(start + length * (k + 1) for start in starts for k in range(10))[:10]
    now = ends[4] + later * (ends[5] - ends[4])
    going = [Going(now - (end - length)) for end in ends[5:] if end - length <= now + 1e-6]
    pace = of_frames(ends[:5], length, going, 5, now)
    assert pace.eta_s == pytest.approx(ends[9] - now, rel=0.2)
    assert pace.frames_per_minute == pytest.approx(6.0 * workers, rel=0.2)


def test_nothing_is_known_before_anything_has_ended() -> None:
    assert of_frames([], None, [Going(5.0)], 10, 100.0) == Pace()


def test_one_frame_is_enough_for_a_guess() -> None:
    assert of_frames([100.0], 10.0, [Going(), Going()], 9, 100.0) == Pace(12.0, 50.0)


def test_a_silence_makes_it_slower() -> None:
    ends = [10.0, 20.0, 30.0]
    soon, late = (of_frames(ends, None, [], 5, now).frames_per_minute for now in (40.0, 130.0))
    assert soon == pytest.approx(6.0)
    assert late == pytest.approx(1.2)


def test_frames_that_ended_in_one_moment_say_nothing_of_the_speed() -> None:
    assert of_frames([5.0, 5.0], None, [Going()], 3, 6.0) == Pace()


def test_workers_in_step_and_workers_that_came_just_now_do_not_mislead() -> None:
    in_step = of_frames([10.0, 10.0, 10.0, 20.0, 20.0, 20.0], 10.0, [Going()] * 3, 9, 20.0)
    assert in_step.eta_s == pytest.approx(30.0)
    came = of_frames([10.0, 20.0, 30.0], 10.0, [Going()] * 5, 50, 30.0)
    assert came.eta_s is not None
    assert came.eta_s <= 200.0


def test_when_nobody_renders_nobody_knows_how_long() -> None:
    assert of_frames([10.0, 20.0], 10.0, [], 5, 20.0) == Pace(6.0, None)


def test_a_movie_says_how_far_it_is() -> None:
    assert of_movie([Going(60.0, 0.25)], 100) == Pace(25.0, 180.0)
    assert of_movie([Going(60.0, 0.0)], 100) == Pace()
    assert of_movie([], 100) == Pace()


def test_an_ended_job_has_its_mean() -> None:
    assert of_ended(30, 100.0, 160.0) == Pace(30.0)
    assert of_ended(0, 100.0, 160.0) == Pace()
    assert of_ended(3, None, 160.0) == Pace()
