# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending and fetching over a real server and a line that breaks: whole, verified, resumed, or a sentence."""

import hashlib
import os
import random
import threading
from pathlib import Path

import httpx
import pytest

from brender.manager import incoming
from brender.transfer import Changed, TransferError, fetch, send, sending
from tests.transfer.conftest import Served
from tests.transfer.line import Line

MIB = 2**20


def file(folder: Path, size: int, name: str = "a.exr") -> tuple[Path, str]:
    content = random.Random(size).randbytes(size)
    (folder / name).write_bytes(content)
    return folder / name, hashlib.sha256(content).hexdigest()


def ignore(_: int) -> None: ...


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1, 70 * MIB + 3])
def test_a_file_goes_there_and_comes_back_the_same(
    served: Served, http: httpx.Client, tmp_path: Path, size: int
) -> None:
    path, sha256 = file(tmp_path, size)
    told: list[int] = []
    send(http, served.url(sha256), path, sha256, size, told.append)
    assert served.kept(sha256) == path.read_bytes()
    assert told[-1] == size
    assert told == sorted(told)
    fetch(http, served.url(sha256), tmp_path / "back.exr", sha256, None, ignore)
    assert (tmp_path / "back.exr").read_bytes() == path.read_bytes()
    assert not list(tmp_path.glob(".*.part"))
    assert not list((served.folder / "incoming").rglob("*.part"))


def test_a_line_that_breaks_costs_little_more_than_what_was_on_it(
    served: Served, http: httpx.Client, tmp_path: Path
) -> None:
    path, sha256 = file(tmp_path, 60 * MIB)
    line = Line(served.port, [9 * MIB, 20 * MIB, 500, 17 * MIB])
    send(http, served.url(sha256, line.port), path, sha256, 60 * MIB, ignore)
    line.close()
    assert served.kept(sha256) == path.read_bytes()
    assert line.connections >= 5
    assert line.carried < 62 * MIB  # what came was kept, but for what was in buffers


def test_a_download_goes_on_where_the_line_broke(served: Served, http: httpx.Client, tmp_path: Path) -> None:
    content = random.Random(5).randbytes(40 * MIB)
    sha256 = served.give(content)
    line = Line(served.port, [9 * MIB, 12 * MIB, 100], back=True)
    fetch(http, served.url(sha256, line.port), tmp_path / "x", sha256, len(content), ignore)
    line.close()
    assert (tmp_path / "x").read_bytes() == content
    assert line.carried < 43 * MIB


def test_what_an_earlier_process_fetched_is_not_fetched_again(
    served: Served, http: httpx.Client, tmp_path: Path
) -> None:
    content = random.Random(6).randbytes(8 * MIB)
    sha256 = served.give(content)

    class Ended(Exception): ...

    def end(at: int) -> None:
        if at >= 4 * MIB:
            raise Ended

    with pytest.raises(Ended):
        fetch(http, served.url(sha256), tmp_path / "x", sha256, len(content), end)
    assert not (tmp_path / "x").exists()
    told: list[int] = []
    fetch(http, served.url(sha256), tmp_path / "x", sha256, len(content), told.append)
    assert told[0] >= 4 * MIB
    assert (tmp_path / "x").read_bytes() == content


def test_a_manager_that_was_started_anew_finds_what_came_before(
    served: Served, http: httpx.Client, tmp_path: Path
) -> None:
    path, sha256 = file(tmp_path, 3 * MIB)
    put(http, served, sha256, path.read_bytes()[: 2 * MIB], 0, 3 * MIB)
    served.content.incoming._digests.clear()  # what a new process knows
    told: list[int] = []
    send(http, served.url(sha256), path, sha256, 3 * MIB, told.append)
    assert told[0] == 2 * MIB
    assert served.kept(sha256) == path.read_bytes()


def put(
    http: httpx.Client, served: Served, sha256: str, body: bytes, offset: object, length: object, **headers: str
) -> httpx.Response:
    given = {"Upload-Offset": str(offset), "Upload-Length": str(length), "Content-Type": "application/octet-stream"}
    return http.put(served.url(sha256), content=body, headers=given | headers)


def test_a_wrong_offset_is_told_the_right_one(served: Served, http: httpx.Client) -> None:
    sha256 = hashlib.sha256(b"0123456789").hexdigest()
    assert put(http, served, sha256, b"0123", 0, 10).headers["Upload-Offset"] == "4"
    answer = put(http, served, sha256, b"89", 8, 10)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "4")
    standing = http.head(served.url(sha256))
    assert (standing.headers["Upload-Offset"], standing.headers["Upload-Complete"]) == ("4", "0")
    assert put(http, served, sha256, b"456789", 4, 10).status_code == 201
    assert http.head(served.url(sha256)).headers["Upload-Complete"] == "1"
    assert put(http, served, sha256, b"x", 0, 10).status_code == 200  # there already: nothing is written


