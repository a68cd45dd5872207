# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects are made, set and deleted by their attributes: all of a command or none of it, and the audit log says so."""

from typing import Any

import pytest

from brender.core import commands as c
from brender.core import messages as m
from brender.core.kinds import KINDS
from brender.core.nouns import AuditEntry, Gone, Job, Tag
from tests.farm_builder import BPY, JobState, Kind, Limits, TaskState, Wish, World, host

BY = c.By(who="ada", door="console", origin="127.0.0.1:4321")


@pytest.fixture
def world() -> World:
    return World()


def create(world: World, kind: str, **values: Any) -> Any:
    checked = KINDS[kind].checked(values, creating=True)
    return world.do(c.CreateObject(kind=kind, values=checked, by=BY))


def put(world: World, kind: str, *keys: object, **values: Any) -> int:
    checked = KINDS[kind].checked(values)
    return world.do(c.SetAttributes(kind=kind, keys=tuple(map(str, keys)), values=checked, by=BY))


def delete(world: World, kind: str, *keys: object) -> int:
    return world.do(c.DeleteObjects(kind=kind, keys=tuple(map(str, keys)), by=BY))


def refused(world: World, match: str, doing: Any, *args: Any, **values: Any) -> str:
    """That it is refused and changes nothing; the reason."""
    rows, effects = len(world.rows), len(world.effects)
    with pytest.raises(c.Refusal, match=match) as raised:
        doing(world, *args, **values)
    assert (len(world.rows), len(world.effects)) == (rows, effects)
    return raised.value.reason


# --- making


def test_a_prepared_worker_is_taken_up_by_the_first_machine_of_its_name(world: World) -> None:
    made = create(world, "worker", name="north", wish="disabled", tags="gpu,big", note="by the window")
    assert (made.wish, made.tags, made.prepared) == (Wish.DISABLED, ("gpu", "big"), True)
    id_ = world.join("north", host=host(BPY))
    assert id_ == made.id
    record = world.farm.workers[id_].record
    assert (record.wish, record.tags, record.note, record.prepared) == (Wish.DISABLED, made.tags, made.note, False)
    assert world.join("north", key="another") != id_
    assert len(world.farm.workers) == 2


def test_a_name_is_taken_once(world: World) -> None:
    create(world, "worker", name="north")
    create(world, "tag", name="gpu")
    create(world, "share", user="ada", weight=2)
    assert refused(world, "There is a worker north already", create, "worker", name="north") == "conflict"
    refused(world, "There is a tag gpu already", create, "tag", name="gpu")
    refused(world, "There is a share of ada already: set its weight", create, "share", user="ada", weight=1)


@pytest.mark.parametrize("kind", ["step", "task", "setting"])
def test_what_no_person_makes_is_refused(world: World, kind: str) -> None:
    with pytest.raises(c.Refusal, match=KINDS[kind].no_create) as raised:
        world.do(c.CreateObject(kind=kind, values={}))
    assert raised.value.reason == "invalid"


# --- setting


def test_many_workers_are_set_at_once_or_none(world: World) -> None:
    one, two = world.join("one"), world.join("two")
    assert put(world, "worker", one, two, tags="gpu", note="x") == 2
    assert {w.record.tags for w in world.farm.workers.values()} == {("gpu",)}
    assert refused(world, "There is no worker none", put, "worker", one, "none", note="y") == "not_found"
    assert {w.record.note for w in world.farm.workers.values()} == {"x"}


def test_a_worker_is_renamed_and_keeps_its_name_to_itself(world: World) -> None:
    one, two = world.join("one"), world.join("two")
    put(world, "worker", one, name="first")
    assert (world.farm.by_name["first"], "one" in world.farm.by_name) == (one, False)
    put(world, "worker", one, name="first")  # its own is no conflict
    refused(world, "There is a worker first already", put, "worker", two, name="first")
    assert refused(world, "2 workers cannot all be called x", put, "worker", one, two, name="x") == "invalid"


def test_a_worker_disabled_by_its_attribute_gives_back_what_it_has_not_begun(world: World) -> None:
    worker, job = world.join(), world.submit()
    running, queued = world.give(worker, job, 0, 1)
    world.start(running)
    put(world, "worker", worker, wish="disabled")
    (recall,) = world.told(m.Recall)
    assert recall.runs == (queued.id,)


def test_a_job_is_set_and_moves_in_the_queue(world: World) -> None:
    first, second, worker = world.submit(), world.submit(), world.join()
    put(world, "job", second.id, priority=90, name="b", owner="bob", attempts=1)
    after = world.farm.jobs[second.id]
    assert (after.priority, after.name, after.owner, after.limits) == (90, "b", "bob", Limits(attempts=1))
    assert world.plan(worker).step == (second.id, 0)
    assert refused(world, "not an unfinished job", put, "job", first.id, 99, priority=1) == "not_found"


