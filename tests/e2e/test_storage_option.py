# SPDX-License-Identifier: GPL-3.0-or-later
"""A manager whose content lies in a bucket of a real S3 server, chosen on the command line or in the environment."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import s3server
from tests.e2e.conftest import Desk
from tests.s3server import BUCKET, S3Server

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    running = s3server.started(tmp_path_factory.mktemp("s3"))
    yield running
    running.kill()


def options(server: S3Server) -> list[object]:
    where = ["--storage", f"s3://{BUCKET}/farm", "--storage-endpoint", server.endpoint]
    return ["manager", "--port", "0", *where, "--storage-credentials", server.credentials]


def door(desk: Desk) -> httpx.Client:
    url = json.loads((desk.data / "manager.json").read_bytes())["url"]
    token = (desk.data / "token").read_text().strip()
    return httpx.Client(
        base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60
    )


def sent(http: httpx.Client, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    headers = {"Upload-Offset": "0", "Upload-Length": str(len(content)), "Content-Type": "application/octet-stream"}
    answer = http.put(f"/content/{sha256}", content=content, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return sha256


def test_content_goes_to_the_bucket_and_comes_back_after_a_restart(desk: Desk, server: S3Server) -> None:
    manager = desk.start(*options(server))
    manager.wait_for("manager ready")
    content = secrets.token_bytes(20 * 2**20 + 3)
    with door(desk) as http:
        sha256 = sent(http, content)
        assert http.head(f"/content/{sha256}").headers["Upload-Complete"] == "1"
    assert not [path for path in desk.data.rglob("*") if path.is_file() and path.stat().st_size >= len(content)]
    manager.signal(15)
    assert manager.wait() == 0
    assert "not/a+secret" not in manager.text

    desk.environ |= {
        "BRENDER_STORAGE": f"s3://{BUCKET}/farm",
        "BRENDER_STORAGE_ENDPOINT": server.endpoint,
        "BRENDER_STORAGE_CREDENTIALS": str(server.credentials),
    }
    desk.start("manager", "--port", "0").wait_for("manager ready")
    with door(desk) as http:
        assert http.get(f"/content/{sha256}").content == content
        part = http.get(f"/content/{sha256}", headers={"Range": "bytes=1048575-1048580"})
        assert (part.status_code, part.content) == (206, content[1048575:1048581])


def test_a_bucket_that_is_not_there_is_said_before_anything_is_served(desk: Desk, server: S3Server) -> None:
    code, text = desk.run(*options(server)[:4], "s3://no-such-bucket-here", *options(server)[5:])
    assert code != 0
    assert "there is no bucket no-such-bucket-here. Make it, or name another one." in text
    assert "Traceback" not in text


def test_another_place_than_that_of_the_content_is_refused(desk: Desk, server: S3Server) -> None:
    manager = desk.start(*options(server))
    manager.wait_for("manager ready")
    manager.signal(15)
    manager.wait()
    code, text = desk.run("manager", "--port", "0")
    assert code != 0
    assert f"This farm's files are in s3://{BUCKET}/farm, and" in text.replace("\n", " ")
    assert Path(desk.data / "storage.json").exists()
