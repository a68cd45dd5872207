# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters choose: names widen, conditions narrow, and what cannot be meant is refused with a sentence."""

import pytest

from brender.core import commands as c
from brender.core.filters import matcher, parse, parse_values, unmatched
from brender.core.kinds import KINDS
from brender.core.messages import Host
from brender.core.rules.objects import setting_rows
from tests.farm_builder import Wish, World, host

WORKER = KINDS["worker"]


def machine(cores: int, *tags: str) -> Host:
    return Host(hostname=f"pc{cores}", system="Linux", cores=cores, memory_mb=8000, tags=tags)


@pytest.fixture
def world() -> World:
    """Four workers: farm1 and farm2 are there, farm2 busy; Desk has left; lab[1] is disabled."""
    world = World()
    world.join("farm1", host=machine(4))
    busy = world.join("farm2", host=host())
    world.leave(world.join("Desk", host=machine(8)))
    off = world.join("lab-1", host=machine(16))
    world.do(c.SetWish(workers=(off,), wish=Wish.DISABLED))
    world.do(c.SetAttributes(kind="worker", keys=(off,), values={"tags": ("gpu", "big"), "note": "a b"}))
    world.start(world.give(busy, world.submit(), 0)[0])
    return world


def chosen(world: World, *words: str) -> list[str]:
    fits = matcher(WORKER, parse(WORKER, words), world.farm)
    return [worker.record.name for worker in world.farm.workers.values() if fits(worker)]


ALL = ["farm1", "farm2", "Desk", "lab-1"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("", ALL),
        ("all", ALL),
        ("ALL", ALL),
        ("farm1", ["farm1"]),
        ("FARM1 desk", ["farm1", "Desk"]),
        ("farm*", ["farm1", "farm2"]),
        ("*1", ["farm1", "lab-1"]),
        ("farm[2-9]", ["farm2"]),
        ("farm?", ["farm1", "farm2"]),
        ("nothing", []),
        ("idle", ["farm1", "Desk", "lab-1"]),
        ("busy", ["farm2"]),
        ("offline", ["Desk"]),
        ("Disabled", ["lab-1"]),
        ("farm* idle", ["farm1"]),
        ("idle online enabled", ["farm1"]),
        ("all cores>=8", ["Desk", "lab-1"]),
        ("cores>4 cores<16", ["Desk"]),
        ("cores=4", ["farm1"]),
        ("cores!=4", ["farm2", "Desk", "lab-1"]),
        ("cores<=4", ["farm1", "farm2"]),
        ("CORES>8", ["lab-1"]),
        ("wish=disabled", ["lab-1"]),
        ("wish=dis*", ["lab-1"]),
        ("wish!=enabled", ["lab-1"]),
        ("tags=gpu", ["lab-1"]),
        ("tags=g*", ["lab-1"]),
        ("tags=", ["farm1", "farm2", "Desk"]),
        ("tags!=gpu", ["farm1", "farm2", "Desk"]),
        ("blenders=*3.4*", ["farm2"]),
        ("legacy=no", ALL),
        ("legacy=true", []),
        ("name=DESK", ["Desk"]),
        ("note=", ["farm1", "farm2", "Desk"]),
        ("cores=99999999999999999999", []),
    ],
)
def test_names_widen_and_conditions_narrow(world: World, words: str, names: list[str]) -> None:
    assert chosen(world, *words.split()) == names


def test_a_value_may_hold_spaces_and_operators(world: World) -> None:
    assert chosen(world, "note=a b") == ["lab-1"]
    assert chosen(world, "note=a<=b") == []


def test_a_worker_is_known_by_its_id_too(world: World) -> None:
    id_ = world.farm.by_name["Desk"]
    assert chosen(world, id_) == ["Desk"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("speed=4", "A worker has no attribute 'speed'; it has name, id, wish,"),
        ("cores=many", "cores is a whole number, and 'many' is none."),
        ("cores>", "cores is a whole number, and '' is none."),
        ("name>=f", "name is not a number: it can be compared with = and != alone, not >=."),
        ("wish=maybe", "wish is one of enabled, draining, disabled, and 'maybe' is none."),
        ("legacy=perhaps", "legacy is true or false, and 'perhaps' is none."),
    ],
)
def test_what_cannot_be_meant_is_refused(word: str, sentence: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 the sentence is what is compared
        parse(WORKER, [word])
    assert str(raised.value).startswith(sentence)


def test_nothing_selected_is_told_from_all() -> None:
    assert not parse(WORKER, []).given
    assert parse(WORKER, ["all"]).given
    assert parse_values(WORKER, {}).given


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, ALL),
        ({"name": "farm*"}, ["farm1", "farm2"]),
        ({"cores": 4}, ["farm1"]),
        ({"cores": ">=8", "wish": "enabled"}, ["Desk"]),
        ({"cores": "!=4", "name": "farm*"}, ["farm2"]),
        ({"legacy": False, "tags": "big"}, ["lab-1"]),
        ({"tags": ["gpu"]}, ["lab-1"]),
        ({"tags": ["gpu", "big"]}, ["lab-1"]),
        ({"tags": []}, ["farm1", "farm2", "Desk"]),
        ({"name": ["farm1", "Desk"]}, ["farm1", "Desk"]),
    ],
)
def test_a_json_object_is_a_filter(world: World, values: dict[str, object], names: list[str]) -> None:
    fits = matcher(WORKER, parse_values(WORKER, values), world.farm)
    assert [worker.record.name for worker in world.farm.workers.values() if fits(worker)] == names


@pytest.mark.parametrize("values", [{"name": None}, {"name": {"a": 1}}, {"cores": [1, None]}])
def test_a_json_value_that_is_none_of_its_type_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is none\.$"):
        parse_values(WORKER, values)


def test_a_json_name_is_a_name_and_never_a_word_of_the_filters() -> None:
    with pytest.raises(ValueError, match="A worker has no attribute 'a<b'"):
        parse_values(WORKER, {"a<b": "c"})


def test_names_that_nothing_has_are_found_out(world: World) -> None:
    things = list(world.farm.workers.values())
    found = parse(WORKER, ["desk", "dsek", "farm*", "zz*", "idle", things[0].record.id])
    assert unmatched(WORKER, found, world.farm, things) == ["dsek"]


def test_a_settings_value_is_compared_as_a_person_writes_it(world: World) -> None:
    kind = KINDS["setting"]
    rows = setting_rows(world.farm)
    for word, name in (("value=false", "enable_on_connect"), ("value=60", "lease_s"), ("default=60", "share_floor_s")):
        fits = matcher(kind, parse(kind, [word]), world.farm)
        assert name in [row.name for row in rows.values() if fits(row)]