def test_the_attempts_that_are_set_hold_for_the_next_failure(world: World) -> None:
    job, worker = world.submit("1-2"), world.join()
    put(world, "job", job.id, attempts=1)
    world.fail(world.give(worker, job, 0)[0])
    assert world.states(job)[0] is TaskState.FAILED


def test_tags_that_are_set_bring_the_workers_that_have_them(world: World) -> None:
    """Workers that stood idle, since they lacked a tag, are asked again when the job no longer wants it."""
    job, worker = world.submit(tags=("gpu",)), world.join()
    world.farm.hungry.clear()
    assert world.plan(worker).step is None
    put(world, "job", job.id, tags="")
    assert worker in world.farm.hungry
    assert world.plan(worker).step == (job.id, 0)
    world.farm.hungry.clear()
    put(world, "job", job.id, tags="gpu")
    put(world, "worker", worker, tags="gpu")
    assert worker in world.farm.hungry
    assert world.plan(worker).step == (job.id, 0)


def test_two_steps_of_one_job_are_set_in_one_command(world: World) -> None:
    job = world.submit("1-100")
    assert put(world, "step", f"{job.id}/0", f"{job.id}/0", batch=2) == 2
    assert world.step(job).spec.batch == 2


@pytest.mark.parametrize("key", ["1/7", "99/0", "1/-1"])
def test_a_step_that_is_not_there_is_not_found(world: World, key: str) -> None:
    world.submit()
    assert refused(world, "no step|not an unfinished job", put, "step", key, batch=2) == "not_found"


def test_a_failed_task_is_made_ready_again(world: World) -> None:
    job, worker = world.submit("1-3", limits=Limits(attempts=1)), world.join()
    run, *_ = world.give(worker, job, 0)
    world.fail(run)
    assert world.states(job)[0] is TaskState.FAILED
    assert put(world, "task", f"{job.id}/0/0", state="ready") == 1
    assert world.states(job)[0] is TaskState.READY
    assert world.step(job).task(0).failures == 0


def test_a_task_can_be_set_to_ready_alone_and_only_where_it_failed(world: World) -> None:
    job = world.submit("1-3")
    assert refused(world, "set to ready alone", put, "task", f"{job.id}/0/0", state="succeeded") == "invalid"
    refused(world, "is ready: only a failed one", put, "task", f"{job.id}/0/0", state="ready")


@pytest.mark.parametrize("key", ["1/0/3", "1/0/-1", "1/5/0", "99/0/0"])
def test_a_task_that_is_not_there_is_not_found(world: World, key: str) -> None:
    world.submit("1-3")
    assert refused(world, "no task|no step|not an unfinished job", put, "task", key, state="ready") == "not_found"


def test_a_setting_is_set_checked_and_holds(world: World) -> None:
    put(world, "setting", "lease_s", value="30")
    assert world.farm.setting("lease_s") == 30.0
    assert refused(world, "lease_s: 1 is out of range", put, "setting", "lease_s", value="1") == "invalid"
    assert refused(world, "no setting colour", put, "setting", "colour", value="red") == "not_found"
    assert refused(world, "is true or false", put, "setting", "lease_s", "legacy_clients", value="45") == "invalid"
    assert world.farm.setting("lease_s") == 30.0


# --- deleting


def test_a_worker_that_is_there_is_not_deleted(world: World) -> None:
    worker, job = world.join("north"), world.submit("1-2")
    refused(world, "Worker north is online: stop it before", delete, "worker", worker)
    run, *_ = world.give(worker, job, 0)
    world.start(run)
    world.leave(worker)
    refused(world, "Worker north may still render", delete, "worker", worker)
    world.finish(run)
    assert delete(world, "worker", worker) == 1
    assert (world.farm.workers, world.farm.by_name, world.farm.by_key) == ({}, {}, {})
    assert world.join("north") != worker


def test_a_worker_whose_files_are_being_published_is_not_deleted(world: World) -> None:
    """Its run lives on: memory, and every later start, would look for its worker."""
    worker, job = world.join("north"), world.submit("1-2")
    (run,) = world.give(worker, job, 0)
    world.report(run, m.Rendered, result=m.Result(render_s=1.0))
    world.leave(worker)
    refused(world, "being published: try again in a moment", delete, "worker", worker)
    world.do(c.Published(run=run.id))
    assert delete(world, "worker", worker) == 1


def test_a_job_is_deleted_once_it_has_ended(world: World) -> None:
    job, other = world.submit(), world.submit()
    world.do(c.CancelJob(job=job.id))
    refused(world, f"Job {other.id} is unfinished: cancel it before", delete, "job", job.id, other.id)
    assert delete(world, "job", job.id) == 1
    assert [row for row in world.rows if isinstance(row, Gone)] == [Gone(kind="job", key=str(job.id))]
    assert world.job(job).state is JobState.CANCELLED


