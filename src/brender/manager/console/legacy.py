# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of 2013: `identify_client`, then its MAC address as a decimal number, then `ready`. It becomes a worker that
takes no render tasks, online as long as it stays. Of two with one address the newer stays.
"""

import secrets

import structlog

from brender.core import commands as c
from brender.manager.console.wire import Wire
from brender.manager.engine import Engine

log = structlog.get_logger()

ANSWER_S = 30.0  # for its MAC address

QUESTION = "mac_addr"


class LegacyClients:
    """Those that are connected."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._wires: dict[str, Wire] = {}  # by worker

    async def __call__(self, wire: Wire) -> None:
        """One of them, from `identify_client` to its end."""
        try:
            await self._greet(wire)
        except c.Refusal as refusal:
            await wire.say(f"{refusal.message}\n")
        except TimeoutError:
            await wire.say(f"There was no MAC address within {ANSWER_S:.0f} s.\n")

    async def _greet(self, wire: Wire) -> None:
        if not await self._engine.read(lambda farm: farm.setting("legacy_clients")):
            raise c.Refusal("Clients of 2013 are not taken here: `set setting legacy_clients value=true` takes them.")
        await wire.say(QUESTION)
        mac = mac_of(await wire.line(ANSWER_S) or b"")
        connection = secrets.token_hex(8)
        record = await self._engine.command(c.LegacyHello(connection=connection, mac=mac, origin=wire.peer))
        log.info("a client of 2013 connected", worker=record.id)
        await self._stay(wire, record.id, connection)

    async def _stay(self, wire: Wire, worker: str, connection: str) -> None:
        if older := self._wires.get(worker):
            older.drop()
        self._wires[worker] = wire
        try:
            while await wire.line() is not None:  # `ready`, and whatever else it says: it is not obeyed
                pass
        finally:
            if self._wires.get(worker) is wire:
                del self._wires[worker]
            await self._engine.command(c.WorkerGone(worker=worker, connection=connection))


def mac_of(said: bytes) -> str:
    """Twelve hexadecimal digits of a decimal number; `Refusal` for what is no MAC address."""
    text = said.strip()
    if not text.isdigit() or len(text) > 15 or not 0 < int(text) < 2**48:
        raise c.Refusal("This is no MAC address: a decimal number of 48 bits was asked for.", "invalid")
    return f"{int(text):012x}"
