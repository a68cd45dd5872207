# SPDX-License-Identifier: GPL-3.0-or-later
"""The logins that a user keeps, and what is shown to which manager."""

import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from brender.client import find, logins
from brender.client.logins import Login

ANNA = Login(name="anna", token="id.secret", certificate="PEM")


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    """An environment with settings of its own, and a data folder with a manager."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "token").write_text("the data folder's\n")
    (data / "manager.json").write_text('{"url": "http://127.0.0.1:8080", "pid": 7, "boot": "b", "certificate": "own"}')
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def test_each_system_keeps_settings_where_its_programs_do() -> None:
    linux = logins.user_config_folder("Linux", {"XDG_CONFIG_HOME": "/c"}, "/home/ada")
    assert linux == PurePosixPath("/c/brender")
    for relative in ({}, {"XDG_CONFIG_HOME": "c"}):
        assert logins.user_config_folder("Linux", relative, "/h") == PurePosixPath("/h/.config/brender")
    mac = logins.user_config_folder("Darwin", {}, "/Users/ada")
    assert mac == PurePosixPath("/Users/ada/Library/Application Support/brender")
    windows = logins.user_config_folder("Windows", {"LOCALAPPDATA": "D:\\L"}, "C:\\ada")
    assert windows == PureWindowsPath("D:\\L\\brender")


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="the XDG specification is Linux's")
def test_a_login_is_kept_for_its_user_alone_and_forgotten(here: dict[str, str]) -> None:
    logins.keep("https://farm:8080", ANNA, here)
    logins.keep("http://localhost:8080", Login(name="bert", token="x.y"), here)
    path = logins.place(here)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["logins.json"]
    for same in ("https://farm:8080", "https://FARM:8080/", "https://farm:8080/jobs"):
        assert logins.of(same, here) == ANNA
    for other in ("http://farm:8080", "https://farm", "https://farm:8081", "https://other:8080", "farm", "https://[x"):
        assert logins.of(other, here) is None
    assert logins.of("http://127.0.0.1:8080", here) == Login(name="bert", token="x.y")
    logins.keep("https://farm:8080", Login(name="eve", token="new.one"), here)
    logins.forget("http://127.0.0.1:8080", here)
    assert path.read_text().count("token") == 1
    path.write_text("torn {")
    assert logins.of("https://farm:8080", here) is None


def test_the_data_folders_token_is_shown_to_its_own_manager_alone(here: dict[str, str], tmp_path: Path) -> None:
    data = tmp_path / "data"
    for own in ("http://127.0.0.1:8080", "http://localhost:8080/"):
        assert find.credentials(own, data, here) == ("the data folder's", "own")
    for other in ("http://127.0.0.1:8081", "https://127.0.0.1:8080", "http://farm:8080", "https://farm"):
        assert find.credentials(other, data, here) == ("", "")


def test_a_login_comes_before_the_data_folders_token_and_the_environments_before_both(
    here: dict[str, str], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    logins.keep("http://localhost:8080", ANNA, here)
    logins.keep("https://farm", ANNA, here)
    assert find.credentials("http://127.0.0.1:8080", data, here) == ("id.secret", "own")
    assert find.credentials("https://farm", data, here) == ("id.secret", "PEM")
    for url in ("http://127.0.0.1:8080", "https://farm", "https://elsewhere"):
        assert find.credentials(url, data, here | {"BRENDER_TOKEN": "given"})[0] == "given"
