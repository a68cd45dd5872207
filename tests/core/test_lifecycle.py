# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the lives: legal moves, and illegal ones as hard."""

import pytest

from brender.core.lifecycle import JOB, JOB_ENDED, RUN, RUN_LIVE, TASK, TASK_ENDED, IllegalMove, after_the_end, move
from brender.core.nouns import JobState, RunState, TaskState

EVENTS = {event for table in (JOB, TASK, RUN) for moves in table.values() for event in moves}


@pytest.mark.parametrize("table", [JOB, TASK, RUN])
def test_every_state_is_in_its_table_and_every_other_move_raises(table) -> None:
    for state, moves in table.items():
        for event in EVENTS:
            if event in moves:
                assert move(table, state, event) is moves[event]
            else:
                with pytest.raises(IllegalMove, match=state.name):
                    move(table, state, event)


def test_the_tables_know_all_states() -> None:
    assert (set(JOB), set(TASK), set(RUN)) == (set(JobState), set(TaskState), set(RunState))


def test_nothing_leaves_a_run_that_has_ended() -> None:
    assert all(not RUN[state] for state in RunState if state not in RUN_LIVE)


def test_what_had_not_ended_with_its_job_was_cancelled() -> None:
    for job in JobState:
        for task in TaskState:
            kept = job not in JOB_ENDED or task in TASK_ENDED
            assert after_the_end(job, task) is (task if kept else TaskState.CANCELLED)
