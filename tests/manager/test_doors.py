# SPDX-License-Identifier: GPL-3.0-or-later
"""The same asked through any door does the same, says the same, and is kept in the audit log with its door."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from brender.core import commands as c
from brender.core import messages as m
from brender.core.kinds import KINDS
from brender.core.nouns import Limits, Wish
from tests.farm_builder import host
from tests.manager.doors import DOORS, WITH_VERBS, Door, HttpDoor, Refused, served
from tests.manager.house import House

Asked = Callable[[Door], Awaitable[Any]]


@pytest.fixture(autouse=True)
def _anna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "anna")  # the name that a command has from the operating system


@pytest_asyncio.fixture
async def farm(house: House, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """Workers that are busy, idle and offline, jobs that are live and ended, a failed task, a tag, a share."""
    await house.submit("1-5", name="live", tags=("gpu",))  # job 1
    await house.submit("1-2", name="failing", tags=("bad",), limits=Limits(attempts=1))  # job 2
    ended = await house.submit("1-2", name="ended", tags=("nobody",))  # job 3
    await house.do(c.CancelJob(job=ended.id))
    busy = await house.join("alpha", host=host(tags=("gpu",)))
    await house.report(house.held(busy)[0], m.Started)
    failing = await house.join("beta", host=host(tags=("bad",)))
    await house.report(house.held(failing)[0], m.Started)
    await house.fail(house.held(failing)[0])
    await house.join("gamma")  # idle
    away = await house.join("delta")  # offline
    await house.do(c.WorkerGone(worker=away, connection=house.engine.farm.workers[away].connection or ""))
    await house.do(c.CreateObject(kind="tag", values={"name": "gpu", "note": "has a card"}))
    await house.do(c.CreateObject(kind="tag", values={"name": "spare"}))
    await house.do(c.CreateObject(kind="share", values={"user": "berta", "weight": 2.0}))
    house.effects.clear()
    call = getattr(request.node, "callspec", None)
    async with served(house, api=call is None or call.params.get("door") == "cli"):  # the others need no port of it
        yield house


async def state(house: House) -> dict[str, Any]:
    """Every object of every kind, with all its attributes."""
    found = {kind: (await house.service.show(kind, ["all"]))[0] for kind in KINDS if kind != "task"}
    found["task"] = (await house.service.show("task", ["job=1"]))[0] + (await house.service.show("task", ["job=2"]))[0]
    return found


async def audited(house: House) -> list[dict[str, Any]]:
    """The audit log, the newest first, but for what tells one asking from another."""
    own = ("id", "at", "who", "door", "origin")
    return [
        {name: value for name, value in msgspec.structs.asdict(entry).items() if name not in own}
        for entry in await house.service.audit()
    ]


# --- the same change -------------------------------------------------------------------------------------------------

CHANGES: dict[str, Asked] = {
    "disable the busy one": lambda d: d.wish("disable", ["alpha"]),
    "disable by a word": lambda d: d.wish("disable", ["offline"]),
    "disable now": lambda d: d.wish("disable", ["name=alpha"], now=True),
    "drain a glob": lambda d: d.wish("drain", ["*l*"]),
    "disable ALL": lambda d: d.wish("disable", ["ALL"]),
    "enable by comparison": lambda d: d.wish("enable", ["cores>=2"]),
    "set many": lambda d: d.set("worker", ["IDLE", "name=*a"], {"tags": ["a", "b"], "note": "two words"}),
    "set the wish": lambda d: d.set("worker", ["all"], {"wish": "disabled"}),
    "rename": lambda d: d.set("client", ["gamma"], {"name": "other"}),
    "set a job": lambda d: d.set("job", ["1", "2"], {"priority": 80, "owner": "berta", "max_run_s": 60.5}),
    "set a step": lambda d: d.set("step", ["job=1"], {"batch": 3}),
    "set a task": lambda d: d.set("task", ["job=2", "state=failed"], {"state": "ready"}),
    "set a tag": lambda d: d.set("tags", ["gpu"], {"note": ""}),
    "set a share": lambda d: d.set("share", ["berta"], {"weight": 0.5}),
    "set a setting": lambda d: d.set("setting", ["enable_on_connect"], {"value": True}),
    "create a worker": lambda d: d.create("worker", {"name": "soon", "tags": ["gpu"], "wish": "disabled"}),
    "create a tag": lambda d: d.create("tag", {"name": "fast"}),
    "create a share": lambda d: d.create("share", {"user": "carl", "weight": 3}),
    "delete a worker": lambda d: d.delete("worker", ["delta"]),
    "delete a job": lambda d: d.delete("job", ["state=cancelled"]),
    "delete a tag": lambda d: d.delete("tag", ["sp*"]),
    "delete a share": lambda d: d.delete("share", ["all"]),
}

WHO = {"console": "console", "json": "console"}  # whoever can reach its port


def _apart(change: str, door: str) -> str:
    """A JSON line has no verbs but those of attributes: its `disable` is an update of the wish, and kept as one."""
    return door if door == "json" and change.startswith(("disable", "drain", "enable")) else ""


_seen: dict[str, tuple[Any, ...]] = {}  # what a change did through the first door it was tried through


@pytest.mark.parametrize(
    ("change", "door"), [(c, d) for c in CHANGES for d in DOORS if (c, d) != ("disable now", "json")]
)
async def test_a_change_is_the_same_through_every_door(farm: House, change: str, door: str) -> None:
    """R6, R7: the same names, the same state, the same orders to workers, the same audit but for the door."""
    before = await state(farm)
    names = await CHANGES[change](DOORS[door](farm))
    done = (names, await state(farm), farm.effects, await audited(farm))
    assert names
    assert done[1] != before or change in ("enable by comparison", "delete a job")
    assert [(e.door, e.who) for e in await farm.service.audit()] == [(door, WHO.get(door, "anna"))]
    assert done == _seen.setdefault(change + _apart(change, door), done)
    await farm.restart()
    assert await kept(farm) == _kept(done[1])


async def kept(house: House) -> dict[str, Any]:
    return _kept(await state(house))


def _kept(found: dict[str, Any]) -> dict[str, Any]:
    """A state without what is memory alone: who is connected."""
    return {k: [{n: v for n, v in row.items() if n != "connection"} for row in rows] for k, rows in found.items()}


@pytest.mark.parametrize("door", WITH_VERBS)
@pytest.mark.parametrize(
    ("action", "now", "wish", "orders"),
    [
        ("enable", False, Wish.ENABLED, []),
        ("drain", False, Wish.DRAINING, []),
        ("disable", False, Wish.DISABLED, ["recall 1"]),
        ("disable", True, Wish.DISABLED, ["stop 2"]),
    ],
)
async def test_what_a_busy_worker_is_told_is_that_of_the_wish(
    farm: House, door: str, action: str, now: bool, wish: Wish, orders: list[str]
) -> None:
    """R6: disabled, it finishes what it renders and gives back what is queued; `now`, all; drained, nothing."""
    asked: Door = DOORS[door](farm)
    for _ in range(2):  # said twice, it is as if said once
        assert await asked.wish(action, ["name=alpha"], now) == ["alpha"]
        worker = next(w for w in farm.engine.farm.workers.values() if w.record.name == "alpha")
        assert worker.record.wish is wish
    told = [f"recall {len(r.runs)}" for r in farm.told(m.Recall)] + [f"stop {len(s.runs)}" for s in farm.told(m.Stop)]
    assert list(dict.fromkeys(told)) == orders
    others = {w.record.name: w.record.wish for w in farm.engine.farm.workers.values() if w is not worker}
    assert set(others.values()) == {Wish.ENABLED}


@pytest.mark.parametrize("door", WITH_VERBS)
async def test_without_a_selection_nobody_is_disabled_and_the_old_sentence_is_said(farm: House, door: str) -> None:
    """R21."""
    before = await state(farm)
    with pytest.raises(Refused) as refused:
        await DOORS[door](farm).wish("disable", [])
    assert "[Warning] No client selected. Specify a client name or use the 'ALL' argument." in str(refused.value)
    assert await state(farm) == before
    assert await audited(farm) == []


# --- reading ---------------------------------------------------------------------------------------------------------

READS: dict[str, tuple[str, list[str], list[Any]]] = {
    "all workers": ("worker", ["all"], ["alpha", "beta", "delta", "gamma"]),
    "by a word": ("clients", ["offline"], ["delta"]),
    "by names": ("worker", ["gamma", "ALPHA"], ["alpha", "gamma"]),
    "by a glob": ("worker", ["*l*"], ["alpha", "delta"]),
    "narrowed": ("worker", ["*", "busy", "online", "name!=beta"], ["alpha"]),
    "by a number": ("worker", ["cores<2"], []),
    "jobs": ("job", ["all"], [3, 2, 1]),
    "jobs without a filter": ("job", ["priority>=0", "state!=cancelled"], [2, 1]),
    "live jobs": ("jobs", ["state=active"], [2, 1]),
    "steps": ("step", ["job=1"], ["1/0"]),
    "tasks": ("task", ["job=2", "failed"], ["2/0/0"]),
    "tags": ("tag", [], ["gpu", "spare"]),
    "shares": ("share", ["weight>1"], ["berta"]),
    "settings": ("setting", ["legacy*"], ["legacy_clients"]),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("read", READS)
async def test_what_is_read_is_the_same_through_every_door(farm: House, read: str, door: str) -> None:
    """R7, R19."""
    kind, filters, expected = READS[read]
    rows = await DOORS[door](farm).get(kind, filters)
    key = farm.service.describe(kind).key.name
    assert [row[key] for row in rows] == expected
    names = [attribute.name for attribute in farm.service.describe(kind).attributes]
    assert all(list(row) == names for row in rows)
    assert rows == await DOORS["service"](farm).get(kind, filters)


# --- what cannot be --------------------------------------------------------------------------------------------------

# per kind: a filter that means one, and what is wrong: (attribute and value, words of the sentence)
WRONG_SETS: dict[str, tuple[list[str], dict[str, tuple[dict[str, Any], str]]]] = {
    "worker": (
        ["all"],
        {
            "type": ({"wish": "maybe"}, "wish is one of enabled, draining, disabled, and 'maybe' is none"),
            "range": ({"name": "a*b"}, "name: a name has 1 to 100 characters"),
            "read-only": ({"cores": 5}, "The attribute cores of a worker is read-only."),
            "all one name": ({"name": "same"}, "4 workers cannot all be called same."),
        },
    ),
    "job": (
        ["1"],
        {
            "type": ({"priority": "high"}, "priority is a whole number, and 'high' is none"),
            "range": ({"priority": 101}, "priority: 101 is out of range: it goes from 0 to 100."),
            "read-only": ({"state": "paused"}, "The attribute state of a job is read-only."),
        },
    ),
    "step": (
        ["job=1"],
        {
            "type": ({"batch": "many"}, "batch is a whole number, and 'many' is none"),
            "range": ({"batch": -1}, "batch: -1 is out of range: it goes from 0 to 10000."),
            "read-only": ({"tasks": 5}, "The attribute tasks of a step is read-only."),
        },
    ),
    "task": (
        ["job=2"],
        {
            "type": ({"state": "purple"}, "state is one of ready, waiting"),
            "range": ({"state": "running"}, "A task's state can be set to ready alone"),
            "read-only": ({"frame": 5}, "The attribute frame of a task is read-only."),
            "not failed": ({"state": "ready"}, "only a failed one can be made ready again"),
        },
    ),
    "tag": (
        ["gpu"],
        {
            "read-only": ({"workers": 5}, "The attribute workers of a tag is read-only."),
            "not at all": ({"name": "cpu"}, "The attribute name of a tag is read-only."),
        },
    ),
    "share": (
        ["all"],
        {
            "type": ({"weight": "heavy"}, "weight is a number, and 'heavy' is none"),
            "range": ({"weight": 0}, "weight: 0 is out of range: it goes from 0.01 to 1000."),
            "read-only": ({"running": 5}, "The attribute running of a share is read-only."),
        },
    ),
    "setting": (
        ["lease_s"],
        {
            "type": ({"value": "soon"}, "lease_s is a number, and 'soon' is none"),
            "range": ({"value": 1}, "lease_s: 1 is out of range: it goes from 5 to 86400."),
            "read-only": ({"default": 5}, "The attribute default of a setting is read-only."),
        },
    ),
}
NO_MATCH: dict[str, tuple[list[str], str]] = {
    "worker": (["nobody"], "There is no worker called nobody."),
    "job": (["99"], "There is no job called 99."),
    "step": (["job=1", "batch>5"], "No step fits the filter"),
    "task": (["job=1", "state=skipped"], "No task fits the filter"),
    "tag": (["x*"], "No tag fits the filter"),
    "share": (["nobody"], "There is no share called nobody."),
    "setting": (["nothing"], "There is no setting called nothing."),
}
GOOD: dict[str, dict[str, Any]] = {
    "worker": {"note": "x"}, "job": {"priority": 1}, "step": {"batch": 1}, "task": {"state": "ready"},
    "tag": {"note": "x"}, "share": {"weight": 1}, "setting": {"value": "60"},
}  # fmt: skip
WRONG_CREATES: list[tuple[str, dict[str, Any], str]] = [
    ("worker", {"nonsense": 1}, "A worker has no attribute 'nonsense'; it has name, id"),
    ("worker", {"note": "x"}, "A new worker needs name."),
    ("worker", {"name": "gamma"}, "There is a worker gamma already."),
    ("worker", {"name": "idle"}, "name: `idle` says which workers are meant"),
    ("worker", {"name": "a b"}, "name: a name has 1 to 100 characters"),
    ("worker", {"name": "w", "id": "7"}, "The attribute id of a worker is read-only."),
    ("job", {"nonsense": 1}, "A job has no attribute 'nonsense'"),
    ("job", {"name": "x"}, "A new job needs blend."),
    ("job", {"blend": "/nowhere/a.blend"}, "/nowhere/a.blend"),
    ("job", {"blend": "/nowhere/a.blend", "priority": "high"}, "priority is a whole number, and 'high' is none"),
    ("step", {"name": "x"}, "A step is made with its job: submit the job."),
    ("task", {"frame": "1"}, "A task is a frame of a job: submit a job."),
    ("tag", {}, "A new tag needs name."),
    ("tag", {"name": "gpu"}, "There is a tag gpu already."),
    ("share", {"user": "x"}, "A new share needs weight."),
    ("share", {"user": "x", "weight": 2000}, "weight: 2000 is out of range: it goes from 0.01 to 1000."),
    ("share", {"user": "berta", "weight": 1}, "There is a share of berta already: set its weight."),
    ("setting", {"name": "x"}, "The settings there are cannot be added to: set one of them."),
]
WRONG_DELETES: list[tuple[str, list[str], str]] = [
    ("worker", ["all"], "Worker alpha is online: stop it before you delete it."),
    ("worker", ["nobody"], "There is no worker called nobody."),
    ("job", ["all"], "is unfinished: cancel it before you delete it."),
    ("step", ["job=1"], "A step ends with its job: cancel or delete the job."),
    ("task", ["job=1"], "A task ends with its job: cancel or delete the job."),
    ("tag", ["spare", "none"], "There is no tag called none."),
    ("tag", ["all"], "The tag gpu is in use by job 1."),
    ("share", ["weight>5"], "No share fits the filter"),
    ("setting", ["all"], "A setting cannot be deleted: set it to its default."),
]
WRONG_FILTERS: list[tuple[str, list[str], str]] = [
    ("robot", ["all"], "There is no kind of object called 'robot'; there are worker, job, step"),
    ("worker", ["nonsense=1"], "A worker has no attribute 'nonsense'"),
    ("worker", ["cores>=many"], "cores is a whole number, and 'many' is none"),
    ("worker", ["name>5"], "name is not a number: it can be compared with = and != alone, not >."),
    ("worker", ["wish=maybe"], "wish is one of enabled, draining, disabled, and 'maybe' is none"),
    ("task", ["state=ready"], "Say of which job, such as job=5"),
]


Wrong = tuple[str, tuple[Any, ...], str]  # the verb, what it is given, and the sentence


def wrong_sets(kind: str) -> Iterator[Wrong]:
    meant, wrong = WRONG_SETS[kind]
    yield "set", (kind, meant, {"nonsense": "1"}), f"A {kind} has no attribute 'nonsense'; it has "
    for values, sentence in wrong.values():
        yield "set", (kind, meant, values), sentence
    filters, sentence = NO_MATCH[kind]
    yield "set", (kind, filters, GOOD[kind]), sentence


def wrongs(kind: str) -> Iterator[Wrong]:
    """Everything of the tables about a kind."""
    if kind in WRONG_SETS:
        yield from wrong_sets(kind)
    yield from (("create", (k, values), sentence) for k, values, sentence in WRONG_CREATES if k == kind)
    yield from (("delete", (k, filters), sentence) for k, filters, sentence in WRONG_DELETES if k == kind)
    yield from (("get", (k, filters), sentence) for k, filters, sentence in WRONG_FILTERS if k == kind)
    if kind == "worker":
        yield "delete", ("worker", ["nonsense=1"]), "A worker has no attribute 'nonsense'"
        yield "wish", ("disable", ["nobody", "gamma"]), "There is no worker called nobody."


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", [*KINDS, "robot"])
async def test_what_cannot_be_is_a_sentence_and_changes_nothing(farm: House, kind: str, door: str) -> None:
    """R7: each kind, each door; wrong name, wrong type, out of range, read-only, no match."""
    before, asked = await state(farm), DOORS[door](farm)
    for verb, given, sentence in wrongs(kind):
        with pytest.raises(Refused) as refused:
            pytest.fail(f"{verb} {given} was done: {await getattr(asked, verb)(*given)}")
        assert sentence in str(refused.value), (verb, given)
        assert await state(farm) == before, (verb, given)
    assert await audited(farm) == []
    assert farm.effects == []


async def test_the_audit_says_who_when_and_from_where(farm: House) -> None:
    """R6."""
    await DOORS["http"](farm).wish("disable", ["gamma"])
    await DOORS["cli"](farm).set("worker", ["gamma"], {"note": "x"})
    newest, oldest = await farm.service.audit()
    assert (oldest.who, oldest.door, oldest.origin) == ("anna", "http", "127.0.0.1")
    assert (oldest.verb, oldest.kind, oldest.keys, oldest.count) == ("disable", "worker", ("gamma",), 1)
    assert (newest.who, newest.door, newest.origin) == ("anna", "cli", "127.0.0.1")
    assert (newest.verb, newest.values) == ("set", {"note": "x"})
    assert newest.at == farm.now().wall


@pytest.mark.parametrize(
    ("header", "who"),
    [
        (None, "unknown"),
        ("J%C3%B6rg", "Jörg"),
        ("a%0Ab%1B[31m", "ab[31m"),
        ("x" * 500, "x" * 64),
        ("%20%20", "unknown"),
    ],
)
async def test_a_name_from_outside_is_bounded_and_clean(farm: House, header: str | None, who: str) -> None:
    headers = {"X-Brender-User": header, "X-Brender-Door": "CLI"} if header else {"X-Brender-Door": "palace"}
    async with farm.client(**headers) as client:
        await client.post("/api/v1/workers/disable", json={"filters": ["all"]})
    (entry,) = await farm.service.audit()
    assert (entry.who, entry.door) == (who, "cli" if header else "http")


async def test_the_audit_pages_and_narrows_over_http(farm: House) -> None:
    for n in range(5):
        await DOORS["cli" if n % 2 else "http"](farm).set("tag", ["gpu"], {"note": f"{n}"})
        farm.mono += 1
    async with farm.client() as client:
        first = (await client.get("/api/v1/audit?limit=3")).json()
        rest = (await client.get(f"/api/v1/audit?limit=3&before={first['before']}")).json()
        by_door = (await client.get("/api/v1/audit?door=cli&who=anna&kind=tags&verb=set")).json()
        none = (await client.get("/api/v1/audit?who=berta")).json()
        wrong = await client.get("/api/v1/audit?kind=robot")
    assert [entry["values"]["note"] for entry in first["entries"] + rest["entries"]] == ["4", "3", "2", "1", "0"]
    assert rest["before"] is None
    assert [entry["values"]["note"] for entry in by_door["entries"]] == ["3", "1"]
    assert (none["count"], none["entries"]) == (0, [])
    assert wrong.status_code == 422


async def test_a_page_of_objects_says_how_many_there_are(farm: House) -> None:
    async with farm.client() as client:
        page = (await client.get("/api/v1/objects/workers?filter=all&limit=2&offset=1")).json()
    assert (page["ok"], page["count"], page["total"]) == (True, 2, 4)
    assert [row["name"] for row in page["data"]] == ["beta", "delta"]


async def test_a_filter_may_be_an_object(farm: House) -> None:
    async with farm.client() as client:
        asked = {"filters": {"connection": "online", "cores": ">=2", "name": "*a"}, "values": {"note": "x"}}
        done = (await client.patch("/api/v1/objects/worker", json=asked)).json()
    assert done == {"ok": True, "count": 3, "names": ["alpha", "beta", "gamma"]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/objects/worker", {"values": {"note": "x"}}),
        ("PATCH", "/objects/worker", {"filters": "all", "values": {"note": "x"}}),
        ("PATCH", "/objects/worker", {"filters": ["all"], "value": {"note": "x"}}),
        ("DELETE", "/objects/worker", None),
        ("POST", "/objects/tag", {"name": "x"}),
        ("POST", "/workers/disable", {"now": True}),
        ("POST", "/workers/disable", {"filters": ["all"], "now": "yes"}),
        ("GET", "/objects/worker?limit=0", None),
    ],
)
async def test_a_body_of_another_shape_is_refused_with_the_place(
    farm: House, method: str, path: str, body: Any
) -> None:
    before = await state(farm)
    async with farm.client() as client:
        answer = await client.request(method, f"/api/v1{path}", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"]
    assert await state(farm) == before


@pytest.mark.parametrize("kind", KINDS)
async def test_a_kind_is_described_from_the_registry(farm: House, kind: str) -> None:
    async with farm.client() as client:
        said = (await client.get(f"/api/v1/objects/{kind}/describe")).json()
        document = (await client.get("/api/v1/openapi.json")).json()
    known = KINDS[kind]
    assert [a["name"] for a in said["attributes"]] == [a.name for a in known.attributes]
    assert [a["writable"] for a in said["attributes"]] == [a.writable for a in known.attributes]
    schema = document["components"]["schemas"][f"{kind.capitalize()}Object"]
    assert list(schema["properties"]) == [a.name for a in known.attributes]
    assert {n for n, p in schema["properties"].items() if p.get("readOnly")} == {
        a.name for a in known.attributes if not (a.writable or a.at_create)
    }


async def test_a_change_over_many_is_one_transaction(farm: House) -> None:
    """R7: a save that fails changes none of them."""
    before = await state(farm)

    def refuse(rows: Any) -> None:
        raise OSError("the disk is full")

    farm.store.refuse = refuse
    async with farm.client() as client:
        asked = {"filters": ["all"], "values": {"note": "x"}}
        answer = await client.patch("/api/v1/objects/worker", json=asked)
    farm.store.refuse = None
    assert answer.status_code == 500
    assert await state(farm) == before
    assert await HttpDoor(farm).set("worker", ["all"], {"note": "x"}) == ["alpha", "beta", "delta", "gamma"]
