# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's word moves frames out of its run's own folder to their place beside it, and no other file anywhere."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from brender.core.messages import File, Result
from brender.core.nouns import Run, RunState
from brender.imaging import sha256
from brender.manager.files import NotPublishedError, publish

Named = Callable[[Path], tuple[Path, Path]]


def accepted(temporary: Path, final: Path) -> Run:
    """A run that says it made this file."""
    hashed = sha256(temporary) if temporary.is_file() else ""
    file = File(temporary=str(temporary), final=str(final), size=7, sha256=hashed)
    return Run(
        id="r1", job=1, step=0, index=0, worker="w", state=RunState.RENDERED, assigned_at=0.0,
        result=Result(files=(file,)),
    )  # fmt: skip


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where frames go, with one in its run's folder, beside a secret."""
    (tmp_path / "secret").write_text("secret!")
    made = tmp_path / "out" / ".brender-r1" / "passes" / "1.png"
    made.parent.mkdir(parents=True)
    made.write_text("picture")
    return tmp_path / "out"


def test_a_frame_goes_to_its_place_and_its_folder_is_gone(out: Path) -> None:
    run = accepted(out / ".brender-r1/passes/1.png", out / "passes/1.png")
    publish(run)
    publish(run)  # a manager that died in between does it again
    assert (out / "passes/1.png").read_text() == "picture"
    assert not (out / ".brender-r1").exists()


def test_a_folder_that_is_reached_by_a_link_is_a_folder(out: Path) -> None:
    there = out.parent / "linked"
    there.symlink_to(out)
    publish(accepted(there / ".brender-r1/passes/1.png", there / "1.png"))
    assert (out / "1.png").read_text() == "picture"


HOSTILE: dict[str, Named] = {
    "a file that is no run's": lambda out: (out.parent / "secret", out / "1.png"),
    "a way out of the run's folder": lambda out: (out / ".brender-r1/../../secret", out / "1.png"),
    "the folder of another run": lambda out: (out / ".brender-r2/1.png", out / "1.png"),
    "a place elsewhere": lambda out: (out / ".brender-r1/passes/1.png", out.parent / "1.png"),
    "a place that leads elsewhere": lambda out: (out / ".brender-r1/passes/1.png", out / "../1.png"),
    "a link in the run's folder": lambda out: (out / ".brender-r1/link/secret", out / "1.png"),
    "a link as the file": lambda out: (out / ".brender-r1/file", out / "1.png"),
}


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_hostile_worker_names_is_left_alone(name: str, out: Path) -> None:
    (out / ".brender-r1/link").symlink_to(out.parent)
    (out / ".brender-r1/file").symlink_to(out.parent / "secret")
    (out / ".brender-r2").mkdir()
    (out / ".brender-r2/1.png").write_text("another")
    before = sorted(out.parent.rglob("*"))
    with pytest.raises(NotPublishedError, match="was left alone"):
        publish(accepted(*HOSTILE[name](out)))
    assert sorted(out.parent.rglob("*")) == before
    assert (out.parent / "secret").read_text() == "secret!"
