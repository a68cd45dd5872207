# SPDX-License-Identifier: GPL-3.0-or-later
"""Children end with their parent, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

CHILD = """
import signal, subprocess, sys
from brender.cli import parent
parent.ORDERLY_S = 0.1
{before}
parent.end_with_parent()
print("ready", flush=True)
while True:
    signal.pause()
"""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); subprocess.Popen(['sleep', '60'], start_new_session=True)"
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def environ():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}


def start(before=""):
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(before=before)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ(),
    )
    assert child.stdout.readline() == b"ready\n"
    return child


def test_it_ends_in_order_when_its_stdin_does():
    with start() as child:
        child.stdin.close()
        assert child.wait(10) == -signal.SIGTERM


def test_one_that_does_not_heed_it_is_ended_with_all_that_it_started():
    with start(DEAF) as child:
        [sleeper] = psutil.Process(child.pid).children()
        child.stdin.close()
        assert child.wait(10) == 1
        psutil.wait_procs([sleeper], timeout=10)
        assert not sleeper.is_running() or sleeper.status() == psutil.STATUS_ZOMBIE


def test_it_ends_when_its_parent_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD.format(before="")], stdout=subprocess.PIPE, env=environ()
    )
    with parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert parent.stdout.readline() == b"ready\n"
        parent.kill()
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone or child.status() == psutil.STATUS_ZOMBIE
