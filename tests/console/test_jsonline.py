# SPDX-License-Identifier: GPL-3.0-or-later
"""R12: JSON lines. golden/NAME.txt holds, of each case, the line that is sent and the line that comes back."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from brender.core.nouns import Wish
from brender.manager.console.wire import Limits
from tests.console.conftest import Place

GOLDEN = Path(__file__).parent / "golden"
WRITE = os.environ.get("BRENDER_GOLDEN") == "write"


def cases() -> list[str]:
    return sorted(file.stem for file in GOLDEN.glob("*.txt"))


@pytest.mark.parametrize("case", cases())
async def test_a_line_is_answered_as_its_golden_file_says(farm: Place, case: str) -> None:
    """R12. Written anew with BRENDER_GOLDEN=write, to be read before it is believed."""
    file = GOLDEN / f"{case}.txt"
    sent, expected = file.read_bytes().splitlines(keepends=True)[:2] if not WRITE else (_sent(file), b"")
    said = await (await farm.open()).talk_once(sent)
    if WRITE:
        file.write_bytes(sent + said)
    else:
        assert said == expected


def _sent(file: Path) -> bytes:
    return file.read_bytes().splitlines(keepends=True)[0]


async def said(farm: Place, line: bytes) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode(await (await farm.open()).talk_once(line + b"\n"))
    return found


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"{}",
        b'{"item": "client"}',
        b'{"item": "client", "action": "read"',
        b'{"item": "client", "action": "read", "filters": {"wish": 5}}',
        b'{"item": "client", "action": "read", "limit": 0}',
        b'{"item": "client", "action": "read", "limit": true}',
        b'{"item": "client", "action": "read", "format": "xml"}',
        b'{"item": "job", "action": "read", "format": "datatables"}',
        b'{"item": "client", "action": "dance"}',
        b'{"item": "teapot", "action": "read"}',
        b'{"item": 5, "action": "read"}',
        b'{"item": "client", "action": "read", "filters": 7}',
        b'{"item": "client", "action": "update", "filters": "all", "values": {}}',
        b'{"item": "client", "action": "update", "filters": "all", "values": {"id": "x"}}',
        b'{"item": "client", "action": "update", "filters": "all", "values": {"wish": "maybe"}}',
        b'{"item": "client", "action": "update", "filters": {"name": "zulu*"}, "values": {"wish": "enabled"}}',
        b'{"item": "client", "action": "delete"}',
        b'{"item": "client", "action": "delete", "filters": "all"}',
        b'{"item": "task", "action": "create", "values": {"frame": 1}}',
        b'{"item": "job", "action": "create", "values": {"blend": "/a.blend", "scripts": ["print()"]}}',
        b'{"item": "client", "action": "read"} {"item": "client", "action": "read"}',
        b'{"item": "client", "action": "read", "colour": 1}',
        b'{"a":' * 5000,
        b'{"item": "\\ud800", "action": "read"}',
    ],
)
async def test_what_cannot_be_is_an_error_and_changes_nothing(farm: Place, line: bytes) -> None:
    before = farm.house.store.saved
    found = await said(farm, line)
    assert found["ok"] is False
    assert isinstance(found["error"], str)
    assert found["error"]
    assert "mistake" not in found["error"]
    assert farm.house.store.saved == before


async def test_a_line_that_is_over_long_is_a_json_error(farm: Place) -> None:
    found = await said(farm, b'{"item": "' + b"x" * 70_000)
    assert found == {"ok": False, "error": "A line is at most 64 kB long."}


@pytest.mark.parametrize("limits", [Limits(greet_s=0.05)])
async def test_a_line_that_comes_slowly_is_not_greeted(farm: Place) -> None:
    talk = await farm.open()
    await talk.send(b"{")
    await asyncio.sleep(0.2)
    await talk.send(b'"item": "tag", "action": "read"}\r\n')
    assert await talk.all() == b'{"ok":true,"count":0,"data":[]}\r\n'


async def test_the_connection_is_closed_after_the_answer_and_the_rest_is_not_obeyed(farm: Place) -> None:
    line = b'{"item": "tag", "action": "read"}\n'
    talk = await farm.open()
    await talk.send(line + b"disable ALL\n" + line)
    assert await talk.all() == b'{"ok":true,"count":0,"data":[]}\n'
    assert {w.record.wish for w in farm.house.engine.farm.workers.values()} == {Wish.ENABLED, Wish.DISABLED}


async def test_a_client_is_known_by_the_names_of_2013_too(farm: Place) -> None:
    line = b'{"item": "client", "action": "update", "filters": {"status": "disabled"}, "values": {"status": "enabled"}}'
    assert await said(farm, line) == {"ok": True, "count": 2, "data": [{"name": "Delta"}, {"name": "charlie"}]}


async def test_a_change_is_noted_with_its_door_and_address(farm: Place) -> None:
    await said(farm, b'{"item": "tag", "action": "create", "values": {"name": "gpu"}}')
    (entry,) = await farm.house.service.audit(1)
    assert (entry.who, entry.door, entry.origin, entry.verb) == ("console", "json", "127.0.0.1", "create")
