# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports survive whatever ends the worker, in their order, until they are acknowledged (C03)."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from brender.core import messages as m
from brender.core.failures import Kind
from brender.worker.outbox import Outbox

STARTED = m.Started(id="a.started", run="a")
RENDERED = m.Rendered(id="a.rendered", run="a", result=m.Result(render_s=1.5), thumbnail=b"\xff\xd8\x00")
FAILED = m.Failed(id="b.failed", run="b", kind=Kind.DISK_FULL, message="Die Platte ist voll: ñ")


def test_reports_come_back_in_their_order(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for report in (STARTED, RENDERED, FAILED):
        outbox.put(report)
    assert Outbox(tmp_path).reports == [STARTED, RENDERED, FAILED]
    assert Outbox(tmp_path).runs == ("a", "b")


def test_an_acknowledged_report_is_gone_for_good(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(STARTED)
    outbox.put(RENDERED)
    assert outbox.acknowledge(STARTED.id) == STARTED
    assert outbox.acknowledge(STARTED.id) is None
    assert Outbox(tmp_path).reports == [RENDERED]


def test_the_same_report_twice_is_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(RENDERED)
    outbox.put(RENDERED)
    assert Outbox(tmp_path).reports == [RENDERED]


def test_the_order_goes_on_after_a_restart(tmp_path: Path) -> None:
    Outbox(tmp_path).put(FAILED)
    second = Outbox(tmp_path)
    second.put(STARTED)
    second.acknowledge(FAILED.id)
    third = Outbox(tmp_path)
    third.put(RENDERED)
    assert third.reports == Outbox(tmp_path).reports == [STARTED, RENDERED]


@pytest.mark.parametrize("left", [0, 1, 20])
def test_a_torn_report_takes_no_other_with_it(tmp_path: Path, left: int) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(STARTED)
    outbox.put(RENDERED)
    last = max(tmp_path.glob("*.json"))
    last.write_bytes(last.read_bytes()[:left])
    again = Outbox(tmp_path)
    assert (again.reports, again.torn) == ([STARTED], 1)
    again.put(RENDERED)
    assert Outbox(tmp_path).reports == [STARTED, RENDERED]


def test_foreign_files_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / "000000000007.json").write_text('{"type": "Hello"}')
    assert Outbox(tmp_path).torn == 2


PROGRAM = """
import os, signal, sys
from pathlib import Path
from brender.core import messages as m
from brender.worker.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
for number in range(20):
    outbox.put(m.Stopped(id=f"{number}.stopped", run=str(number)))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a matter of POSIX")
def test_reports_survive_a_kill(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert Outbox(tmp_path).runs == tuple(str(number) for number in range(20))