def test_content_of_another_hash_is_dropped_whole(served: Served, http: httpx.Client) -> None:
    sha256 = hashlib.sha256(b"right").hexdigest()
    answer = put(http, served, sha256, b"wrong", 0, 5)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (422, "not_the_content")
    assert http.head(served.url(sha256)).headers["Upload-Offset"] == "0"
    assert put(http, served, sha256, b"right", 0, 5).status_code == 201


def test_a_part_that_is_longer_than_the_file_is_begun_anew(served: Served, http: httpx.Client) -> None:
    sha256 = hashlib.sha256(b"right").hexdigest()
    assert put(http, served, sha256, b"0123456", 0, 10).status_code == 202
    assert put(http, served, sha256, b"right", 0, 5).status_code == 201
    assert served.kept(sha256) == b"right"


@pytest.mark.parametrize(
    ("offset", "length", "status"),
    [(-1, 5, 400), ("", 5, 400), ("٣", 5, 400), (6, 5, 400), (0, "9" * 19, 400), (0, 3, 400), (0, 2**31, 413)],
)
def test_headers_and_sizes_that_cannot_be_are_refused(
    served: Served, http: httpx.Client, offset: object, length: object, status: int
) -> None:
    sha256 = hashlib.sha256(b"right").hexdigest()
    given = {"Upload-Offset": str(offset).encode(), "Upload-Length": str(length).encode()}
    answer = http.put(
        served.url(sha256), content=b"right", headers={"Content-Type": "application/octet-stream", **given}
    )
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert served.kept(sha256) is None


def test_only_octets_are_a_file_and_only_a_hash_is_a_name(served: Served, http: httpx.Client) -> None:
    sha256 = hashlib.sha256(b"right").hexdigest()
    assert put(http, served, sha256, b"right", 0, 5, **{"Content-Type": "application/json"}).status_code == 415
    for name in ("A" * 64, "a" * 63, "..%2f..%2fx", "g" * 64):
        assert put(http, served, name, b"right", 0, 5).status_code in (400, 404)
    assert http.post(f"http://127.0.0.1:{served.port}/api/v1/content/missing", content=b"x").status_code == 415


def test_a_disk_without_room_is_said_in_a_sentence_and_what_came_is_kept(
    served: Served, http: httpx.Client, tmp_path: Path
) -> None:
    path, sha256 = file(tmp_path, 3 * MIB)
    put(http, served, sha256, path.read_bytes()[:MIB], 0, 3 * MIB)
    served.settings["keep_free_gb"] = 1_000_000.0
    with pytest.raises(TransferError, match="no room for 2 MB more") as raised:
        send(http, served.url(sha256), path, sha256, 3 * MIB, ignore)
    assert raised.value.status == 507
    served.settings["keep_free_gb"] = 0.0
    told: list[int] = []
    send(http, served.url(sha256), path, sha256, 3 * MIB, told.append)
    assert told[0] == MIB


def test_a_file_that_changed_is_noticed(served: Served, http: httpx.Client, tmp_path: Path) -> None:
    path, sha256 = file(tmp_path, 2 * MIB)
    with path.open("r+b") as changed:
        changed.write(b"other")
    with pytest.raises(Changed, match="has changed since it was looked at"):
        send(http, served.url(sha256), path, sha256, 2 * MIB, ignore)
    os.truncate(path, MIB)
    with pytest.raises(Changed, match="is shorter than"):
        send(http, served.url(sha256), path, sha256, 2 * MIB, ignore)
    path.unlink()
    with pytest.raises(Changed, match="cannot be read any more"):
        send(http, served.url(sha256), path, sha256, 2 * MIB, ignore)


def test_several_who_send_the_same_at_once_store_it_once(served: Served, tmp_path: Path) -> None:
    path, sha256 = file(tmp_path, 50 * MIB)
    failed: list[BaseException] = []

    def one() -> None:
        try:
            with httpx.Client(timeout=20, trust_env=False) as mine:
                send(mine, served.url(sha256), path, sha256, 50 * MIB, ignore)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert not failed
    assert served.kept(sha256) == path.read_bytes()
    assert len(list((served.folder / "storage").rglob(sha256))) == 1


