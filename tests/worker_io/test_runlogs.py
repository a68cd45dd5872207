# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender prints reaches the manager in bounded pieces, whatever it prints (C22, C23)."""

from pathlib import Path

import pytest

from brender.worker.runlogs import HEAD_BYTES, PIECE_BYTES, TAIL_BYTES, RunLogs


@pytest.fixture
def logs(tmp_path: Path) -> RunLogs:
    return RunLogs(tmp_path)


def pieces(logs: RunLogs) -> list[str]:
    return [piece.text for piece in logs.pieces()]


def test_a_log_is_told_as_it_grows(logs: RunLogs) -> None:
    path = Path(logs.path("a"))
    assert pieces(logs) == []
    path.write_text("Fra:1\n")
    assert pieces(logs) == ["Fra:1\n"]
    assert pieces(logs) == []
    path.write_text("Fra:1\nSaved\n")
    assert pieces(logs) == ["Saved\n"]


def test_the_rest_is_told_once_and_the_file_goes(logs: RunLogs) -> None:
    path = Path(logs.path("a"))
    path.write_text("one\ntwo\n")
    assert [piece.text for piece in logs.rest("a")] == ["one\ntwo\n"]
    assert list(logs.rest("a")) == []
    assert not path.exists()


def test_of_a_long_log_head_and_tail_are_told_and_how_much_is_missing(logs: RunLogs) -> None:
    """C22: two gigabytes of output are not two gigabytes on the wire."""
    Path(logs.path("a")).write_bytes(b"h" * HEAD_BYTES + b"-" * 3 * 2**20 + b"t" * TAIL_BYTES)
    told = []
    while more := pieces(logs):
        told += more
    assert "".join(told) == "h" * HEAD_BYTES
    note, *tail = [piece.text for piece in logs.rest("a")]
    assert note == "\n[brender: 3.0 MB of this log are left out here]\n"
    assert "".join(tail) == "t" * TAIL_BYTES
    assert max(map(len, [*told, *tail])) <= PIECE_BYTES


def test_a_log_that_fits_is_told_whole_in_pieces(logs: RunLogs) -> None:
    data = "".join(f"line {number}\n" for number in range(30_000))[: HEAD_BYTES + TAIL_BYTES]
    Path(logs.path("a")).write_text(data)
    assert "".join(piece.text for piece in logs.rest("a")) == data


def test_bytes_outside_utf_8_become_replacement_characters(logs: RunLogs) -> None:
    """C23."""
    Path(logs.path("a")).write_bytes(b"caf\xe9 \xff\xfe ok\n")
    assert pieces(logs) == ["caf\ufffd \ufffd\ufffd ok\n"]


def test_a_character_that_is_cut_by_a_piece_stays_whole(logs: RunLogs) -> None:
    text = "x" + "日本" * (PIECE_BYTES // 3)
    Path(logs.path("a")).write_text(text, encoding="utf-8")
    assert "".join(piece.text for piece in logs.rest("a")) == text


def test_a_run_that_printed_nothing_has_no_log(logs: RunLogs) -> None:
    logs.path("a")
    assert list(logs.rest("a")) == []


def test_a_start_removes_old_logs_but_of_runs_still_to_be_reported(tmp_path: Path) -> None:
    for run in "ab":
        Path(RunLogs(tmp_path).path(run)).write_text(run)
    again = RunLogs(tmp_path)
    again.clean({"b"})
    assert [path.name for path in tmp_path.iterdir()] == ["b.log"]
    assert [piece.text for piece in again.rest("b")] == ["b"]
