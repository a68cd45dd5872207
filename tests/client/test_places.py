# SPDX-License-Identifier: GPL-3.0-or-later
"""Where brender keeps its things, on three systems."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from brender.client import places
from brender.core.views import ManagerFile


def test_linux_follows_the_xdg_specification():
    assert places.user_data_folder("Linux", {"XDG_DATA_HOME": "/d"}, "/home/ada") == PurePosixPath("/d/brender")


def test_linux_has_a_default_and_ignores_a_relative_xdg_folder():
    here = PurePosixPath("/home/ada/.local/share/brender")
    assert places.user_data_folder("Linux", {}, "/home/ada") == here
    assert places.user_data_folder("Linux", {"XDG_DATA_HOME": "d"}, "/home/ada") == here


def test_a_mac_keeps_it_in_its_library():
    assert places.user_data_folder("Darwin", {}, "/Users/ada") == PurePosixPath(
        "/Users/ada/Library/Application Support/brender"
    )


def test_windows_keeps_it_in_the_local_application_data():
    local = {"LOCALAPPDATA": "D:\\Local"}
    assert places.user_data_folder("Windows", local, "C:\\Users\\ada") == PureWindowsPath("D:\\Local\\brender")
    assert places.user_data_folder("Windows", {}, "C:\\Users\\ada") == PureWindowsPath(
        "C:\\Users\\ada\\AppData\\Local\\brender"
    )


def test_the_given_folder_wins_over_the_environments(tmp_path):
    assert places.data_folder(str(tmp_path), {"BRENDER_DATA": "/other"}) == tmp_path
    assert places.data_folder(None, {"BRENDER_DATA": "/other"}) == Path("/other")


def test_a_relative_data_folder_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert places.data_folder("d", {}) == tmp_path / "d"


def test_the_managers_file_is_read(tmp_path):
    (tmp_path / "manager.json").write_text('{"url": "http://127.0.0.1:1", "pid": 7, "boot": "b"}')
    assert places.manager_file(tmp_path) == ManagerFile(url="http://127.0.0.1:1", pid=7, boot="b")


def test_an_absent_or_torn_managers_file_says_nothing(tmp_path):
    assert places.manager_file(tmp_path) is None
    (tmp_path / "manager.json").write_text('{"url": "http')
    assert places.manager_file(tmp_path) is None


def test_the_token_comes_from_the_environment_or_the_folder(tmp_path):
    assert places.token(tmp_path, {}) == ""
    (tmp_path / "token").write_text("t1\n")
    assert places.token(tmp_path, {}) == "t1"
    assert places.token(tmp_path, {"BRENDER_TOKEN": "t2"}) == "t2"
