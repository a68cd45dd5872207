# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of 2013 on the console: how it is asked, what becomes of it, and that garbage harms nobody."""

import contextlib

import pytest

from brender.core.nouns import Connection
from tests.console.conftest import Place, Talk

MAC = 0x0A1B2C3D4E5F


async def allowed(console: Place) -> Talk:
    talk = await console.talk()
    await talk.ask("set setting legacy_clients value=true")
    return talk


async def legacy(console: Place, mac: int = MAC) -> Talk:
    """One that has said who it is, as it did: nothing is greeted, and nothing prompts."""
    talk = await console.open()
    await talk.send(b"identify_client\n")
    assert await talk.until(b"mac_addr") == b"mac_addr"
    await talk.send(b"%d\nready\n" % mac)
    return talk


async def until_listed(admin: Talk, line: str) -> None:
    while line not in (await admin.ask("clients")).splitlines():
        pass


async def test_it_is_told_where_such_clients_are_not_taken(console: Place) -> None:
    said = await console.say(b"identify_client\n")
    assert said == b"Clients of 2013 are not taken here: `set setting legacy_clients value=true` takes them.\n"
    assert not console.house.engine.farm.workers


async def test_it_is_asked_its_mac_address_and_becomes_a_worker_that_takes_nothing(console: Place) -> None:
    """R16, R17."""
    admin = await allowed(console)
    client = await legacy(console)
    await until_listed(admin, "127.0.0.1  enabled  online  legacy")
    (worker,) = console.house.engine.farm.workers.values()
    assert (worker.record.legacy, worker.record.host.mac) == (True, "0a1b2c3d4e5f")
    await console.house.submit("1-5")
    assert not worker.runs
    client.close()
    await until_listed(admin, "127.0.0.1  enabled  offline  legacy")


async def test_it_is_known_when_it_comes_again_and_there_is_one_of_it(console: Place) -> None:
    """Of old a reconnecting client was inserted twice, and a disconnected one dropped from the list."""
    admin = await allowed(console)
    for _ in range(3):
        client = await legacy(console)
        await until_listed(admin, "127.0.0.1  enabled  online  legacy")
        client.close()
        await until_listed(admin, "127.0.0.1  enabled  offline  legacy")
    await admin.ask("disable 127.0.0.1")
    await legacy(console)
    await until_listed(admin, "127.0.0.1  disabled  online  legacy")
    await legacy(console, MAC + 1)
    await until_listed(admin, "127.0.0.1-2  enabled  online  legacy")
    assert len(console.house.store.load_farm().workers) == 2


async def test_of_two_with_one_address_the_newer_stays(console: Place) -> None:
    """R16: never both."""
    admin = await allowed(console)
    older = await legacy(console)
    await until_listed(admin, "127.0.0.1  enabled  online  legacy")
    await legacy(console)
    with contextlib.suppress(ConnectionError):
        assert await older.all() == b""
    await until_listed(admin, "127.0.0.1  enabled  online  legacy")
    (worker,) = console.house.engine.farm.workers.values()
    assert worker.online is Connection.ONLINE


@pytest.mark.parametrize("mac", [b"", b"x", b"-5", b"0", b"1.5", b"%d" % 2**48, b"9" * 300, b"\xc3\x28", "٣".encode()])
async def test_garbage_as_a_mac_address_is_told_and_harms_nobody(console: Place, mac: bytes) -> None:
    """Of old it killed the connection's handler."""
    admin = await allowed(console)
    talk = await console.open()
    await talk.send(b"identify_client\n")
    await talk.until(b"mac_addr")
    await talk.send(mac + b"\n")
    assert await talk.all() == b"This is no MAC address: a decimal number of 48 bits was asked for.\n"
    assert await admin.ask("clients") == ""
