# SPDX-License-Identifier: GPL-3.0-or-later
"""Two workers never share an identity, and one keeps its own (C06, C13)."""

import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brender.worker.identity import Identity, NoIdentityError
from brender.worker.identity import claim as claim_for_good

Claim = Callable[[Path, str], Identity]


@pytest.fixture
def claim() -> Iterator[Claim]:
    """Identities that are let go of at the end of the test."""
    claimed = []

    def claim_one(folder: Path, machine: str) -> Identity:
        claimed.append(claim_for_good(folder, machine))
        return claimed[-1]

    yield claim_one
    for identity in claimed:
        identity.release()


def test_a_worker_keeps_its_key(tmp_path: Path, claim: Claim) -> None:
    first = claim(tmp_path / "worker", "ada")
    first.release()
    again = claim(tmp_path / "worker", "ada")
    assert (again.key, again.note) == (first.key, "")
    assert len(again.key) >= 32
    again.release()


def test_nobody_else_can_read_the_key(tmp_path: Path, claim: Claim) -> None:
    identity = claim(tmp_path / "worker", "ada")
    assert stat.S_IMODE((identity.folder / "key.json").stat().st_mode) == 0o600
    assert identity.key not in identity.public
    identity.release()


def test_the_second_worker_of_a_folder_gets_an_identity_of_its_own_and_says_so(tmp_path: Path, claim: Claim) -> None:
    """C13."""
    first, second, third = claim(tmp_path, "ada"), claim(tmp_path, "ada"), claim(tmp_path, "ada")
    assert len({first.key, second.key, third.key}) == 3
    assert len({first.folder, second.folder, third.folder}) == 3
    assert first.note == ""
    assert second.note == f"Another worker has the identity in {tmp_path}: this one has its own, in {second.folder}."
    second.release()
    assert claim(tmp_path, "ada").key == second.key  # and keeps it


def test_another_machine_on_the_same_disk_has_its_own_whatever_the_lock_says(tmp_path: Path, claim: Claim) -> None:
    """C13: locks do not hold on every shared disk."""
    first = claim(tmp_path, "ada")
    first.release()
    other = claim(tmp_path, "bob's box")
    assert other.key != first.key
    assert other.folder == tmp_path / "bob_s_box"
    other.release()
    again = claim(tmp_path, "ada")
    assert again.key == first.key
    again.release()


def test_a_killed_worker_lets_go_of_its_identity(tmp_path: Path, claim: Claim) -> None:
    program = "import sys,time; from pathlib import Path; from brender.worker.identity import claim; "
    program += "me = claim(Path(sys.argv[1]), 'ada'); print(me.key, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        key = process.stdout.readline().strip()
        second = claim(tmp_path, "ada")
        assert second.key != key
        second.release()
        process.kill()
        process.wait()
    again = claim(tmp_path, "ada")
    assert again.key == key
    again.release()


def test_a_damaged_key_is_replaced(tmp_path: Path, claim: Claim) -> None:
    (tmp_path / "key.json").write_text("{")
    identity = claim(tmp_path, "ada")
    assert len(identity.key) >= 32
    identity.release()


def test_a_folder_that_cannot_be_is_refused_with_a_sentence(tmp_path: Path, claim: Claim) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NoIdentityError, match="cannot be used"):
        claim(tmp_path / "file" / "worker", "ada")
