# SPDX-License-Identifier: GPL-3.0-or-later
"""What every database must do for the farm: one suite, each test on each of them."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Table, select, update

from brender.core.changes import Row
from brender.core.nouns import JobState, RunState, TaskState, Wish
from brender.store import Damaged, Loaded, Store, StoreError, tables
from brender.store.records import KEPT
from tests.store.place import SIZE, Place, batch
from tests.store.rows import (
    RESULT,
    entry,
    gone,
    job,
    mapping,
    run,
    session,
    setting,
    share,
    tag,
    task,
    token,
    user,
    verdict,
    worker,
)

EMPTY = Loaded(
    settings=[],
    shares=[],
    tags=[],
    mappings=[],
    jobs=[],
    tasks=[],
    runs=[],
    workers=[],
    verdicts=[],
    users=[],
    tokens=[],
    next_job=1,
    damaged=[],
)


def reopened(place: Place) -> Loaded:
    store = place.open()
    try:
        return store.load_farm()
    finally:
        store.close()


# --- saving and loading


def test_a_new_database_is_an_empty_farm(store: Store) -> None:
    assert store.load_farm() == EMPTY


def test_the_migrated_tables_are_those_of_the_program(store: Store) -> None:
    with store._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []


def test_what_was_saved_is_there_when_the_farm_is_loaded_again(place: Place, store: Store) -> None:
    rows = [job(7), worker(), session(job=7), task(3, job=7, run="r1"), run(job=7, index=3, result=RESULT)]
    store.save(rows)
    loaded = reopened(place)
    assert loaded.jobs == [rows[0]]
    assert loaded.workers == [rows[1]]
    assert loaded.tasks == [rows[3]]
    assert loaded.runs == [rows[4]]
    assert loaded.next_job == 8
    assert loaded.damaged == []
    assert store.sessions_of(7) == [rows[2]]


def test_tags_shares_settings_and_the_audit_log_are_kept(place: Place, store: Store) -> None:
    rows = [setting("enable_on_connect", True), setting(), share(), tag()]
    store.save([entry(), *reversed(rows), worker(), job()])
    assert reopened(place).rows == [*rows, worker(), job()]  # first what others are judged by
    store.save([tag(note=""), share(weight=0.5), setting(value=5)])
    assert reopened(place).rows == [rows[0], setting(value=5), share(weight=0.5), tag(note=""), worker(), job()]
    assert store.audit() == [entry()]


def test_users_and_tokens_are_kept_changed_and_deleted(place: Place, store: Store) -> None:
    store.save([user(), user("Стул", password_hash=""), token(), token("t2", expires_at=None, scopes=("look",))])
    store.save([user(blocked=True), token("t2", uses=0)])
    loaded = reopened(place)
    assert loaded.rows == [user(blocked=True), user("Стул", password_hash=""), token(), token("t2", uses=0)]
    store.save([gone("user", "ada"), gone("token", "t1")])
    assert reopened(place).rows == [user("Стул", password_hash=""), token("t2", uses=0)]


def test_mappings_are_kept_changed_and_deleted(place: Place, store: Store) -> None:
    store.save([mapping(), mapping("assets", windows=""), job(), worker(mappings=("show=/srv/my show",))])
    store.save([mapping("show", macos="/Volumes/show")])
    found = [mapping("assets", windows=""), mapping("show", macos="/Volumes/show")]
    assert reopened(place).rows == [*found, worker(mappings=("show=/srv/my show",)), job()]
    store.save([gone("mapping", "assets")])
    assert reopened(place).mappings == found[1:]


def test_verdicts_are_kept_and_the_last_word_counts(place: Place, store: Store) -> None:
    store.save([verdict(), verdict("c2"), job()])
    store.save([verdict("c2", equal=False, fraction=0.25, largest=0.5, seconds=7.5, worker="w1", at=3000.0)])
    found = [verdict(), verdict("c2", equal=False, fraction=0.25, largest=0.5, seconds=7.5, worker="w1", at=3000.0)]
    assert reopened(place).rows == [*found, job()]


def test_the_order_of_the_rows_of_a_batch_is_free(store: Store) -> None:
    store.save([run(), task(), session(), worker(), job()])
    assert store.load_farm().runs == [run()]


def test_of_rows_with_the_same_key_the_last_one_counts(store: Store) -> None:
    store.save([job(), task(0, TaskState.ASSIGNED), task(0, TaskState.RUNNING, failures=1)])
    assert store.tasks_of(1) == [task(0, TaskState.RUNNING, failures=1)]
    store.save([task(0, TaskState.SUCCEEDED, run="r9"), worker(wish=Wish.DRAINING), worker(name="south")])
    assert store.tasks_of(1) == [task(0, TaskState.SUCCEEDED, run="r9")]
    assert store.worker("w1") == worker(name="south")


def test_saving_nothing_is_allowed(store: Store) -> None:
    store.save([])
    assert store.load_farm() == EMPTY


def test_an_ended_job_is_not_loaded_and_can_still_be_asked_for(store: Store) -> None:
    ended = job(1, state=JobState.COMPLETED)
    store.save([ended, task(0, TaskState.SUCCEEDED), run(state=RunState.SUCCEEDED), job(2)])
    loaded = store.load_farm()
    assert (loaded.jobs, loaded.tasks, loaded.runs, loaded.next_job) == ([job(2)], [], [], 3)
    assert store.job(1) == ended


def test_an_ended_job_with_an_accepted_run_to_publish_is_loaded(store: Store) -> None:
    """Start-up finishes what was left between accepted and published, also of a job that has failed since."""
    failed, left = job(1, state=JobState.FAILED), run(state=RunState.RENDERED, result=RESULT)
    store.save([worker(), failed, task(), left])
    assert (store.load_farm().jobs, store.load_farm().runs) == ([failed], [left])


@pytest.mark.parametrize("frames", ["1", "1-999", "1-1000", "1-1001", "1-33000", "1-1000000", "1,50,1-100,7-1x2"])
def test_a_job_of_any_size_is_one_row(store: Store, frames: str) -> None:
    """C26: about a thousand tasks could not be stored."""
    store.save([job(frames=frames)])
    assert store.load_farm().jobs == [job(frames=frames)]
    assert store.tasks_of(1) == []


# --- a batch is all or nothing


BAD_ROWS: dict[str, Callable[[], Row]] = {
    "a task of a job that is not there": lambda: task(job=99),
    "a second job of one request": lambda: job(5, request_id="request-1"),
    "a text that is none": lambda: job(6, name="\ud800"),
    "a time that is no number": lambda: run("r7", assigned_at=float("nan"), message="\ud800"),
    "a number too large": lambda: task(2**70),
}


@pytest.mark.parametrize("bad", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_save_that_fails_leaves_nothing_of_its_batch(store: Store, bad: Callable[[], Row]) -> None:
    store.save([job(), task(0)])
    before = store.load_farm()
    with pytest.raises(StoreError) as raised:
        store.save([job(2), task(0, TaskState.SUCCEEDED), task(1), worker(), run(), bad()])
    assert raised.value.message.endswith(".")
    assert store.load_farm() == before
    store.save([job(2), task(0, TaskState.SUCCEEDED)])
    assert store.tasks_of(1) == [task(0, TaskState.SUCCEEDED)]


@pytest.mark.parametrize("acknowledged", [1, 3, 8])
def test_what_was_acknowledged_survives_kill_9_and_batches_are_whole(place: Place, acknowledged: int) -> None:
    child = place.saving_child(job=1, batches=10_000)
    assert child.stdout is not None
    for line in itertools.islice(child.stdout, acknowledged):
        last = int(line)
    child.kill()  # it is in the middle of the next ones now
    last = max([last, *map(int, child.stdout.read().split())])
    child.wait()
    child.stdout.close()

    loaded = reopened(place)
    batches = len(loaded.tasks) // SIZE
    assert batches > last
    whole = [row for nth in range(batches) for row in batch(1, nth)]
    assert loaded.tasks == [row for row in whole if type(row) is type(task())]
    assert sorted(loaded.runs, key=lambda r: r.index) == [row for row in whole if type(row) is type(run())]
    assert loaded.jobs[0].message == str(batches - 1)


def test_two_processes_can_save_at_the_same_time(place: Place) -> None:
    with place.saving_child(job=1, batches=10) as other, place.saving_child(job=2, batches=10) as another:
        store = place.open()
        for nth in range(10):
            store.save(batch(3, nth))
        assert other.wait() == another.wait() == 0
    loaded = store.load_farm()
    store.close()
    assert [found.id for found in loaded.jobs] == [1, 2, 3]
    assert len(loaded.tasks) == len(loaded.runs) == 3 * 10 * SIZE


def test_a_new_database_can_be_opened_by_many_at_once(place: Place) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: place.open(), range(8)))
    assert [store.load_farm() for store in stores] == [EMPTY] * 8
    for store in stores:
        store.close()


def test_readers_in_other_threads_see_each_batch_whole_or_not_at_all(store: Store) -> None:
    store.save([job(), *(task(index) for index in range(20))])
    done = threading.Event()

    def read() -> bool:
        whole = True
        while not done.is_set():
            whole = whole and len({found.failures for found in store.tasks_of(1)}) == 1
        return whole

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        for failures in range(100):
            store.save([task(index, failures=failures) for index in range(20)])
        done.set()
        assert all(reader.result() for reader in readers)


# --- damage


def spoil(store: Store, table: Table, damage: Callable[[bytes], bytes]) -> None:
    """Damage the stored bodies of what job 2 has in a table."""
    of_job_2 = table.c.id == 2 if table is tables.jobs else table.c.job == 2
    with store._database.writing() as connection:
        body = connection.execute(select(table.c.body).where(of_job_2)).scalar_one()
        assert damage(body) != body
        connection.execute(update(table).where(of_job_2).values(body=damage(body)))


DAMAGE: dict[str, tuple[Table, Callable[[bytes], bytes]]] = {
    "a job that is not JSON": (tables.jobs, lambda body: b"oops"),
    "a job that is nothing": (tables.jobs, lambda body: b""),
    "a job that is not UTF-8": (tables.jobs, lambda body: body.replace("Стул".encode(), b"\xff\xfe")),
    "a job that is cut off": (tables.jobs, lambda body: body[:40]),
    "a job without an owner": (tables.jobs, lambda body: body.replace(b'"owner"', b'"winner"')),
    "a job whose frames are none": (tables.jobs, lambda body: body.replace(b"1-250", b"1-2-50")),
    "a job that says it is another": (tables.jobs, lambda body: body.replace(b'"id":2', b'"id":3')),
    "a job in an unknown state": (tables.jobs, lambda body: body.replace(b'"queued"', b'"wedged"')),
    "a job in another state than its column": (tables.jobs, lambda body: body.replace(b'"queued"', b'"active"')),
    "a task that is not JSON": (tables.tasks, lambda body: b"oops"),
    "a task that says it is another": (tables.tasks, lambda body: body.replace(b'"index":4', b'"index":5')),
    "a run that is not JSON": (tables.runs, lambda body: b"oops"),
}


@pytest.mark.parametrize(("table", "damage"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_job_is_set_aside_and_the_rest_loads(
    store: Store, table: Table, damage: Callable[[bytes], bytes]
) -> None:
    """C08: one damaged stored job made the server crash at every start."""
    for id in (1, 2, 3):
        store.save([worker(), job(id), task(4, job=id), run(f"r{id}", job=id, index=4)])
    spoil(store, table, damage)
    for loaded in (store.load_farm(), store.load_farm()):  # at every start
        assert [(found.noun, found.id) for found in loaded.damaged] == [("job", 2)]
        assert "is damaged: " in loaded.damaged[0].message
        assert loaded.jobs == [job(1), job(3)]
        assert [found.job for found in loaded.tasks] == [1, 3]
        assert [found.job for found in loaded.runs] == [1, 3]
        assert loaded.next_job == 4


@pytest.mark.parametrize("stray", [task(250, job=2), run("r2", job=2, index=-1), task(0, job=2, step=1)])
def test_a_job_with_rows_of_tasks_that_it_lacks_is_set_aside(store: Store, stray: Row) -> None:
    """C08: the kind, not only the one seen."""
    store.save([worker(), job(1), job(2, frames="1-250"), stray])
    assert store.load_farm().jobs == [job(1)]
    assert [found.id for found in store.load_farm().damaged] == [2]


def damage_worker(store: Store, id: str) -> None:
    with store._database.writing() as connection:
        connection.execute(update(tables.workers).where(tables.workers.c.id == id).values(body=b"{}"))


def test_a_damaged_worker_is_set_aside(store: Store) -> None:
    """C08: the kind, not only the one seen."""
    store.save([worker(), worker("w2"), job()])
    damage_worker(store, "w1")
    loaded = store.load_farm()
    assert (loaded.workers, loaded.jobs) == ([worker("w2")], [job()])
    assert loaded.damaged == [
        Damaged("worker", "w1", "worker w1 is damaged: Object missing required field `id`"),
    ]


def test_a_job_with_a_live_run_on_a_damaged_worker_is_set_aside(store: Store) -> None:
    """C08: the kind, not only the one seen."""
    ended = run("r0", RunState.SUCCEEDED, worker="w2")
    store.save([worker(), worker("w2"), job(1), ended, run(), job(2), run("r2", job=2, worker="w2")])
    damage_worker(store, "w2")
    loaded = store.load_farm()
    assert (loaded.jobs, loaded.runs) == ([job(1)], [run()])
    assert [(found.noun, found.id) for found in loaded.damaged] == [("job", 2), ("worker", "w2")]
    assert loaded.damaged[0].message.startswith("job 2 has a run on worker w2: worker w2 is damaged: ")


def test_the_rows_of_what_is_loaded_are_those_of_unfinished_jobs_what_is_referred_to_first(store: Store) -> None:
    failed, left = job(1, state=JobState.FAILED), run(state=RunState.RENDERED)
    store.save([worker(), failed, task(), left, job(2), task(3, job=2), run("r2", job=2, index=3)])
    assert store.load_farm().rows == [worker(), job(2), task(3, job=2), run("r2", job=2, index=3)]


def test_a_damaged_job_hides_no_other_from_a_list_and_says_so_itself(store: Store) -> None:
    store.save([job(id) for id in (1, 2, 3)])
    spoil(store, tables.jobs, lambda body: b"oops")
    assert store.jobs(limit=2) == [job(3), job(1)]
    assert store.jobs(limit=1, before=3) == [job(1)]
    with pytest.raises(StoreError, match="job 2 is damaged: JSON is malformed"):
        store.job(2)


@pytest.mark.parametrize("nth", range(5))
def test_a_damaged_tag_share_setting_verdict_or_entry_is_set_aside_alone(store: Store, nth: int) -> None:
    """C08: the kind, not only the one seen."""
    fine: list[Row] = [tag("ssd"), share("bob"), setting("enable_on_connect", True), verdict("c0"), entry("e0")]
    spoilt: list[Row] = [tag("gpu"), share("ada"), setting("lease_s"), verdict("c1"), entry("e1")]
    store.save([*fine, *spoilt])
    kept = KEPT[type(spoilt[nth])]
    (column,) = kept.table.primary_key
    with store._database.writing() as connection:
        connection.execute(update(kept.table).where(column == kept.key(spoilt[nth])).values(body=b"{}"))
    loaded = store.load_farm()
    left = [row for row in (*loaded.tags, *loaded.shares, *loaded.settings, *loaded.verdicts) if row in spoilt]
    left += [row for row in store.audit() if row in spoilt]
    assert left == [row for row in spoilt if row is not spoilt[nth]]
    assert all(row in [*loaded.rows, *store.audit()] for row in fine)
    assert [(found.noun, found.id) for found in loaded.damaged] == [(kept.name, kept.key(spoilt[nth]))][: nth != 4]


def test_a_setting_whose_value_does_not_fit_is_set_aside_and_an_unknown_one_is_kept(store: Store) -> None:
    """C08: a lease that is a word would end every look at the leases."""
    store.save([setting("lease_s", "soon"), setting("of_tomorrow", "x")])
    loaded = store.load_farm()
    assert loaded.settings == [setting("of_tomorrow", "x")]
    assert loaded.damaged == [
        Damaged("setting", "lease_s", "setting lease_s is damaged: lease_s is a number, and 'soon' is none.")
    ]


def test_a_job_with_a_live_run_on_a_worker_that_is_not_there_is_set_aside(store: Store) -> None:
    store.save([worker(), job(1), run(), job(2), run("r2", job=2, worker="w9")])
    loaded = store.load_farm()
    assert (loaded.jobs, loaded.runs) == ([job(1)], [run()])
    assert loaded.damaged == [Damaged("job", 2, "job 2 has a run on worker w9: it is not there")]


# --- deleting


PARTS = [session(), task(), run()]


def parts(store: Store) -> list[Row]:
    return [*store.sessions_of(1), *store.tasks_of(1), *store.runs_of(1)]


def test_a_deleted_job_takes_its_tasks_runs_and_sessions_along(store: Store) -> None:
    store.save([worker(), job(1, state=JobState.FAILED), *PARTS, job(2), task(job=2), run("r2", job=2)])
    store.save([gone("job", "1")])
    assert store.job(1) is None
    assert parts(store) == []
    assert store.job_by_request("request-1") is None
    assert store.load_farm().rows == [worker(), job(2), task(job=2), run("r2", job=2)]


def test_the_number_of_a_deleted_job_is_not_given_again(place: Place, store: Store) -> None:
    store.save([job(1), job(2), job(3)])
    store.save([gone("job", "3")])
    store.save([gone("job", "2")])
    assert reopened(place).next_job == 4
    store.save([job(9)])
    assert reopened(place).next_job == 10


def test_a_deleted_worker_leaves_the_history_of_its_runs(store: Store) -> None:
    past = run(state=RunState.SUCCEEDED)
    store.save([worker(), job(1, state=JobState.COMPLETED), past])
    store.save([gone("worker", "w1")])
    assert (store.worker("w1"), store.load_farm().workers) == (None, [])
    assert store.runs_of(1) == [past]


def test_a_deleted_tag_and_share_are_gone_alone(store: Store) -> None:
    store.save([tag("a"), tag("b"), share("a"), share("b")])
    store.save([gone("tag", "a"), gone("share", "b")])
    assert store.load_farm().rows == [share("a"), tag("b")]


def test_put_then_gone_is_gone(store: Store) -> None:
    store.save([worker(), tag(), job(1), *PARTS, gone("tag", "gpu"), gone("job", "1"), gone("worker", "w1")])
    assert store.load_farm().rows == parts(store) == []
    assert store.load_farm().next_job == 2


def test_gone_then_put_is_a_new_one_with_nothing_of_the_old(store: Store) -> None:
    """What an upsert leaves as it was, too: another request's job, a worker of another day."""
    store.save([worker(), job(1), *PARTS])
    again, later = job(1, request_id="another"), worker(created_at=900.0)
    store.save([gone("job", "1"), gone("worker", "w1"), again, task(7), later])
    assert store.load_farm().rows == [later, again, task(7)]
    assert parts(store) == [task(7)]


