# SPDX-License-Identifier: GPL-3.0-or-later
"""The lives of jobs, tasks and runs, each one literal table: {state: {event: next state}}.

Everything that changes a state must go through `move`; what is not in the table raises, as it is a fault of the
program and never of its user. docs/states.md is drawn from these tables.
"""

from typing import TypeVar

from brender.core.nouns import JobState, RunState, TaskState

J, T, R = JobState, TaskState, RunState

JOB: dict[JobState, dict[str, JobState]] = {
    J.QUEUED: {"start": J.ACTIVE, "pause": J.PAUSED, "complete": J.COMPLETED, "fail": J.FAILED, "cancel": J.CANCELLED},
    J.ACTIVE: {"pause": J.PAUSED, "complete": J.COMPLETED, "fail": J.FAILED, "cancel": J.CANCELLED},
    J.PAUSED: {
        "resume": J.ACTIVE,
        "requeue": J.QUEUED,
        "complete": J.COMPLETED,
        "fail": J.FAILED,
        "cancel": J.CANCELLED,
    },
    J.COMPLETED: {"retry": J.QUEUED},
    J.FAILED: {"retry": J.QUEUED},
    J.CANCELLED: {"retry": J.QUEUED},
}

TASK: dict[TaskState, dict[str, TaskState]] = {
    T.WAITING: {"release": T.READY, "cancel": T.CANCELLED},
    T.READY: {"assign": T.ASSIGNED, "cancel": T.CANCELLED},
    T.ASSIGNED: {"start": T.RUNNING, "again": T.READY, "fail": T.FAILED, "cancel": T.CANCELLED},
    T.RUNNING: {"publish": T.SUCCEEDED, "again": T.READY, "fail": T.FAILED, "cancel": T.CANCELLED},
    T.SUCCEEDED: {},
    T.FAILED: {"retry": T.READY},
    T.CANCELLED: {"retry": T.READY},
    T.SKIPPED: {},
}

RUN: dict[RunState, dict[str, RunState]] = {
    R.ASSIGNED: {
        "start": R.RUNNING,
        "accept": R.RENDERED,
        "fail": R.FAILED,
        "cancel": R.CANCELLED,
        "give back": R.RECALLED,
        "lose": R.LOST,
    },
    R.RUNNING: {
        "accept": R.RENDERED,
        "fail": R.FAILED,
        "cancel": R.CANCELLED,
        "give back": R.RECALLED,
        "lose": R.LOST,
    },
    R.RENDERED: {"publish": R.SUCCEEDED, "fail": R.FAILED, "cancel": R.CANCELLED},
    R.SUCCEEDED: {},
    R.FAILED: {},
    R.CANCELLED: {},
    R.RECALLED: {},
    R.LOST: {},
}

JOB_ENDED = frozenset({J.COMPLETED, J.FAILED, J.CANCELLED})
TASK_ENDED = frozenset({T.SUCCEEDED, T.FAILED, T.CANCELLED, T.SKIPPED})
RUN_LIVE = frozenset({R.ASSIGNED, R.RUNNING, R.RENDERED})

State = TypeVar("State", JobState, TaskState, RunState)


class IllegalMove(Exception):
    """The program asked for a move that its table does not have."""


def move(table: dict[State, dict[str, State]], state: State, event: str) -> State:
    """The state after `event`; raises `IllegalMove` where the table has none."""
    try:
        return table[state][event]
    except KeyError:
        known = ", ".join(table[state]) or "nothing"
        raise IllegalMove(f"{type(state).__name__} {state.name} takes {known}; not {event!r}") from None


def after_the_end(job: JobState, task: TaskState) -> TaskState:
    """What a task is once its job has ended: what had not ended by then is cancelled."""
    return task if task in TASK_ENDED or job not in JOB_ENDED else T.CANCELLED
