# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is saved in whatever batches: what is loaded is what was put last."""

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brender.core.changes import Row
from brender.core.failures import Kind
from brender.core.nouns import Job, JobState, Run, RunState, SessionRecord, Task, TaskState, Wish, Worker
from brender.store.tables import ENDED
from tests.store import rows
from tests.store.place import Place

JOBS = (1, 2, 3)
TASKS = 8  # of each
LIVE = (RunState.ASSIGNED, RunState.RUNNING, RunState.RENDERED)

some = st.integers(0, TASKS - 1)
times = st.none() | st.floats(allow_nan=False, allow_infinity=False)
kinds = st.none() | st.sampled_from(Kind)

jobs = st.builds(
    lambda id, **fields: rows.job(id, frames=f"1-{TASKS}", **fields),
    st.sampled_from(JOBS),
    state=st.sampled_from(JobState),
    message=st.text(),
    kind=kinds,
    ended_at=times,
    counts=st.lists(some, max_size=8).map(tuple),
)
tasks = st.builds(
    rows.task, some, st.sampled_from(TaskState), job=st.sampled_from(JOBS), failures=some, run=st.none() | st.text()
)
runs = st.builds(
    lambda nth, state, **fields: rows.run(f"r{nth}", state, job=1 + nth % 3, index=nth % TASKS, **fields),
    st.integers(0, 30),
    st.sampled_from(RunState),
    started_at=times,
    kind=kinds,
    message=st.text(),
    result=st.none() | st.just(rows.RESULT),
)
workers = st.builds(rows.worker, st.sampled_from(["w1", "w2"]), st.text(), wish=st.sampled_from(Wish))
sessions = st.builds(rows.session, st.sampled_from(["s1", "s2"]))
batches = st.lists(st.lists(jobs | tasks | runs | workers | sessions, max_size=20), max_size=6)


def key(row: Row) -> tuple[Any, ...]:
    return (type(row), row.job, row.step, row.index) if isinstance(row, Task) else (type(row), row.id)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(batches=batches)
def test_what_is_loaded_is_what_was_put_last(place: Place, batches: list[list[Row]]) -> None:
    store = place.open()
    with store._database.writing() as connection:  # what the example before this one left
        for table in ("tasks", "runs", "sessions", "workers", "jobs"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    last: dict[tuple[Any, ...], Row] = {}
    for batch in [[rows.job(id, frames=f"1-{TASKS}") for id in JOBS], [rows.worker()], *batches]:
        store.save(batch)
        last |= {key(row): row for row in batch}
    store.close()

    put = {
        noun: [row for row in last.values() if type(row) is noun] for noun in (Job, Task, Run, SessionRecord, Worker)
    }
    store = place.open()
    loaded = store.load_farm()
    live = [row for row in put[Run] if row.state in LIVE]
    open_jobs = {row.id for row in put[Job] if row.state not in ENDED} | {row.job for row in live}
    assert as_found(loaded.jobs) == as_found(row for row in put[Job] if row.id in open_jobs)
    assert as_found(loaded.tasks) == as_found(row for row in put[Task] if row.job in open_jobs)
    assert as_found(loaded.runs) == as_found(live)
    assert as_found(loaded.workers) == as_found(put[Worker])
    assert loaded.damaged == []
    assert as_found(store.jobs()) == as_found(put[Job])
    assert as_found(itertools.chain(*map(store.tasks_of, JOBS))) == as_found(put[Task])
    assert as_found(itertools.chain(*map(store.runs_of, JOBS))) == as_found(put[Run])
    assert as_found(itertools.chain(*map(store.sessions_of, JOBS))) == as_found(put[SessionRecord])
    store.close()


def as_found(found: Any) -> list[Any]:
    return sorted(found, key=lambda row: str(key(row)))
