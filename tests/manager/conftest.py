# SPDX-License-Identifier: GPL-3.0-or-later
"""A manager on a data folder of its own, with its engine at work."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.manager.house import House


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    async with made.running():
        yield made
    made.close()
