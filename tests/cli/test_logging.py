# SPDX-License-Identifier: GPL-3.0-or-later
"""What the logs of manager and worker must not hold."""

import subprocess
import sys
from pathlib import Path

import pytest

FAILS = """
from brender.cli import logging
import structlog
logging.configure()
def fail(token):
    raise ValueError("it failed")
try:
    fail("SECRET")
except ValueError:
    structlog.get_logger().exception("a part failed", worker="ash")
"""


def test_a_traceback_in_a_log_shows_no_values():
    done = subprocess.run([sys.executable, "-c", FAILS], capture_output=True, text=True, check=True)
    said = done.stdout + done.stderr
    assert "a part failed" in said
    assert "worker=ash" in said
    assert "ValueError: it failed" in said
    assert said.count("SECRET") == 0


TALKS = """
import os, subprocess, sys
from pathlib import Path
from brender.cli import logging
import structlog
file = Path(sys.argv[1])
rotating = logging.Rotating.__init__
logging.Rotating.__init__ = lambda self, path: rotating(self, path, 20_000, 2)
logging.configure(file)
log = structlog.get_logger()
for number in range(3000):
    log.info("an event", number=number, text="x" * 40)
subprocess.run([sys.executable, "-c", "print('from a child')"])
os.write(2, b"from a library\\n")
print("the end", flush=True)
"""


def test_a_log_in_a_file_stays_within_its_bound_and_holds_what_everybody_printed(tmp_path):
    file = tmp_path / "logs" / "manager.log"
    with file.parent.mkdir() or file.open("ab") as opened:  # as `up` starts its children
        subprocess.run([sys.executable, "-c", TALKS, str(file)], stdout=opened, stderr=opened, check=True)
    assert sorted(path.name for path in file.parent.iterdir()) == ["manager.log", "manager.log.1", "manager.log.2"]
    assert all(path.stat().st_size < 21_000 for path in file.parent.iterdir())
    text = file.read_text()
    assert "number=2999" in text
    assert text.splitlines()[-3:] == ["from a child", "from a library", "the end"]
    assert "number=" in (file.parent / "manager.log.1").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_does_not_end_who_writes_a_log():
    goes_on = "\nfor _ in range(9): structlog.get_logger().info('an event')\nimport os; os._exit(7)"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", FAILS + goes_on], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 7
