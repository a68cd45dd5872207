# SPDX-License-Identifier: GPL-3.0-or-later
"""The million-task representation: a byte a task, picking without searching, counters that are kept."""

import sys

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from brender.core import order
from brender.core.frames import FrameSet
from brender.core.live import LiveStep
from brender.core.nouns import Step, StepKind, TaskState


def step(tasks: int, order: str = "sequence") -> LiveStep:
    spec = Step(name="render", kind=StepKind.FRAMES, frames=FrameSet.from_range(1, tasks), order=order)
    return LiveStep(1, 0, spec)


def put(live: LiveStep, index: int, state: TaskState) -> None:
    live.put(replace(live.task(index), state=state))


def test_a_million_tasks_are_a_million_bytes() -> None:
    live = step(1_000_000)
    assert len(live.states) == 1_000_000
    assert sys.getsizeof(live.states) < 1_100_000
    assert not live.tries
    assert not live.live


def test_tasks_come_in_render_order_and_those_to_do_again_first() -> None:
    live = step(10, "every:5")
    assert live.next_ready(3) == [0, 5, 1]
    for index in (0, 5, 1):
        put(live, index, TaskState.ASSIGNED)
    put(live, 5, TaskState.READY)
    assert live.next_ready(3) == [5, 2, 3]


@given(
    tasks=st.integers(1, 40),
    kind=st.sampled_from(["sequence", "spread", "every:3"]),
    moves=st.lists(st.tuples(st.integers(0, 39), st.sampled_from(list(TaskState))), max_size=80),
    most=st.integers(1, 8),
)
def test_whatever_happens_the_ready_ones_are_found_in_order_and_the_counts_are_true(tasks, kind, moves, most) -> None:
    live = step(tasks, kind)
    for index, state in moves:
        if index < tasks:
            put(live, index, state)
    ready = {i for i in range(tasks) if live.state(i) is TaskState.READY}
    assert live.counts == [sum(live.states[i] == state for i in range(tasks)) for state in TaskState]
    wanted = sorted(ready, key=lambda index: order.position(kind, tasks, index))
    assert live.next_ready(most) == wanted[:most]
    assert live.next_ready(tasks) == wanted  # looking takes nothing away
