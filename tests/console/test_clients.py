# SPDX-License-Identifier: GPL-3.0-or-later
"""R19 to R22: clients, enable, disable and their filters, and the two words of 2013."""

import pytest

from brender.core.commands import By
from brender.core.nouns import Wish
from brender.core.rights import LOCAL
from tests.console.conftest import GREETED, PROMPT, Place

ALL = ["alpha", "bravo", "charlie", "Delta", "farm1", "farm2"]

FILTERS: list[tuple[str, list[str]]] = [
    ("", ALL),
    ("all", ALL),
    ("ALL", ALL),
    ("enabled", ["alpha", "bravo", "farm1", "farm2"]),
    ("disabled", ["charlie", "Delta"]),
    ("online", ["alpha", "bravo"]),
    ("OFFLINE", ["charlie", "Delta", "farm1", "farm2"]),
    ("idle", ["bravo", "charlie", "Delta", "farm1", "farm2"]),
    ("busy", ["alpha"]),
    ("online idle", ["bravo"]),
    ("alpha", ["alpha"]),
    ("ALPHA delta", ["alpha", "Delta"]),
    ("farm*", ["farm1", "farm2"]),
    ("farm? alpha", ["alpha", "farm1", "farm2"]),
    ("[ab]* idle", ["bravo"]),
    ("tags=gpu", ["charlie", "Delta"]),
    ("note=old name=c*", ["charlie"]),
    ("wish!=enabled", ["charlie", "Delta"]),
    ("cores>=8", ["bravo"]),
    ("cores>0 cores<8", ["alpha"]),
    ("cores=0 enabled", ["farm1", "farm2"]),
    ("task=1/0/0", ["alpha"]),
    ("disabled online", []),
    ("zulu*", []),
]

LINES = [
    "alpha  enabled  online  1/0/0",
    "bravo  enabled  online",
    "charlie  disabled  offline",
    "Delta  disabled  offline",
    "farm1  enabled  offline",
    "farm2  enabled  offline",
]


WISHES = {"enable": Wish.ENABLED, "disable": Wish.DISABLED, "drain": Wish.DRAINING}
DISABLED = ["charlie", "Delta"]


def ordered(found: list[str]) -> list[str]:
    return sorted(found, key=str.lower)


def names(answer: str) -> list[str]:
    return [line.split("  ")[0] for line in answer.splitlines()]


@pytest.mark.parametrize("verb", ["clients", "WORKERS"])
async def test_a_filter_names_its_clients(farm: Place, verb: str) -> None:
    """R19."""
    talk = await farm.talk()
    found = {filters: ordered(names(await talk.ask(f"{verb} {filters}"))) for filters, _ in FILTERS}
    assert found == dict(FILTERS)


async def test_a_client_is_one_line_with_its_status_connection_and_task(farm: Place) -> None:
    """R19: and then the prompt."""
    talk = await farm.talk()
    assert sorted((await talk.ask("clients")).splitlines(), key=str.lower) == LINES


WRONG = (
    ("zulu", "There is no worker called zulu."),
    ("alpha zulu yankee", "There is no worker called yankee, zulu."),
    ("colour=red", "A worker has no attribute 'colour'"),
    ("wish=maybe", "wish is one of enabled, draining, disabled, and 'maybe' is none."),
    ("cores>many", "cores is a whole number, and 'many' is none."),
    ("name>a", "name is not a number: it can be compared with = and != alone, not >."),
)


async def test_a_wrong_filter_is_told_and_nothing_is_changed(farm: Place) -> None:
    talk = await farm.talk()
    before = await talk.ask("clients")
    for verb in ("clients", "enable", "disable", "drain"):
        for filters, sentence in WRONG:
            assert (await talk.ask(f"{verb} {filters}")).startswith(sentence)
    assert await talk.ask("clients") == before


CHANGES = [(f, found) for f, found in FILTERS if f and found]


@pytest.mark.parametrize("verb", WISHES)
async def test_every_match_is_changed_and_named_and_counted(farm: Place, verb: str) -> None:
    """R20, R21; of old only the first match was changed, even for ALL."""
    talk = await farm.talk()
    workers = farm.house.engine.farm.workers.values()
    for filters, expected in CHANGES:
        await set_wishes(farm, DISABLED)
        *named, count = (await talk.ask(f"{verb} {filters}")).splitlines()
        assert ordered(named) == expected, filters
        assert count.startswith(f"{len(expected)} worker"), filters
        before = {name: Wish.DISABLED if name in DISABLED else Wish.ENABLED for name in ALL}
        assert {w.record.name: w.record.wish for w in workers} == before | dict.fromkeys(expected, WISHES[verb])


async def set_wishes(farm: Place, disabled: list[str]) -> None:
    by = By(who="test", door="console", principal=LOCAL)
    await farm.house.service.wish(by, ["all"], Wish.ENABLED)
    await farm.house.service.wish(by, disabled, Wish.DISABLED)


async def test_enabling_twice_is_enabling_once(farm: Place) -> None:
    """R20."""
    talk = await farm.talk()
    assert await talk.ask("enable ALL") == await talk.ask("enable ALL")


@pytest.mark.parametrize("line", ["disable", "DISABLE ", "disable now"])
async def test_disable_without_a_selection_gives_the_old_sentence(farm: Place, line: str) -> None:
    """R21, exactly."""
    said = await farm.say(line.encode() + b"\n")
    sentence = b"[Warning] No client selected. Specify a client name or use the 'ALL' argument.\n"
    assert said == GREETED.replace(b"\r\n", b"\n") + sentence + PROMPT


async def test_a_filter_that_nobody_fits_is_told(farm: Place) -> None:
    talk = await farm.talk()
    assert await talk.ask("disable busy disabled") == "No worker fits the filter; nothing was changed.\n"


async def test_an_enabled_client_stays_so_when_the_manager_comes_back(farm: Place) -> None:
    """Of old the state was saved at shutdown alone."""
    talk = await farm.talk()
    await talk.ask("disable ALL")
    await talk.ask("enable charlie")
    saved = {w.name: w.wish for w in farm.house.store.load_farm().workers}
    assert saved == dict.fromkeys(ALL, Wish.DISABLED) | {"charlie": Wish.ENABLED}


async def test_test_answers_as_of_old(console: Place) -> None:
    """R22."""
    talk = await console.talk()
    assert await talk.ask("test") == "test>\n"


async def test_quit_closes(console: Place) -> None:
    """R22."""
    talk = await console.talk()
    await talk.send(b"QUIT\r\n")
    assert await talk.all() == b""