def test_the_last_word_of_a_batch_counts_however_often_it_changes(store: Store) -> None:
    store.save([tag(note="1"), gone("tag", "gpu"), tag(note="2"), gone("tag", "gpu"), tag(note="3"), tag(note="4")])
    assert store.load_farm().tags == [tag(note="4")]


def test_deleting_what_is_not_there_changes_nothing(store: Store) -> None:
    store.save([tag("a")])
    store.save([gone("tag", "b"), gone("job", "7"), gone("worker", "w1"), gone("share", "x")])
    assert store.load_farm().rows == [tag("a")]


@pytest.mark.parametrize("bad", [gone("setting", "lease_s"), gone("job", "seven"), gone("run", "r1")])
def test_what_cannot_be_deleted_fails_its_batch(store: Store, bad: Row) -> None:
    with pytest.raises(StoreError, match=r"(cannot be deleted|to delete)\.$"):
        store.save([tag(), bad])
    assert store.load_farm() == EMPTY


def test_a_task_of_a_deleted_job_fails_its_batch(store: Store) -> None:
    store.save([job(1), task()])
    with pytest.raises(StoreError):
        store.save([gone("job", "1"), task()])
    assert store.tasks_of(1) == [task()]


# --- what the views ask


def test_the_audit_log_comes_in_pages_newest_first(store: Store) -> None:
    every = [
        entry(f"e{nth}", at=float(nth // 2), kind="job" if nth % 3 else "tag", who="ada" if nth % 2 else "bob")
        for nth in range(9, -1, -1)
    ]
    store.save(every[::-1])
    assert store.audit() == every
    assert store.audit(3) == every[:3]
    assert store.audit(3, before="e7") == every[3:6]
    assert store.audit(before="e0") == store.audit(before="none such") == store.audit(kind="share") == []
    assert store.audit(2, kind="tag", before="e9") == [found for found in every[1:] if found.kind == "tag"][:2]
    assert store.audit(who="ada") == every[::2]
    assert store.audit(kind="tag", who="ada") == [found for found in every[::2] if found.kind == "tag"]


def test_a_damaged_entry_hides_no_other(store: Store) -> None:
    store.save([entry(f"e{nth}", at=float(nth)) for nth in range(5)])
    spoilt = tables.audit.c.id.in_(["e3", "e2"])
    with store._database.writing() as connection:
        connection.execute(update(tables.audit).where(spoilt).values(body=b"oops"))
    assert [found.id for found in store.audit(2)] == ["e4", "e1"]
    assert [found.id for found in store.audit(2, before="e3")] == ["e1", "e0"]


def test_the_states_of_a_step_are_read_without_the_rows(store: Store) -> None:
    store.save([job(), job(2), task(5), task(2, TaskState.FAILED), task(1, step=1), task(3, job=2)])
    assert store.task_states(1, 0) == [(2, TaskState.FAILED), (5, TaskState.RUNNING)]
    assert store.task_states(1, 7) == []


def test_jobs_come_in_pages_newest_first(store: Store) -> None:
    every = [job(id, state=JobState.PAUSED if id % 3 else JobState.FAILED) for id in range(10, 0, -1)]
    store.save(every)
    assert store.jobs() == every
    assert store.jobs(limit=3) == every[:3]
    assert store.jobs(limit=3, before=8) == every[3:6]
    assert store.jobs(limit=3, after=5) == every[2:5]
    assert store.jobs(limit=3, after=10) == store.jobs(before=1) == []
    assert store.jobs(limit=2, before=9, states=[JobState.FAILED]) == [job(6, state=JobState.FAILED), every[7]]
    assert store.jobs(states=[JobState.QUEUED]) == []


def test_a_job_is_found_by_the_id_of_its_request(store: Store) -> None:
    store.save([job(3)])
    assert store.job_by_request("request-3") == 3
    assert store.job_by_request("request-4") is None


def test_what_is_not_there_is_none(store: Store) -> None:
    assert (store.job(1), store.run("r1"), store.worker("w1")) == (None, None, None)


def test_a_page_of_tasks_holds_only_those_with_rows(store: Store) -> None:
    store.save([job(), job(2), task(7, job=2), *(task(index) for index in (9, 2, 0, 4, 5, 6))])
    assert store.task_page(1, 0, first=2, count=4) == [task(2), task(4), task(5)]
    assert store.task_page(1, 1, first=2, count=4) == []
    assert [found.index for found in store.tasks_of(1)] == [0, 2, 4, 5, 6, 9]


def test_runs_come_by_task_the_oldest_first(store: Store) -> None:
    runs = [run(f"r{nth}", index=nth // 2, assigned_at=2000.0 - (nth % 2)) for nth in range(6)]
    by_task = [runs[nth] for nth in (1, 0, 3, 2, 5, 4)]
    store.save([job(), job(2), run("other", job=2), *runs])
    assert store.runs_of(1) == by_task
    assert store.runs_of(1, limit=2, offset=3) == by_task[3:5]
    assert store.runs_of(1, step=0, indexes=[0, 2]) == by_task[:2] + by_task[4:]
    assert store.runs_of(1, step=1) == store.runs_of(1, step=0, indexes=[]) == []
    assert store.run("r3") == runs[3]


def test_the_records_of_frames_are_the_accepted_runs_or_else_the_last(store: Store) -> None:
    frames = [
        run("a1", RunState.FAILED, index=0, assigned_at=1.0),
        run("a2", RunState.SUCCEEDED, index=0, assigned_at=2.0, result=RESULT),
        run("a3", RunState.LOST, index=0, assigned_at=3.0),
        run("b1", RunState.FAILED, index=1, assigned_at=1.0),
        run("b2", RunState.LOST, index=1, assigned_at=2.0),
        run("d1", RunState.RENDERED, index=3),
        run("e1", RunState.SUCCEEDED, index=4),
    ]
    store.save([job(), *frames])
    assert [found.id for found in store.accepted_runs(1, first=0, count=4)] == ["a2", "d1"]
    assert [found.id for found in store.latest_runs(1, first=0, count=4)] == ["a2", "b2", "d1"]
    assert store.latest_runs(1, first=1, count=1, step=1) == []


def test_the_newest_failed_runs_are_shown_and_all_are_counted(store: Store) -> None:
    failed = [run(f"r{nth}", RunState.FAILED, index=nth, assigned_at=float(nth)) for nth in range(5)]
    store.save([job(), *reversed(failed), run("fine", RunState.SUCCEEDED), run("lost", RunState.LOST)])
    assert store.failed_runs(1, limit=3) == failed[2:]
    assert store.count_failed_runs(1) == 5
    store.save([run("r4", RunState.RECALLED, index=4, assigned_at=4.0)])
    assert store.count_failed_runs(1) == 4


def test_sessions_come_oldest_first(store: Store) -> None:
    found = [session(f"s{nth}", opened_at=float(nth)) for nth in range(4)]
    store.save([job(), *reversed(found)])
    assert store.sessions_of(1) == found
    assert store.sessions_of(1, limit=2, offset=1) == found[1:3]
    assert store.sessions_of(2) == []
