# SPDX-License-Identifier: GPL-3.0-or-later
"""What a terminal shows, and what a file gets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHOW = """
import msgspec
from brender.cli.screen import screen
from brender.core.nouns import JobState
from brender.core.scene import Blender
from brender.core.views import JobView, OpenedView
job = JobView(
    id=5, name="shot", state=JobState.ACTIVE, blend="/s.blend", blender=Blender(kind="bpy", version="4.5.15"),
    frames="0-30", tasks=31, outputs="/out/####.png", folder="/out", submitted_at=0.0, done=0.4,
    opened=OpenedView(
        blender="4.5.15", engine="CYCLES", device="CPU", format="PNG", width=64, height=48, open_s=0.5,
        persistent_data=False, persistent_reason="",
    ),
    counts={"succeeded": 12}, frames_per_minute=44.3, eta_s=26.0, warnings=("it is old",),
)
with screen() as shown:
    shown.show(job)
    shown.show(job)
"""
BAR = "12/31 frames, 44.3 frames a minute, 26.0 s left"


def environ():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "TERM": "xterm", "COLUMNS": "100"}


@pytest.mark.skipif(os.name != "posix", reason="a terminal as POSIX has them")
def test_a_terminal_shows_a_bar_with_rate_and_time_left():
    here, there = os.openpty()
    process = subprocess.Popen([sys.executable, "-c", SHOW], stdout=there, stderr=there, env=environ())
    os.close(there)
    shown = b""
    try:
        while piece := os.read(here, 65536):
            shown += piece
    except OSError:
        pass  # a terminal whose program has ended
    os.close(here)
    assert process.wait(10) == 0
    text = shown.decode()
    assert "bpy 4.5.15 on CPU renders 31 frames of shot (job 5) to /out/####.png" in text
    assert text.count("renders 31 frames") == 1
    assert BAR in text
    assert "Warning: it is old" in text
    assert text.rstrip("\r\n").endswith("\x1b[2K")  # the bar is gone, and the cursor is back
    assert "\x1b[?25h" in text


def test_a_file_gets_plain_lines_and_troubles_go_to_stderr():
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, env=environ(), check=True)
    begun, opened, bar = done.stdout.splitlines()
    assert begun == "bpy 4.5.15 on CPU renders 31 frames of shot (job 5) to /out/####.png"
    assert opened.startswith("Opened in 0.5 s: CYCLES on CPU, 64x48 pixels, PNG")
    assert bar == BAR
    assert done.stderr == "Warning: it is old\n"
