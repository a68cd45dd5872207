# SPDX-License-Identifier: GPL-3.0-or-later
"""A bucket of a real S3 server that is large, and one whose server is killed in the middle of everything."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from brender.manager.storage import StorageError
from brender.manager.storage.s3 import Place, S3Storage
from tests import s3server
from tests.s3server import BUCKET, S3Server

MIB = 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    running = s3server.started(tmp_path_factory.mktemp("s3"))
    yield running
    running.kill()


def storage_in(server: S3Server, prefix: str) -> S3Storage:
    place = Place(
        bucket=BUCKET, prefix=prefix, endpoint=server.endpoint, credentials=server.credentials, patience_s=0.5
    )
    return S3Storage(place)


def put(storage: S3Storage, folder: Path, key: str, content: bytes) -> None:
    path = folder / "incoming"
    path.write_bytes(content)
    storage.take(key, path)


def test_a_list_is_longer_than_a_page_of_s3(server: S3Server, tmp_path: Path) -> None:
    storage = storage_in(server, "long")
    wanted = {f"content/{number % 7:02}/{number}" for number in range(1100)}
    for key in wanted:
        put(storage, tmp_path, key, b"x")
    assert {entry.key for entry in storage.list("content/")} == wanted


def test_a_server_that_is_killed_is_an_error_in_words_and_then_it_goes_on(server: S3Server, tmp_path: Path) -> None:
    storage = storage_in(server, "killed")
    content = secrets.token_bytes(32 * MIB)
    put(storage, tmp_path, "output/1/a", content)
    pieces = storage.read("output/1/a")
    assert len(next(pieces)) == MIB
    server.kill()
    sentence = f"the store at {server.endpoint} cannot be reached. Look at its address, the network, and whether it "
    (tmp_path / "b").write_bytes(content)
    try:
        with pytest.raises(StorageError, match="cannot be read to its end: "):
            list(pieces)
        for doing in (
            lambda: storage.size("output/1/a"),
            lambda: list(storage.read("output/1/a")),
            lambda: storage.take("output/1/b", tmp_path / "b"),
            lambda: storage.delete("output/1/a"),
            lambda: list(storage.list("")),
        ):
            with pytest.raises(StorageError) as raised:
                doing()  # type: ignore[no-untyped-call]
            assert sentence in str(raised.value)
    finally:
        server.start()
    storage.take("output/1/b", tmp_path / "b")
    assert b"".join(storage.read("output/1/b")) == content
    assert not (tmp_path / "b").exists()