def test_who_sends_nothing_for_too_long_lets_others_in(
    served: Served, http: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "SILENCE_S", 0.5)
    path, sha256 = file(tmp_path, 2 * MIB)
    halted, go_on = threading.Event(), threading.Event()

    def stalls() -> "object":
        yield path.read_bytes()[:MIB]
        halted.set()
        go_on.wait(30)
        yield path.read_bytes()[MIB:]

    def one() -> None:
        headers = {
            "Upload-Offset": "0",
            "Upload-Length": str(2 * MIB),
            "Content-Length": str(2 * MIB),
            "Content-Type": "application/octet-stream",
        }
        with httpx.Client(timeout=20, trust_env=False) as mine:
            mine.put(served.url(sha256), content=stalls(), headers=headers)  # type: ignore[arg-type]

    thread = threading.Thread(target=one)
    thread.start()
    assert halted.wait(10)
    send(http, served.url(sha256), path, sha256, 2 * MIB, ignore)
    assert served.kept(sha256) == path.read_bytes()
    go_on.set()
    thread.join(20)


def test_nobody_there_is_a_sentence_once_patience_is_over(http: httpx.Client, tmp_path: Path) -> None:
    path, sha256 = file(tmp_path, 10)
    with pytest.raises(TransferError, match=r"could not be sent: .*refused.*tried for 1 s"):
        send(http, f"http://127.0.0.1:9/content/{sha256}", path, sha256, 10, ignore, patience_s=1)
    with pytest.raises(TransferError, match="could not be fetched"):
        fetch(http, f"http://127.0.0.1:9/content/{sha256}", tmp_path / "b", sha256, 10, ignore, patience_s=1)


def test_what_is_not_there_or_not_the_content_is_not_fetched(
    served: Served, http: httpx.Client, tmp_path: Path
) -> None:
    with pytest.raises(TransferError, match="is not here") as raised:
        fetch(http, served.url("a" * 64), tmp_path / "b", "a" * 64, 10, ignore)
    assert raised.value.status == 404
    sha256 = served.give(b"right")
    served.content.storage.local(f"content/{sha256[:2]}/{sha256}").write_bytes(b"wrong")  # type: ignore[union-attr]
    with pytest.raises(TransferError, match="is not what was asked for, twice"):
        fetch(http, served.url(sha256), tmp_path / "b", sha256, 5, ignore)
    assert list(tmp_path.glob("*b*")) == []
    with pytest.raises(TransferError, match="cannot be written"):
        fetch(http, served.url(sha256), tmp_path / "none" / "b", sha256, 5, ignore)


@pytest.mark.parametrize(
    ("wanted", "status", "found"),
    [
        ("bytes=2-4", 206, b"234"), ("bytes=8-", 206, b"89"), ("bytes=-3", 206, b"789"), ("bytes=5-99", 206, b"56789"),
        ("bytes=10-", 416, None), ("bytes=4-2", 416, None), ("bytes=0-1,3-4", 416, None), ("bytes=-0", 416, None),
        ("bytes=-", 416, None), ("pages=1-2", 416, None),
    ],
)  # fmt: skip
def test_a_range_is_given_as_it_is_asked(
    served: Served, http: httpx.Client, wanted: str, status: int, found: bytes | None
) -> None:
    url = served.url(served.give(b"0123456789"))
    answer = http.get(url, headers={"Range": wanted})
    assert answer.status_code == status
    if found is not None:
        assert answer.content == found
        assert answer.headers["Content-Range"].endswith("/10")
    else:
        assert answer.headers["Content-Range"] == "bytes */10"


def test_a_refusal_without_an_offset_ends_it(tmp_path: Path) -> None:
    path, sha256 = file(tmp_path, 10)
    body = b'{"error":{"message":"The run is over.","reason":"conflict"}}'
    gone = httpx.MockTransport(lambda _: httpx.Response(409, content=body))
    with httpx.Client(transport=gone) as http, pytest.raises(TransferError, match=r"The run is over\.") as raised:
        send(http, "http://x/y", path, sha256, 10, ignore)
    assert raised.value.status == 409


def test_a_request_carries_no_more_than_a_piece(served: Served, http: httpx.Client, tmp_path: Path) -> None:
    """A proxy that keeps a body until it is whole costs at most that after a break."""
    path, sha256 = file(tmp_path, 3 * MIB)
    lengths: list[int] = []
    http.event_hooks["request"].append(lambda request: lengths.append(int(request.headers.get("Content-Length", 0))))
    before, sending.PIECE = sending.PIECE, MIB
    try:
        send(http, served.url(sha256), path, sha256, 3 * MIB, ignore)
    finally:
        sending.PIECE = before
    assert lengths == [0, MIB, MIB, MIB]
