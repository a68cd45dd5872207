# SPDX-License-Identifier: GPL-3.0-or-later
"""A ping asks the worker itself, not its socket: who does not answer, or goes, is told of in a sentence."""

import asyncio

import pytest

from brender.core import commands as c
from brender.core import messages as m
from brender.manager import hub
from tests.orders.conftest import House, Pretend, until


class Deaf(Pretend):
    """Connected, and answers nothing."""

    async def _answer(self, message: m.ToWorker) -> None:
        pass


async def test_a_ping_gives_the_seconds_until_its_answer(house: House) -> None:
    async with house.pretends(3) as workers:
        took = await asyncio.gather(*(house.service.ping(worker.name) for worker in workers for _ in range(5)))
        assert all(0 < each < 2 for each in took)
        assert [len(worker.of(m.Ping)) for worker in workers] == [5, 5, 5]
        await workers[0].say(m.Pong(id="of nobody"))  # changes nothing
        assert await house.service.ping("pretend0") > 0


async def test_a_worker_that_does_not_answer_is_told_of(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PING_WITHIN_S", 0.2)
    async with house.pretends(1, Deaf):
        with pytest.raises(c.Refusal, match=r"Worker pretend0 is connected, and has not answered within 0\.2 s"):
            await house.service.ping("pretend0")


async def test_a_worker_that_goes_before_it_has_answered_is_told_of(house: House) -> None:
    async with house.pretends(1, Deaf) as (worker,):
        asked = asyncio.create_task(house.service.ping("pretend0"))
        await until(lambda: worker.of(m.Ping))
        await worker.say(m.Goodbye())
        with pytest.raises(c.Refusal, match="Worker pretend0 has gone offline before it answered"):
            await asked
