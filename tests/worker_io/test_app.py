# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a worker looks for its manager."""

from pathlib import Path

import msgspec
import pytest

from brender.core.views import ManagerFile
from brender.worker.app import Config, find_manager
from brender.worker.link import Address, UnknownAddressError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a manager that runs."""
    file = ManagerFile(url="http://127.0.0.1:8081", pid=1, boot="b")
    (tmp_path / "manager.json").write_bytes(msgspec.json.encode(file))
    (tmp_path / "token").write_text("the folder's token\n")
    return tmp_path


def test_the_data_folder_names_manager_and_token(data: Path) -> None:
    assert find_manager(Config(data=data), {}) == Address("ws://127.0.0.1:8081/api/v1/worker", "the folder's token")


def test_a_manager_that_started_anew_is_found_at_its_new_port(data: Path) -> None:
    (data / "manager.json").write_bytes(msgspec.json.encode(ManagerFile(url="http://127.0.0.1:9", pid=2, boot="c")))
    assert find_manager(Config(data=data), {}).url == "ws://127.0.0.1:9/api/v1/worker"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("farm:8080", "ws://farm:8080/api/v1/worker"),
        ("http://farm:8080/", "ws://farm:8080/api/v1/worker"),
        ("https://farm", "wss://farm/api/v1/worker"),
    ],
)
def test_a_named_manager_and_the_environments_token_come_first(data: Path, given: str, url: str) -> None:
    environ = {"BRENDER_TOKEN": "another", "BRENDER_MANAGER": "elsewhere:1"}
    assert find_manager(Config(data=data, manager=given), environ) == Address(url, "another")
    assert find_manager(Config(data=data), environ).url == "ws://elsewhere:1/api/v1/worker"


def test_a_folder_without_manager_or_token_says_so(tmp_path: Path, data: Path) -> None:
    with pytest.raises(UnknownAddressError, match="no manager has been started"):
        find_manager(Config(data=tmp_path / "empty"), {})
    (data / "token").unlink()
    with pytest.raises(UnknownAddressError, match="there is no token"):
        find_manager(Config(data=data), {})
