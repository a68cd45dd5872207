# SPDX-License-Identifier: GPL-3.0-or-later
"""get, set, create, delete, describe, audit, kill, ping, shutdown: what a person types and reads."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from brender.cli.exits import Exit
from brender.cli.main import COMMANDS
from brender.core.kinds import KINDS
from tests.manager.doors import ran, served
from tests.manager.house import House

ROOT = Path(__file__).parents[2]


@pytest_asyncio.fixture
async def farm(tmp_path: Path) -> AsyncIterator[House]:
    """A manager that knows two workers and a job."""
    house = House(tmp_path)
    async with house.running(), served(house):
        await house.submit("1-3", name="shot", tags=("nobody",))
        await house.join("alpha")
        await house.join("beta")
        yield house
    house.close()


async def run(house: House, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    at = words.index("--") if "--" in words else len(words)
    return await asyncio.to_thread(ran, [*words[:at], "--data", str(house.config.data), *words[at:]])


async def test_many_are_a_table_without_empty_columns_and_one_is_a_list(farm: House) -> None:
    code, many, _ = await run(farm, "get", "workers")
    assert code == 0
    assert many.splitlines()[0].split()[:4] == ["NAME", "ID", "WISH", "CONNECTION"]
    assert "NOTE" not in many
    _, one, _ = await run(farm, "get", "worker", "alpha")
    assert re.search(r"^ +connection  online$", one, re.MULTILINE)
    _, some, _ = await run(farm, "get", "worker", "name=b*", "--show", "name,cores")
    assert some.split() == ["NAME", "CORES", "beta", "2"]
    assert (await run(farm, "get", "tags"))[1] == "There are no tags.\n"


async def test_a_page_says_how_the_next_one_is_had(farm: House) -> None:
    code, said, hint = await run(farm, "get", "workers", "--limit", "1")
    assert (code, len(said.splitlines())) == (0, 2)
    assert hint == "1 of 2; --offset 1 shows more.\n"


async def test_what_was_changed_is_counted_and_named(farm: House) -> None:
    assert await run(farm, "set", "worker", "*a", "online", "note=two words") == (
        0,
        "2 workers set: alpha, beta.\n",
        "",
    )
    assert await run(farm, "disable", "alpha") == (0, "1 worker disabled: alpha.\n", "")
    assert await run(farm, "set", "worker", "wish=disabled", "--", "tags=a,b") == (0, "1 worker set: alpha.\n", "")
    assert await run(farm, "create", "tag", "name=gpu") == (0, "1 tag created: gpu.\n", "")
    _, said, _ = await run(farm, "get", "worker", "tags=b", "note=two*", "--show", "name")
    assert said.split() == ["NAME", "alpha"]


async def test_deleting_wants_a_yes_where_nobody_can_be_asked(farm: House) -> None:
    await run(farm, "create", "tag", "name=gpu")
    code, _, complaint = await run(farm, "delete", "tag", "all")
    assert (code, complaint) == (Exit.REFUSED, "Error: 1 tag would be deleted: gpu. Say --yes.\n")
    assert await run(farm, "delete", "tag", "all", "--yes") == (0, "1 tag deleted: gpu.\n", "")
    assert (await run(farm, "delete", "tag", "all"))[0] == Exit.NOT_FOUND


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("set", "worker", "all"), "Nothing to set was given: say ATTR=VALUE."),
        (("set", "worker", "all", "--", "note"), "'note' gives no attribute a value: say attr=value."),
        (("set", "robot", "all", "note=x"), "There is no kind of object called 'robot'"),
        (("create", "tag", "gpu"), "'gpu' gives no attribute a value: say attr=value."),
        (("get", "worker", "--show", "nonsense"), "A worker has no attribute 'nonsense'"),
        (("kill", "alpha", "1/0/0"), "Name workers, or tasks, not both at once."),
    ],
)
async def test_a_wrong_command_line_asks_nobody(farm: House, words: tuple[str, ...], sentence: str) -> None:
    code, _, complaint = await run(farm, *words)
    assert code == Exit.USAGE
    assert sentence in " ".join(complaint.split())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_kind_is_described(farm: House, kind: str) -> None:
    code, said, _ = await run(farm, "describe", kind)
    assert code == 0
    assert said.startswith(f"{kind}: {KINDS[kind].doc}\n")
    assert all(re.search(rf"^{a.name} ", said, re.MULTILINE) for a in KINDS[kind].attributes)


async def test_the_audit_is_shown_and_narrowed(farm: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "Jörg")
    assert (await run(farm, "audit"))[1] == "Nobody has changed anything.\n"
    await run(farm, "disable", "all")
    await run(farm, "set", "setting", "lease_s", "value=90")
    _, said, _ = await run(farm, "audit", "--verb", "disable")
    assert said.splitlines()[1].endswith("Jörg  cli   127.0.0.1  disable worker  alpha, beta")
    _, said, _ = await run(farm, "audit", "--kind", "settings", "--json")
    assert [entry["values"] for entry in json.loads(said)["entries"]] == [{"value": "90"}]


async def test_workers_are_paused_resumed_and_pinged_by_name_and_jobs_by_number(farm: House) -> None:
    """R3: the words of the console."""
    assert await run(farm, "pause", "alpha") == (0, "1 worker paused: alpha.\n", "")
    assert await run(farm, "resume", "name=*a") == (0, "2 workers resumed: alpha, beta.\n", "")
    assert await run(farm, "pause", "1") == (0, "Job 1 (shot) is paused.\n", "")
    code, _, complaint = await run(farm, "ping", "nobody")
    assert (code, complaint) == (Exit.NOT_FOUND, "Error: There is no worker nobody.\n")
    code, _, complaint = await run(farm, "kill", "1/0/0")
    assert (code, complaint) == (Exit.NOT_FOUND, "Error: Nothing of task 1/0/0 goes on now.\n")


async def test_shutdown_ends_the_manager(farm: House) -> None:
    """R18."""
    code, said, _ = await run(farm, "shutdown")
    assert (code, farm.ended) == (0, True)
    assert said.endswith(f"The manager at {farm.url} ends.\n")  # behind the manager's own log


async def test_a_line_over_http_is_answered_as_at_the_console(farm: House) -> None:
    """R10: what the page's command box will use."""
    async with farm.client() as client:
        for line, ok, text in [
            ("clients enabled", True, "alpha  enabled  online\nbeta  enabled  online\n"),
            ("TEST", True, "test>\n"),
            ("disable alpha", True, "alpha\n1 worker disabled.\n"),
            ("disable nobody", False, "There is no worker called nobody.\n"),
            (" ", True, ""),
            ("more", False, "Say `more`, on a connection to the console.\n"),
            ("get tags --json", True, '{"ok":true,"count":0,"data":[]}'),
        ]:
            answer = (await client.post("/api/v1/command", json={"line": line})).json()
            assert (answer["ok"], answer["text"]) == (ok, text), line
    (entry,) = await farm.service.audit()
    assert (entry.verb, entry.door) == ("disable", "http")


# --- completion, documents -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("brender dis", {"disable"}),
        ("brender get work", {"worker"}),
        ("brender get worker off", {"offline"}),
        ("brender set job all prio", {"priority="}),
        ("brender disable idl", {"idle"}),
    ],
)
def test_the_shell_completes_commands_kinds_words_and_attributes(typed: str, expected: set[str]) -> None:
    words = typed.split()
    asked = {"_BRENDER_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", "from brender.cli.main import main; main([])"],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **asked},
    )  # fmt: skip
    assert {line.split(",")[1] for line in done.stdout.splitlines()} == expected


def test_every_command_in_the_document_is_one() -> None:
    text = (ROOT / "docs/objects.md").read_text()
    assert set(re.findall(r"`brender (\w+)", text)) <= set(COMMANDS)
    assert all(f"`{kind}`" in text or kind in text for kind in KINDS)
