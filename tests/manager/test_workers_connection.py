# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's connection, from the manager's side: whoever was let in is known to be gone when it is."""

import asyncio

import msgspec

from brender.core import messages as m
from brender.core.messages import PROTOCOL
from brender.core.nouns import Connection
from brender.core.rights import LOCAL
from brender.manager.hub import Closed
from tests.farm_builder import host
from tests.manager.house import House


class GoneAtOnce:
    """Says hello, and is not there any more when it is welcomed."""

    async def receive(self) -> str | bytes:
        return msgspec.json.encode(m.Hello(protocol=PROTOCOL, key="k" * 43, boot="b", name="ada", host=host()))

    async def send(self, text: str) -> None:
        raise Closed

    async def close(self) -> None:
        raise Closed


async def test_a_worker_that_is_gone_before_its_welcome_is_offline(house: House) -> None:
    async with asyncio.timeout(5):
        await house.hub.serve(GoneAtOnce(), LOCAL)
    (worker,) = (await house.service.views.workers()).workers
    assert worker.name == "ada"
    assert worker.connection is Connection.OFFLINE
