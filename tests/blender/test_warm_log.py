# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender prints goes to the log of its run, bounded, byte for byte; a bad disk costs only the log."""

from pathlib import Path

from brender.worker.log import RunLog
from brender.worker.printed import Printed, Seen


def test_a_log_that_fills_the_disk_keeps_its_head_and_its_tail(tmp_path: Path) -> None:
    """C22."""
    path = tmp_path / "logs" / "run.log"
    log = RunLog(str(path), head=1000, tail=500)
    for number in range(10_000):
        log.write(f"line {number}\n".encode())
    log.close()
    text = path.read_text()
    assert text.startswith("line 0\nline 1\n")
    assert text.endswith("line 9998\nline 9999\n")
    assert "left out" in text
    assert len(text) < 2000


def test_a_log_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    log = RunLog(str(tmp_path / "file" / "run.log"))
    log.write(b"said")
    log.close()


def test_each_run_gets_what_was_printed_after_its_mark(tmp_path: Path) -> None:
    seen: list[Seen] = []
    printed = Printed("mark:", str(tmp_path / "open"), seen.append)
    marks = [printed.expect(run, str(tmp_path / run)) for run in ("a", "b")]
    said = f"before\n{marks[0]}\nof a \n{marks[1]}\nof b, no end".encode() + b"\xff"
    for byte in said:  # in the smallest pieces
        printed.feed(bytes([byte]))
    printed.close()
    assert (tmp_path / "open").read_bytes() == b"before\n"
    assert (tmp_path / "a").read_bytes() == b"of a \n"
    assert (tmp_path / "b").read_bytes() == b"of b, no end\xff"


def test_progress_is_read_from_the_last_line(tmp_path: Path) -> None:
    seen: list[Seen] = []
    printed = Printed("mark:", str(tmp_path / "open"), seen.append)
    printed.feed(b"Fra:3 Mem:8M | Scene, ViewLayer | Sample 1/8\nFra:3 Mem:8M | Scene, ViewLayer | Sample 4/8\n")
    assert seen[-1] == Seen(3, 4, 8, "Sample 4/8")
    printed.close()
