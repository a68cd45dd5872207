# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of kinds: what a value may be, and that every attribute of every kind does as it says."""

import re
from typing import Any

import pytest

from brender.core.attributes import Attribute, Kind
from brender.core.kinds import KINDS, StepOf, TaskOf, kind_of, setting_value
from brender.core.nouns import Mapping, Role, Setting, Share, Tag, Token, TokenKind, User
from brender.core.settings import SETTINGS
from tests.farm_builder import World


def attribute(type_: Any, **fields: Any) -> Attribute:
    return Attribute(name="it", type=type_, doc="a test's", read=lambda _farm, _thing: None, **fields)


GOOD: list[tuple[Attribute, object, object]] = [
    (attribute("text"), "Стул", "Стул"),
    (attribute("text"), "", ""),
    (attribute("int"), 7, 7),
    (attribute("int"), " -7 ", -7),
    (attribute("int"), 7.0, 7),
    (attribute("float"), "1.5", 1.5),
    (attribute("float"), 2, 2.0),
    (attribute("bool"), True, True),
    (attribute("bool"), "Yes", True),
    (attribute("bool"), "off", False),
    (attribute("choice", choices=("red", "green")), "RED", "red"),
    (attribute("list"), "a, b,,a c", ("a", "b", "c")),
    (attribute("list"), ["a", "b", "a"], ("a", "b")),
    (attribute("list"), "", ()),
    (attribute("list", spaced=True), "a b, c,,a b", ("a b", "c")),
    (attribute("list", spaced=True), ["a, b"], ("a, b",)),
    (attribute("int", least=1, most=5), 5, 5),
    (attribute("int", least=1, most=5), "1", 1),
]


@pytest.mark.parametrize(("of", "raw", "value"), GOOD)
def test_a_text_or_a_json_value_is_read(of: Attribute, raw: object, value: object) -> None:
    parsed = of.parse(raw)
    assert (parsed, type(parsed)) == (value, type(value))


BAD: list[tuple[Attribute, object, str]] = [
    (attribute("text"), 7, "it is a text, and 7 is none."),
    (attribute("text"), None, "it is a text, and None is none."),
    (attribute("int"), "seven", "it is a whole number, and 'seven' is none."),
    (attribute("int"), 7.5, "it is a whole number, and 7.5 is none."),
    (attribute("int"), True, "it is a whole number, and True is none."),
    (attribute("int"), float("inf"), "it is a whole number, and inf is none."),
    (attribute("int"), "9" * 5000, "it is a whole number, and '9999999999999999999999999999… is none."),
    (attribute("float"), "nan", "it is a number, and 'nan' is none."),
    (attribute("float"), "-inf", "it is a number, and '-inf' is none."),
    (attribute("float"), 10**400, "it is a number, and 10000000000000000000000000000… is none."),
    (attribute("float"), False, "it is a number, and False is none."),
    (attribute("bool"), "maybe", "it is true or false, and 'maybe' is none."),
    (attribute("bool"), 1, "it is true or false, and 1 is none."),
    (attribute("choice", choices=("red", "green")), "blue", "it is one of red, green, and 'blue' is none."),
    (attribute("list"), [1], "it is a list of words with commas between, and [1] is none."),
    (attribute("list", spaced=True), 5, "it is a list of words with commas between, and 5 is none."),
    (attribute("list"), {}, "it is a list of words with commas between, and {} is none."),
    (attribute("int", least=1, most=5), 6, "it: 6 is out of range: it goes from 1 to 5."),
    (attribute("int", least=0), -1, "it: -1 is out of range: it is at least 0."),
    (attribute("float", most=0), 0.5, "it: 0.5 is out of range: it is at most 0."),
    (attribute("text", check=lambda text: "it is bad"), "x", "it: it is bad"),
]


@pytest.mark.parametrize(("of", "raw", "sentence"), BAD)
def test_what_does_not_fit_is_refused_with_a_sentence(of: Attribute, raw: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence) + "$"):
        of.parse(raw)


# --- the registry


@pytest.fixture
def world() -> World:
    """A farm with one of everything."""
    world = World()
    job, worker = world.submit("1-10", owner="ada", tags=("gpu",)), world.join()
    world.start(world.give(worker, job, 3)[0])
    return world


def things(world: World) -> dict[str, Any]:
    (job,), (worker,) = world.farm.jobs.values(), world.farm.workers.values()
    task = world.step(job).task(3)
    return {
        "worker": worker,
        "job": job,
        "step": StepOf(job, 0),
        "task": TaskOf(job, task),
        "tag": Tag(name="gpu"),
        "share": Share(user="ada", weight=2.0),
        "mapping": Mapping(name="show", linux="/mnt/show"),
        "setting": Setting(name="lease_s", value=60.0),
        "user": User(name="ada", role=Role.USER, created_at=1.0),
        "token": Token(
            id="t1", kind=TokenKind.JOIN, secret_hash="", user="ada", created_at=1.0, expires_at=2.0, uses=1
        ),
    }


def test_every_attribute_of_every_kind_is_read_as_its_type_says(world: World) -> None:
    types = {"text": str, "choice": str, "int": int, "float": float | int, "bool": bool, "list": tuple}
    found = things(world)
    assert found.keys() == KINDS.keys()
    for name, kind in KINDS.items():
        shown = kind.show(world.farm, found[name])
        assert list(shown) == [each.name for each in kind.attributes]
        for each in kind.attributes:
            if (name, each.name) not in {("setting", "value"), ("setting", "default")}:  # of the setting's own type
                assert isinstance(shown[each.name], types[each.type]), (name, each.name)


