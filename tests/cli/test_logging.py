# SPDX-License-Identifier: GPL-3.0-or-later
"""What the logs of manager and worker must not hold."""

import subprocess
import sys

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
