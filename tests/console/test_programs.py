# SPDX-License-Identifier: GPL-3.0-or-later
"""R4, R5: the real programs of others: netcat, telnet, PHP and a shell, against a console on a real socket."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from brender.core.nouns import Wish
from tests.console.conftest import GREETED, WITHIN_S, Place

ROOT = Path(__file__).resolve().parents[2]


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on the PATH; `make setup` as root installs it")
    return found


async def run(place: Place, *command: str | Path, sent: bytes = b"") -> tuple[int, str, str]:
    """Run a program to its end; how it ended, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "BRENDER_CONSOLE": f"127.0.0.1:{place.port}"},
    )
    async with asyncio.timeout(WITHIN_S):
        out, errors = await process.communicate(sent)
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


def wishes(place: Place) -> dict[str, Wish]:
    return {w.record.name: w.record.wish for w in place.house.engine.farm.workers.values()}


# --- netcat ------------------------------------------------------------------------------------------------------


async def test_netcat_gets_its_answers_and_an_end(farm: Place) -> None:
    """R4: never a wait for a key, however long the answer."""
    nc = program("nc")
    code, out, _ = await run(farm, nc, "-N", "127.0.0.1", str(farm.port), sent=b"clients online\ndisable farm*\n")
    assert code == 0
    assert out == GREETED.decode() + (
        "alpha  enabled  online  1/0/0\nbravo  enabled  online\n> farm1\nfarm2\n2 workers disabled.\n> "
    )


async def test_netcat_gets_one_line_for_a_line_of_json_and_an_end(farm: Place) -> None:
    """R12."""
    nc = program("nc")
    line = b'{"item": "client", "action": "read", "filters": {"name": "alpha"}, "format": "datatables"}\n'
    code, out, _ = await run(farm, nc, "127.0.0.1", str(farm.port), sent=line)
    assert code == 0
    assert json.loads(out)["aaData"][0]["0"] == "alpha"
    assert out.count("\n") == 1


async def test_the_shell_example_disables_and_says_so(farm: Place) -> None:
    program("nc")
    script = ROOT / "examples/shell/farm.sh"
    code, out, _ = await run(farm, script, "disable", "alpha", "bravo")
    assert (code, json.loads(out)) == (0, {"ok": True, "count": 2, "data": ["alpha", "bravo"]})
    code, out, _ = await run(farm, script, "disable", "zulu")
    assert (code, json.loads(out)) == (1, {"ok": False, "error": "There is no worker called zulu."})
    assert wishes(farm)["alpha"] == Wish.DISABLED


# --- telnet ------------------------------------------------------------------------------------------------------


async def test_the_telnet_program_gets_a_prompt_and_answers(farm: Place) -> None:
    """R5: `telnet localhost 6000`."""
    process = await asyncio.create_subprocess_exec(
        program("telnet"), "127.0.0.1", str(farm.port), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    async with asyncio.timeout(WITHIN_S):
        assert GREETED.strip() in await process.stdout.readuntil(b"> ")
        process.stdin.write(b"CLIENTS alpha\n")
        assert await process.stdout.readuntil(b"> ") == b"alpha  enabled  online  1/0/0\n> "
        process.stdin.write(b"\n")
        assert await process.stdout.readuntil(b"> ") == b"> "
        process.stdin.write(b"quit\n")
        await process.wait()


# --- PHP ---------------------------------------------------------------------------------------------------------


async def test_a_php_script_lists_disables_and_enables_clients(farm: Place) -> None:
    """R4: by Debian's php-cli."""
    php, script = program("php"), ROOT / "examples/php/farm.php"
    assert await run(farm, php, script, "list", "online") == (
        0, "alpha  enabled  online\nbravo  enabled  online\n", "",
    )  # fmt: skip
    assert await run(farm, php, script, "disable", "farm*") == (0, "farm1\nfarm2\n2 disabled\n", "")
    assert wishes(farm)["farm1"] == Wish.DISABLED
    assert (await run(farm, php, script, "enable", "ALL"))[1].endswith("6 enabled\n")
    assert set(wishes(farm).values()) == {Wish.ENABLED}


async def test_a_php_script_is_told_what_is_wrong(farm: Place) -> None:
    php, script = program("php"), ROOT / "examples/php/farm.php"
    assert await run(farm, php, script, "enable", "zulu") == (1, "", "There is no worker called zulu.\n")
    code, _, errors = await run(farm, php, script, "submit", "/no/such.blend")
    assert code == 1
    assert "/no/such.blend" in errors


async def test_a_php_script_submits_a_job(farm: Place, scenes: Path, tmp_path: Path) -> None:
    php, script = program("php"), ROOT / "examples/php/farm.php"
    await farm.house.join("painter", host=_newest())
    blend = scenes / "instancing.blend"
    code, out, errors = await run(farm, php, script, "submit", str(blend), "1-10", f"{tmp_path}/####")
    assert (code, errors) == (0, "")
    assert out.startswith("Job 2 is queued: 10 tasks, to ")
    assert len(farm.house.engine.farm.steps[2, 0].spec.frames) == 10


def _newest() -> object:
    from tests.farm_builder import BPY, host

    return host(BPY)
