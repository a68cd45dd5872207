# SPDX-License-Identifier: GPL-3.0-or-later
"""A farm whose files lie in a bucket of a real S3 server: a scene sent, rendered and brought home, and the bucket out
of reach in the middle of it.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import s3server
from tests.e2e.apart import SLOW, Apart, names, until
from tests.e2e.conftest import Desk
from tests.s3server import BUCKET, S3Server
from tests.transfer.line import Line

pytestmark = [pytest.mark.blender, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    running = s3server.started(tmp_path_factory.mktemp("s3"))
    yield running
    running.kill()


@pytest.fixture
def line(server: S3Server) -> Iterator[Line]:
    """The manager's way to the bucket."""
    there = Line(int(server.endpoint.rpartition(":")[2]), [])
    yield there
    there.close()


@pytest.fixture
def apart(desk: Desk, scenes: Path, blender: str, server: S3Server, line: Line) -> Iterator[Apart]:
    where = ("--storage", f"s3://{BUCKET}/farm", "--storage-endpoint", f"http://127.0.0.1:{line.port}")
    here = Apart(desk, scenes, *where, "--storage-credentials", server.credentials)
    yield here
    here.client.close()


def test_a_bucket_out_of_reach_costs_time_and_no_frame(apart: Apart, desk: Desk, line: Line) -> None:
    out = apart.project / "out"
    running = desk.start("render", apart.blend, "--send", *SLOW, "-o", out / "f_####", "-s", 1, "-e", 6, "-a")
    until(lambda: out.is_dir() and names(out), "a frame is at home")
    line.dead(True)
    until(lambda: "tried again and again" in " ".join(apart.client.why(1).sentences), "a frame waits for the bucket")
    time.sleep(3)
    assert "cannot be reached" in " ".join(apart.client.why(1).sentences)
    assert apart.client.job(1).errors == 0
    line.dead(False)
    assert running.wait() == 0, running.text
    assert names(out) == [f"f_{number:04}.png" for number in range(1, 7)]
    job = apart.client.job(1)
    assert (job.counts["succeeded"], job.errors, job.failures) == (6, 0, ())
    assert not [path for path in apart.manager_data.glob("storage/**/*") if path.is_file()]
    code, text = desk.run("fetch", 1, "--to", desk.folder / "again")
    assert code == 0, text
    assert names(desk.folder / "again") == names(out)