def test_what_is_shown_of_one_is_true(world: World) -> None:
    found = things(world)
    assert KINDS["worker"].show(world.farm, found["worker"]).items() >= {
        "name": "w", "wish": "enabled", "connection": "online", "condition": "busy", "cores": 2,
        "task": f"{found['job'].id}/0/3", "blenders": ("Blender 3.4.1",),
    }.items()  # fmt: skip
    assert KINDS["job"].show(world.farm, found["job"]).items() >= {"frames": "1-10", "tasks": 10, "done": 0}.items()
    assert KINDS["task"].show(world.farm, found["task"]).items() >= {"frame": 4, "state": "running"}.items()
    assert KINDS["tag"].show(world.farm, found["tag"]).items() >= {"workers": 0, "jobs": 1}.items()
    assert KINDS["share"].show(world.farm, found["share"]) == {"user": "ada", "weight": 2.0, "running": 1}


def test_a_writable_attribute_can_be_read_back(world: World) -> None:
    """Whatever can be set is set: the row that comes of it shows the new value."""
    new = {"text": "other", "int": 3, "float": 2.5, "bool": True, "list": ("x", "y")}
    paths = {"linux": "/x", "macos": "/x", "windows": "X:", "mappings": ("x=/x y", "y=Y:\\")}
    for name, kind in KINDS.items():
        for each in kind.attributes:
            if each.writable and (name, each.name) not in {("task", "state"), ("setting", "value")}:
                thing = things(world)[name]
                value = (
                    {"wish": "disabled", "role": "viewer"}[each.name]
                    if each.type == "choice"
                    else paths.get(each.name, new[each.type])
                )
                row = thing.record if name == "worker" else thing
                written = kind.written(row, kind.checked({each.name: value}))
                if name == "worker":
                    thing.record, written = written, thing
                assert each.read(world.farm, written) == value, (name, each.name)


def test_every_kind_and_attribute_has_words_of_its_own() -> None:
    for kind in KINDS.values():
        names = [each.name for each in kind.attributes]
        assert len(set(names)) == len(names)
        assert all(each.doc and each.name == each.name.lower() for each in kind.attributes)
        assert all(bool(each.choices) for each in kind.attributes if each.type == "choice")
        for attribute_name, value in kind.words.values():
            assert value in kind.attribute(attribute_name).choices


def test_an_attribute_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"A tag has no attribute 'colour'; it has name, note, workers, jobs\."):
        kind_of("tag").attribute("colour")


def test_names_of_attributes_and_kinds_may_be_in_any_case() -> None:
    assert kind_of("WORKERS").checked({"Note": "x"}) == {"note": "x"}


@pytest.mark.parametrize("word", ["worker", "Workers", "client", "CLIENTS"])
def test_the_seed_calls_a_worker_a_client(word: str) -> None:
    assert kind_of(word) is KINDS["worker"]


def test_a_kind_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="no kind of object called 'machine'; there are worker, job, step, task, tag"):
        kind_of("machine")


@pytest.mark.parametrize(
    ("kind", "values", "sentence"),
    [
        ("worker", {"id": "x"}, "The attribute id of a worker is read-only."),
        ("worker", {"cores": 4}, "The attribute cores of a worker is read-only."),
        ("share", {"user": "x"}, "The attribute user of a share is read-only."),
        ("job", {"priority": 101}, "priority: 101 is out of range: it goes from 0 to 100."),
        ("job", {"prio": 1}, "A job has no attribute 'prio'"),
        ("worker", {"name": "a b"}, "name: a name has 1 to 100 characters, none of them a space or one of"),
        ("worker", {"name": ""}, "name: a name has 1 to 100 characters"),
        ("worker", {"name": "all"}, "name: `all` means every one there is"),
        ("worker", {"name": "idle"}, "name: `idle` says which workers are meant"),
        ("share", {"weight": 0}, "weight: 0 is out of range: it goes from 0.01 to 1000."),
    ],
)
def test_what_may_not_be_set_is_refused(kind: str, values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        KINDS[kind].checked(values)


def test_what_is_made_needs_what_it_cannot_do_without() -> None:
    kind: Kind = KINDS["share"]
    assert kind.checked({"user": "ada", "weight": "2"}, creating=True) == {"user": "ada", "weight": 2.0}
    with pytest.raises(ValueError, match=r"A new share needs user, weight\."):
        kind.checked({}, creating=True)
    with pytest.raises(ValueError, match="The attribute running of a share is read-only"):
        kind.checked({"user": "ada", "weight": 1, "running": 3}, creating=True)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_default_of_a_setting_is_a_value_it_may_have(name: str) -> None:
    value = setting_value(name).parse(SETTINGS[name].default)
    assert (value, type(value)) == (SETTINGS[name].default, type(SETTINGS[name].default))


@pytest.mark.parametrize(("given", "kept"), [(12, 12.0), ("12.5", 12.5), (12.5, 12.5)])
def test_a_setting_takes_a_value_of_its_own_type_as_text_or_as_json(given: object, kept: object) -> None:
    kind = KINDS["setting"]
    lease = Setting(name="lease_s", value=60.0)
    assert kind.written(lease, kind.checked({"value": given})).value == kept


def test_a_setting_refuses_a_value_out_of_its_range() -> None:
    kind = KINDS["setting"]
    with pytest.raises(ValueError, match=r"lease_s: 1 is out of range: it goes from 5 to 86400\."):
        kind.written(Setting(name="lease_s", value=60.0), kind.checked({"value": "1"}))
