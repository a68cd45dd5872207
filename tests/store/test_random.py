# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is saved in whatever batches: what is loaded is what was put last."""

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brender.core.changes import Row
from brender.core.failures import Kind
from brender.core.nouns import (
    AuditEntry,
    Gone,
    Job,
    JobState,
    Mapping,
    Run,
    RunState,
    SessionRecord,
    Setting,
    Share,
    Tag,
    Task,
    TaskState,
    Wish,
    Worker,
)
from brender.store.tables import ENDED, metadata
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
tags = st.builds(rows.tag, st.sampled_from(["gpu", "Стул"]), st.text())
mappings = st.builds(rows.mapping, st.sampled_from(["show", "Стул"]), linux=st.text(), macos=st.text())
shares = st.builds(rows.share, st.sampled_from(["ada", "bob"]), st.floats(0.01, 1000))
leases = st.builds(rows.setting, st.just("lease_s"), st.floats(5, 86400))
entries = st.builds(
    lambda nth, note: rows.entry(
        f"e{nth}", at=float(nth // 2), kind="job" if nth % 3 else "tag", values={"note": note}
    ),
    st.integers(0, 9),
    st.none() | st.text() | st.floats(0, 1),
)
deleted = st.sampled_from(
    [rows.gone("job", str(id)) for id in JOBS]
    + [
        rows.gone("worker", "w1"),
        rows.gone("worker", "w2"),
        rows.gone("tag", "gpu"),
        rows.gone("share", "ada"),
        rows.gone("mapping", "show"),
    ]
)
every = jobs | tasks | runs | workers | sessions | tags | mappings | shares | leases | entries | deleted
batches = st.lists(st.lists(every, max_size=20), max_size=6)

DELETED = {"job": Job, "worker": Worker, "tag": Tag, "share": Share, "mapping": Mapping}
NOUNS = (Job, Task, Run, SessionRecord, Worker, Tag, Share, Mapping, Setting, AuditEntry)
Key = tuple[Any, ...]


def key(row: Row) -> Key:
    match row:
        case Task():
            return Task, row.job, row.step, row.index
        case Tag() | Mapping() | Setting():
            return type(row), row.name
        case Share():
            return Share, row.user
        case Gone():
            return DELETED[row.kind], int(row.key) if row.kind == "job" else row.key
    return type(row), row.id


def part_of(row: Row) -> int | None:
    """The job that a row goes with."""
    return row.job if isinstance(row, Task | Run | SessionRecord) else None


def take(last: dict[Key, Row], row: Row) -> bool:
    """What a row does to all that was put before; False where it is of a job that is not there."""
    if isinstance(row, Gone):
        last.pop(key(row), None)
        if row.kind == "job":
            for part in [part for part, held in last.items() if part_of(held) == int(row.key)]:
                del last[part]
    elif (job := part_of(row)) is not None and (Job, job) not in last:
        return False
    else:
        last[key(row)] = row
    return True


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(batches=batches)
def test_what_is_loaded_is_what_was_put_last(place: Place, batches: list[list[Row]]) -> None:
    store = place.open()
    with store._database.writing() as connection:  # what the example before this one left
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    last: dict[Key, Row] = {}
    for batch in [[rows.job(id, frames=f"1-{TASKS}") for id in JOBS], [rows.worker()], *batches]:
        store.save([row for row in batch if take(last, row)])
    store.close()

    put = {noun: [row for row in last.values() if type(row) is noun] for noun in NOUNS}
    store = place.open()
    loaded = store.load_farm()
    live = [row for row in put[Run] if row.state in LIVE]
    stray = {row.job for row in live if (Worker, row.worker) not in last}
    open_jobs = {row.id for row in put[Job] if row.state not in ENDED} | {row.job for row in live}
    open_jobs -= stray
    assert as_found(loaded.jobs) == as_found(row for row in put[Job] if row.id in open_jobs)
    assert as_found(loaded.tasks) == as_found(row for row in put[Task] if row.job in open_jobs)
    assert as_found(loaded.runs) == as_found(row for row in live if row.job in open_jobs)
    assert as_found(loaded.workers) == as_found(put[Worker])
    assert as_found(loaded.tags) == as_found(put[Tag])
    assert as_found(loaded.mappings) == as_found(put[Mapping])
    assert as_found(loaded.shares) == as_found(put[Share])
    assert loaded.settings == put[Setting]
    assert {(found.noun, found.id) for found in loaded.damaged} == {("job", id) for id in stray}
    assert loaded.next_job == 1 + max(JOBS)
    assert as_found(store.jobs()) == as_found(put[Job])
    assert as_found(itertools.chain(*map(store.tasks_of, JOBS))) == as_found(put[Task])
    assert as_found(itertools.chain(*map(store.runs_of, JOBS))) == as_found(put[Run])
    assert as_found(itertools.chain(*map(store.sessions_of, JOBS))) == as_found(put[SessionRecord])
    newest_first = sorted(put[AuditEntry], key=lambda row: (row.at, row.id), reverse=True)
    assert store.audit() == newest_first
    assert store.audit(kind="tag") == [row for row in newest_first if row.kind == "tag"]
    store.close()


def as_found(found: Any) -> list[Any]:
    return sorted(found, key=lambda row: str(key(row)))
