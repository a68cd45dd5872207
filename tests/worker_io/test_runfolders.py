# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is left of a run that nobody wants, and nothing else is touched."""

from pathlib import Path

import pytest

from brender.worker.runfolders import RunFolders


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def rendered(out: Path, run: str) -> Path:
    folder = out / f".brender-{run}"
    folder.mkdir()
    (folder / "0001.png").write_text("picture")
    return folder


def test_a_runs_folders_are_removed(tmp_path: Path, out: Path) -> None:
    folders = RunFolders(tmp_path / "runs")
    mine, other = rendered(out, "a"), rendered(out, "b")
    folders.note("a", [str(mine)])
    folders.remove("a")
    folders.remove("never heard of")
    assert not mine.exists()
    assert other.exists()


def test_only_folders_of_the_run_itself_are_removed(tmp_path: Path, out: Path) -> None:
    folders = RunFolders(tmp_path / "runs")
    folders.note("a", [str(out), str(out / ".brender-b"), str(out.parent)])
    rendered(out, "b")
    folders.remove("a")
    assert (out / ".brender-b" / "0001.png").exists()


def test_a_start_removes_what_was_left_but_for_what_is_still_to_be_reported(tmp_path: Path, out: Path) -> None:
    for run in "ab":
        RunFolders(tmp_path / "runs").note(run, [str(rendered(out, run))])
    strange = rendered(out, "of another worker")
    again = RunFolders(tmp_path / "runs")
    assert again.clean({"b"}) == ["a"]
    assert sorted(path.name for path in out.iterdir()) == sorted([".brender-b", strange.name])
    assert again.clean({"b"}) == []


def test_a_published_runs_empty_folder_goes_and_a_full_one_stays(tmp_path: Path, out: Path) -> None:
    folders = RunFolders(tmp_path / "runs")
    full, empty = rendered(out, "a"), out / ".brender-b"
    empty.mkdir()
    folders.note("a", [str(full)])
    folders.note("b", [str(empty)])
    folders.forget("a")
    folders.forget("b")
    assert full.exists()
    assert not empty.exists()
    assert RunFolders(tmp_path / "runs").clean(()) == []


def test_a_torn_note_does_no_harm(tmp_path: Path) -> None:
    folders = RunFolders(tmp_path / "runs")
    (tmp_path / "runs" / "a.json").write_text('["/')
    assert folders.clean(()) == ["a"]
