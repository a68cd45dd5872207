# SPDX-License-Identifier: GPL-3.0-or-later
"""A network for each test that wants one; skipped, with the reason, where the rights for it are missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.net import hosts


@pytest.fixture(scope="session")
def _namespaces() -> None:
    if reason := hosts.why_not():
        pytest.skip(reason)


@pytest.fixture
def lan(tmp_path: Path, _namespaces: None) -> Iterator[hosts.Lan]:
    folder = tmp_path / "lan"
    folder.mkdir()
    with hosts.lan(folder) as made:
        yield made
