# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes of local runs: there while the process is, and told from those of processes that are gone."""

import os
import subprocess
import sys

import msgspec
import psutil

from brender.cli import leftovers
from brender.cli.leftovers import Note


def test_a_note_is_there_only_while_the_run_is(tmp_path):
    with leftovers.noted(tmp_path, 7):
        [note] = (tmp_path / "local-runs").iterdir()
        assert note.name == "7"
        assert msgspec.json.decode(note.read_bytes(), type=Note).alive
    assert list((tmp_path / "local-runs").iterdir()) == []


def test_a_process_that_ended_is_not_alive():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        note = Note(process.pid, psutil.Process(process.pid).create_time())
        assert note.alive
    assert not note.alive


def test_a_process_that_got_the_number_of_another_is_not_taken_for_it():
    assert not Note(os.getpid(), 12.0).alive


def test_a_torn_note_is_of_nobody(tmp_path):
    (tmp_path / "local-runs").mkdir()
    (tmp_path / "local-runs" / "7").write_text("{")
    assert not leftovers._read(tmp_path / "local-runs" / "7").alive