def test_a_tag_in_use_is_not_deleted(world: World) -> None:
    create(world, "tag", name="gpu")
    job, worker = world.submit(tags=("gpu",)), world.join("north")
    put(world, "worker", worker, tags="gpu")
    refused(world, f"The tag gpu is in use by job {job.id}, worker north", delete, "tag", "gpu")
    world.do(c.CancelJob(job=job.id))
    put(world, "worker", worker, tags="")
    assert delete(world, "tag", "gpu") == 1
    assert world.farm.tags == {}


def test_a_share_is_deleted_and_weighs_one_again(world: World) -> None:
    create(world, "share", user="bob", weight=4)
    assert world.farm.shares.weight("bob") == 4
    put(world, "share", "bob", weight=8)
    assert world.farm.shares.weight("bob") == 8
    delete(world, "share", "bob")
    assert world.farm.shares.weight("bob") == 1


@pytest.mark.parametrize(("kind", "key"), [("worker", "w9"), ("tag", "x"), ("share", "x")])
def test_what_is_not_there_is_not_deleted(world: World, kind: str, key: str) -> None:
    assert refused(world, "There is no", delete, kind, key) == "not_found"


def test_one_of_many_that_cannot_be_deleted_keeps_all(world: World) -> None:
    create(world, "tag", name="a")
    refused(world, "There is no tag b", delete, "tag", "a", "b")
    assert list(world.farm.tags) == ["a"]


def test_deleting_one_twice_in_a_command_is_deleting_it_once(world: World) -> None:
    create(world, "tag", name="a")
    assert delete(world, "tag", "a", "a") == 1


@pytest.mark.parametrize("kind", ["step", "task", "setting"])
def test_what_no_person_deletes_is_refused(world: World, kind: str) -> None:
    assert refused(world, KINDS[kind].no_delete, delete, kind, "x") == "invalid"


# --- the audit log


def said(world: World) -> AuditEntry:
    assert isinstance(world.rows[-1], AuditEntry)
    return world.rows[-1]


def test_who_changed_what_when_and_from_where_is_kept_with_the_change(world: World) -> None:
    create(world, "tag", name="gpu", note="fast")
    entry = said(world)
    assert entry == AuditEntry(
        id=entry.id, at=world.now.wall, who="ada", door="console", origin="127.0.0.1:4321",
        verb="create", kind="tag", keys=("gpu",), count=1, values={"name": "gpu", "note": "fast"},
    )  # fmt: skip


def test_what_was_set_is_kept_with_the_names_people_know(world: World) -> None:
    one, two = world.join("one"), world.join("two")
    put(world, "worker", one, two, note="x")
    assert (said(world).verb, said(world).keys, said(world).values) == ("set", ("one", "two"), {"note": "x"})
    world.leave(one)
    delete(world, "worker", one)
    assert (said(world).verb, said(world).keys, said(world).count) == ("delete", ("one",), 1)


def test_of_many_objects_the_log_keeps_the_first_hundred_and_their_number(world: World) -> None:
    for n in range(103):
        create(world, "tag", name=f"t{n}")
    put(world, "tag", *(f"t{n}" for n in range(103)), note="x")
    assert (len(said(world).keys), said(world).count) == (100, 103)


@pytest.mark.parametrize(
    ("command", "verb"),
    [
        (c.PauseJob(job=1, by=BY), "pause"),
        (c.ResumeJob(job=1, by=BY), "resume"),
        (c.SetPriority(job=1, priority=3, by=BY), "set"),
        (c.CancelJob(job=1, by=BY), "cancel"),
    ],
)
def test_what_is_done_to_a_job_is_kept(world: World, command: c.Command, verb: str) -> None:
    world.submit()
    world.do(command)
    (entry,) = [row for row in world.rows if isinstance(row, AuditEntry)]
    assert (entry.verb, entry.kind, entry.keys) == (verb, "job", ("1",))


def test_a_submit_and_a_wish_are_kept(world: World) -> None:
    world.submit(by=BY)
    assert [(e.verb, e.keys, e.values["blend"]) for e in entries(world)] == [("submit", ("1",), "/s/a.blend")]
    worker = world.join("north")
    world.do(c.SetWish(workers=(worker,), wish=Wish.DISABLED, now=True, by=BY))
    assert [(e.verb, e.keys, e.values) for e in entries(world)[1:]] == [("disable", ("north",), {"now": True})]


def entries(world: World) -> list[AuditEntry]:
    return [row for row in world.rows if isinstance(row, AuditEntry)]


def test_what_nobody_asked_for_and_what_was_refused_is_not_in_the_log(world: World) -> None:
    job, worker = world.submit("1-2"), world.join()
    world.fail(world.give(worker, job, 0)[0], Kind.BLENDER_CRASHED)
    refused(world, "There is no tag", delete, "tag", "x")
    assert entries(world) == []


def test_the_same_request_again_is_not_another_entry(world: World) -> None:
    world.submit(request_id="same", by=BY)
    world.submit(request_id="same", by=BY)
    assert len(entries(world)) == 1
    assert [type(row) for row in world.rows].count(Job) == 1
    assert Tag not in {type(row) for row in world.rows}
