# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile inputs, each with its refusal, against one real manager: afterwards it answers, and nothing has changed.

A row of a table is what is sent and what is to come back: a status (0: the connection is closed without an answer) and
words of the sentence. What is sent over HTTP is raw bytes, so that no client mends it.
"""

import base64
import hashlib
import json
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from brender.client import places
from brender.core.messages import PROTOCOL
from tests.e2e.conftest import Desk

API = "/api/v1"
WAIT_S = 10.0
NOTHING = "0" * 64
SHA = hashlib.sha256(b"hello").hexdigest()
PASSWORD = "a password of some length"


class Farm:
    """The manager, and all that it says of itself."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.running = desk.start("manager", "--port", "0", "--console-port", "0")
        self.running.wait_for("manager ready")
        known = places.manager_file(desk.data)
        assert known is not None
        self.url = known.url
        self.netloc = urlsplit(known.url).netloc
        self.host, self.port = self.netloc.rsplit(":", 1)
        self.console_port = known.console_port
        token = places.token(desk.data)
        assert token is not None
        self.token = token
        self.client = httpx.Client(base_url=self.url + API, headers={"Authorization": f"Bearer {self.token}"})
        self.cookie = ""

    def make(self) -> None:
        """Something that must not change: a tag, a worker, a user who is logged in by a cookie."""
        for kind, values in (("tag", {"name": "gpu", "note": "kept"}), ("worker", {"name": "prepared"})):
            made = self.client.post(f"/objects/{kind}", json={"values": values})
            assert made.status_code == 201, made.text
        made = self.client.post("/objects/user", json={"values": {"name": "mallory", "role": "viewer"}})
        assert made.status_code == 201, made.text
        made = self.client.post("/users/mallory/password", json={"password": PASSWORD})
        assert made.is_success, made.text
        with httpx.Client(base_url=self.url + API) as browser:
            entered = browser.post("/login", json={"name": "mallory", "password": PASSWORD})
            assert entered.is_success, entered.text
            self.cookie = entered.headers["set-cookie"].partition(";")[0]

    def state(self) -> dict[str, Any]:
        """What may not change by any of it."""
        pages = (
            "/objects/job",
            "/objects/worker",
            "/objects/tag",
            "/objects/setting",
            "/objects/share",
            "/objects/user",
        )
        return {page: self.client.get(page).json() for page in pages} | {
            "files": sorted(str(p) for p in self.desk.data.rglob("*") if p.is_file() and _is_kept(p))
        }

    def close(self) -> None:
        self.client.close()


def _is_kept(path: Path) -> bool:
    """Whether a file is more than what every request may leave: notes of what was asked, logs, the database."""
    return not any(part in ("asked", "logs", "incoming") for part in path.parts) and "brender.db" not in path.name


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    desk = Desk(tmp_path_factory.mktemp("hostile"))
    try:
        made = Farm(desk)
        made.make()
        yield made
        made.close()
    finally:
        desk.close()


@pytest.fixture(scope="module", autouse=True)
def unchanged(farm: Farm) -> Iterator[None]:
    """After all of it."""
    before = farm.state()
    yield
    assert farm.client.get("/farm").status_code == 200
    assert farm.state() == before
    assert "Traceback" not in farm.running.text


# --- HTTP --------------------------------------------------------------------------------------------------------


class Http(NamedTuple):
    """A request, and what is to come back."""

    line: str
    headers: tuple[str, ...] = ()
    body: bytes = b""
    status: tuple[int, ...] = (400,)
    says: str = ""
    bare: bool = False  # without Host and Authorization
    cut: bool = False  # the connection ends after it


JSON = "Content-Type: application/json"
OCTETS = "Content-Type: application/octet-stream"


def post(path: str, body: bytes | str, *headers: str, status: int | tuple[int, ...] = 400, says: str = "") -> Http:
    given = body.encode() if isinstance(body, str) else body
    return Http(
        f"POST {API}{path} HTTP/1.1",
        (JSON, f"Content-Length: {len(given)}", *headers),
        given,
        status if isinstance(status, tuple) else (status,),
        says,
    )


def get(path: str, *headers: str, status: int | tuple[int, ...] = 404, says: str = "") -> Http:
    return Http(f"GET {path} HTTP/1.1", headers, b"", status if isinstance(status, tuple) else (status,), says)


def put(path: str, body: bytes, *headers: str, status: int | tuple[int, ...] = 400, says: str = "") -> Http:
    return Http(
        f"PUT {API}{path} HTTP/1.1",
        (f"Content-Length: {len(body)}", *headers),
        body,
        status if isinstance(status, tuple) else (status,),
        says,
    )


def job(**fields: object) -> str:
    """A submission, changed."""
    scene = {"request_id": "hostile", "blend": "/no/such.blend"}
    return json.dumps(scene | fields)


UPLOAD = ("Upload-Offset: 0", "Upload-Length: 5", OCTETS)

REQUESTS: dict[str, Http] = {
    # the protocol itself
    "no HTTP at all": Http("\x16\x03\x01\x02\x00\x01\x00\x01", status=(400, 0), bare=True),
    "a request line without an end": Http("GET /" + "a" * 200_000, status=(431,), bare=True),
    "an unknown method": Http(f"EVIL {API}/farm HTTP/1.1", status=(400, 405)),
    "a header line of 200 kB": get(f"{API}/farm", "X-Long: " + "a" * 200_000, status=431, says="larger than 64 kB"),
    "a header line of 20 MB": get(f"{API}/farm", "X-Long: " + "a" * (20 * 2**20), status=(431, 0)),
    "ten thousand headers": get(f"{API}/farm", *[f"X-{i}: a" for i in range(10_000)], status=431),
    "a header with NUL": get(f"{API}/farm", "X-Nul: a\0b", status=(400, 0)),
    "a header folded over two lines": get(f"{API}/farm", "X-A: a\r\n b: c", status=(200, 400, 0)),
    "two lengths": post("/jobs", "{}", "Content-Length: 9", status=(400, 0)),
    "a length and chunks": post("/jobs", "{}", "Transfer-Encoding: chunked", status=(400, 0)),
    "a length that is no number": Http(f"POST {API}/jobs HTTP/1.1", (JSON, "Content-Length: 0x10"), b"", (400, 0)),
    "a negative length": Http(f"POST {API}/jobs HTTP/1.1", (JSON, "Content-Length: -5"), b"", (400, 0)),
    "a chunk of no size": Http(
        f"POST {API}/jobs HTTP/1.1", (JSON, "Transfer-Encoding: chunked"), b"ZZ\r\n{}\r\n0\r\n\r\n", (400, 0)
    ),
    "a body that ends too early": Http(
        f"POST {API}/jobs HTTP/1.1", (JSON, "Content-Length: 500"), b'{"request_id"', (400, 0), cut=True
    ),
    "a body that claims a petabyte": Http(
        f"POST {API}/jobs HTTP/1.1", (JSON, f"Content-Length: {1 << 50}"), b"{", (400, 413, 0), cut=True
    ),
    # who asks
    "no Host": Http(f"GET {API}/farm HTTP/1.1", ("Authorization: Bearer {token}",), b"", (400, 403), bare=True),
    "another Host": Http(
        f"GET {API}/farm HTTP/1.1", ("Host: evil.example", "Authorization: Bearer {token}"), b"", (403,), "Host", True
    ),
    "two Hosts": get(f"{API}/farm", "Host: evil.example", status=(400, 403)),
    "a Host with another port": Http(
        f"GET {API}/farm HTTP/1.1", ("Host: localhost:1", "Authorization: Bearer {token}"), b"", (403,), "Host", True
    ),
    "a Host with a user": Http(
        f"GET {API}/farm HTTP/1.1", ("Host: a@{netloc}", "Authorization: Bearer {token}"), b"", (400, 403), "", True
    ),
    "another Origin": get(f"{API}/farm", "Origin: http://evil.example", status=403, says="Origin"),
    "the Origin of a file": get(f"{API}/farm", "Origin: null", status=403, says="Origin"),
    "an Origin that begins like ours": get(f"{API}/farm", "Origin: http://{netloc}.evil.example", status=403),
    "no token": Http(f"GET {API}/farm HTTP/1.1", ("Host: {netloc}",), b"", (401,), "wants a token", True),
    "an empty token": Http(
        f"GET {API}/farm HTTP/1.1", ("Host: {netloc}", "Authorization: Bearer "), b"", (401,), "", True
    ),
    "another token": Http(
        f"GET {API}/farm HTTP/1.1", ("Host: {netloc}", "Authorization: Bearer " + "x" * 43), b"", (401,), "", True
    ),
    "the token as a password": Http(
        f"GET {API}/farm HTTP/1.1",
        ("Host: {netloc}", "Authorization: Basic " + base64.b64encode(b"a:b").decode()),
        b"",
        (401,),
        "Bearer",
        True,
    ),
    "two tokens": get(f"{API}/farm", "Authorization: Bearer " + "x" * 43, status=401),
    "a token of an account that was never made": Http(
        f"GET {API}/farm HTTP/1.1", ("Host: {netloc}", "Authorization: Bearer aaaa.bbbb"), b"", (401,), "", True
    ),
    "a token outside ASCII": Http(
        f"GET {API}/farm HTTP/1.1", ("Host: {netloc}", "Authorization: Bearer \xff\xfe.\xff"), b"", (400, 401), "", True
    ),
    "a token of 30 kB": Http(
        f"GET {API}/farm HTTP/1.1",
        ("Host: {netloc}", "Authorization: Bearer a." + "b" * 30_000),
        b"",
        (401, 431),
        "",
        True,
    ),
    "the token in the address": Http(
        f"GET {API}/farm?token={{token}} HTTP/1.1", ("Host: {netloc}",), b"", (401,), "", True
    ),
    "a cookie without the word against forgery": Http(
        f"POST {API}/workers/enable HTTP/1.1",
        ("Host: {netloc}", "Cookie: {cookie}", JSON, "Content-Length: 2"),
        b"{}",
        (403,),
        "logged in by a cookie",
        True,
    ),
    "a cookie with another word": Http(
        f"POST {API}/workers/enable HTTP/1.1",
        ("Host: {netloc}", "Cookie: {cookie}", "X-CSRF-Token: x", "X-Brender-Csrf: x", JSON, "Content-Length: 2"),
        b"{}",
        (403,),
        "",
        True,
    ),
    "two cookies": Http(
        f"GET {API}/farm HTTP/1.1", ("Host: {netloc}", "Cookie: {cookie}; {cookie}x"), b"", (401,), "", True
    ),
    "a cookie that was changed": Http(
        f"GET {API}/farm HTTP/1.1", ("Host: {netloc}", "Cookie: {cookie}x"), b"", (401,), "", True
    ),
    "a forwarded address": get(f"{API}/farm", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", status=200),
    # logging in and joining
    "a password of 1 MB": post(
        "/login", json.dumps({"name": "mallory", "password": "x" * 2**20}), status=(400, 401, 422)
    ),
    "a name that is none": post("/login", json.dumps({"name": "a\0b", "password": "x"}), status=(400, 401, 422)),
    "a name that is a list": post("/login", json.dumps({"name": ["a"], "password": "x"})),
    "an invitation that was never made": post(
        "/accept", json.dumps({"token": "aaaa.bbbb", "password": PASSWORD}), status=(400, 401, 403, 404, 422)
    ),
    # paths
    "up and out": get("/../../../../etc/passwd"),
    "up and out, encoded": get(f"{API}/%2e%2e/%2e%2e/etc/passwd"),
    "up and out, encoded twice": get(f"{API}/objects/%252e%252e%252fetc", status=(404, 422)),
    "a path with NUL": get(f"{API}/objects/tag%00", status=(400, 404, 422)),
    "a path that is no UTF-8": get(f"{API}/objects/%ff%fe", status=(400, 404, 422)),
    "a kind that there is not": get(f"{API}/objects/__class__", status=(404, 422)),
    "a path with two slashes": get(f"/{API}/farm", status=(200, 404)),
    "an address in the place of a path": Http("GET http://evil.example/ HTTP/1.1", status=(200, 400, 403, 404)),
    "a method that is not there": Http(f"DELETE {API}/farm HTTP/1.1", status=(405,), says="does not take DELETE"),
    "TRACE": Http(f"TRACE {API}/farm HTTP/1.1", status=(405,)),
    # numbers
    "a job of a huge number": get(f"{API}/jobs/99999999999999999999999999"),
    "a job of a negative number": get(f"{API}/jobs/-1"),
    "a job of no number": get(f"{API}/jobs/1e3"),
    "a job of a digit outside ASCII": get(f"{API}/jobs/%D9%A1"),
    "a page of a huge size": get(f"{API}/objects/tag?limit=99999999999999999999", status=400),
    "a page of a negative size": get(f"{API}/objects/tag?limit=-1", status=400),
    "a page of a size that is none": get(f"{API}/objects/tag?limit=NaN", status=400),
    "a frame that is none": get(f"{API}/jobs/1/log?frame=1e9", status=(400, 404)),
    # bodies
    "no JSON": post("/jobs", "{"),
    "JSON that is no object": post("/jobs", "[1,2]"),
    "JSON of ten thousand levels": post("/jobs", "[" * 10_000 + "]" * 10_000),
    "JSON of a million levels": post("/jobs", '{"a":' * 100_000 + "1" + "}" * 100_000),
    "a number of a million digits": post("/jobs", job(priority=1).replace('": 1', '": ' + "9" * 1_000_000)),
    "a number that is none": post("/jobs", '{"request_id":"a","blend":"/a.blend","priority":NaN}'),
    "text that is no UTF-8": post("/jobs", b'{"request_id":"\xff\xfe","blend":"/a"}'),
    "half of a character": post("/jobs", '{"request_id":"\\ud800","blend":"/a"}', status=(400, 422)),
    "a field that there is not": post("/jobs", job(__proto__={"admin": True})),
    "a field twice": post("/jobs", '{"request_id":"a","request_id":"b","blend":"/no/such.blend"}', status=(400, 422)),
    "a body of 9 MB": post("/jobs", job(name="x" * (9 * 2**20)), status=413, says="larger than 8 MB"),
    "XML": Http(f"POST {API}/jobs HTTP/1.1", ("Content-Type: text/xml", "Content-Length: 4"), b"<a/>", (415,)),
    "a form": Http(
        f"POST {API}/workers/enable HTTP/1.1",
        ("Content-Type: application/x-www-form-urlencoded", "Content-Length: 3"),
        b"a=b",
        (415,),
    ),
    "a body of no kind": Http(f"POST {API}/jobs HTTP/1.1", ("Content-Length: 2",), b"{}", (400, 415)),
    "a body that is packed": post("/jobs", b"\x1f\x8b\x08" + bytes(20), "Content-Encoding: gzip", status=(400, 415)),
    # submitting
    "a scene that is no path": post("/jobs", job(blend="a\0b.blend"), status=(400, 422)),
    "a scene that is relative": post("/jobs", job(blend="../../a.blend"), status=422),
    "a scene that is a device": post("/jobs", job(blend="/dev/zero"), status=422),
    "a scene that is a folder": post("/jobs", job(blend="/"), status=422),
    "a scene behind the data folder's token": post("/jobs", job(blend="{data}/token"), status=422),
    "an owner who is somebody else": post("/jobs", job(owner="root"), status=(400, 422)),
    "frames of a huge number": post("/jobs", job(frames="1-99999999999999"), status=(400, 422)),
    "a manifest that is no hash": post("/jobs", job(manifest="../../token", blend="a.blend"), status=(400, 422)),
    "a manifest that is not here": post("/jobs", job(manifest=NOTHING, blend="a.blend"), status=(400, 422)),
    # content
    "content of no hash": put("/content/..%2f..%2ftoken", b"hello", *UPLOAD, status=(400, 404)),
    "content of a hash in capitals": put(f"/content/{SHA.upper()}", b"hello", *UPLOAD, says="lower case"),
    "content that is something else": put(f"/content/{NOTHING}", b"hello", *UPLOAD, status=422),
    "content without a length": put(f"/content/{SHA}", b"hello", OCTETS),
    "content of a negative offset": put(f"/content/{SHA}", b"hello", "Upload-Offset: -1", "Upload-Length: 5", OCTETS),
    "content beyond its length": put(
        f"/content/{SHA}", b"hello!!", "Upload-Offset: 0", "Upload-Length: 5", OCTETS, status=(400, 413, 422)
    ),
    "content from the middle": put(
        f"/content/{SHA}", b"lo", "Upload-Offset: 3", "Upload-Length: 5", OCTETS, status=409
    ),
    "content of a petabyte": put(
        f"/content/{SHA}", b"h", "Upload-Offset: 0", f"Upload-Length: {1 << 60}", OCTETS, status=(400, 413, 422, 507)
    ),
    "content of a number that is none": put(
        f"/content/{SHA}", b"h", "Upload-Offset: ١", "Upload-Length: 1e3", OCTETS, status=400
    ),
    "content as JSON": put(f"/content/{SHA}", b"hello", "Upload-Offset: 0", "Upload-Length: 5", JSON, status=415),
    "content that nobody sent": get(f"{API}/content/{NOTHING}", "Range: bytes=0-1"),
    "ten thousand and one hashes": post("/content/missing", json.dumps({"hashes": [SHA] * 10_001}), status=413),
    "a hash that is a path": post("/content/missing", json.dumps({"hashes": ["../token"]})),
    "a range that is none": get(f"{API}/content/{NOTHING}", "Range: bytes=9-1,-,a-b", status=(400, 404, 416)),
    "frames of a run that is not there": put(
        f"/runs/..%2f..%2fetc/files/{SHA}", b"hello", *UPLOAD, status=(400, 401, 403, 404)
    ),
    # objects
    "a setting that there is not": Http(
        f"PATCH {API}/objects/setting HTTP/1.1",
        (JSON, "Content-Length: {length}"),
        b'{"filters":["no_such"],"values":{"value":1}}',
        (400, 404, 422),
    ),
    "a setting of another type": Http(
        f"PATCH {API}/objects/setting HTTP/1.1",
        (JSON, "Content-Length: {length}"),
        b'{"filters":["lease_s"],"values":{"value":"soon"}}',
        (400, 422),
    ),
    "a tag with a name of 8,000 characters": post(
        "/objects/tag", json.dumps({"values": {"name": "x" * 8000}}), status=(400, 422)
    ),
    "a tag with invisible characters": post(
        "/objects/tag", json.dumps({"values": {"name": "gpu\u202e\0"}}), status=(400, 422)
    ),
    "a filter that never ends": get(f"{API}/objects/worker?filter=" + "(" * 5000, status=(200, 400, 404, 414, 422)),
    "a task that is none": post("/tasks/kill", json.dumps({"tasks": ["1/0/../../2"]}), status=(400, 422)),
}


def send(farm: Farm, asked: Http) -> tuple[int, str]:
    """The status of the answer, 0 for none, and its text."""
    values = {
        "{token}": farm.token,
        "{netloc}": farm.netloc,
        "{cookie}": farm.cookie,
        "{data}": str(farm.desk.data),
    }
    body = asked.body
    if b"{data}" in body:
        body = body.replace(b"{data}", values["{data}"].encode())
    values["{length}"] = str(len(body))
    own = () if asked.bare else ("Host: {netloc}", "Authorization: Bearer {token}")
    headers = [header for header in asked.headers if body == asked.body or not header.startswith("Content-Length")]
    if body != asked.body:
        headers.append(f"Content-Length: {len(body)}")
    text = "\r\n".join([asked.line, *own, *headers, "Connection: close", "", ""])
    for name, value in values.items():
        text = text.replace(name, value)
    with socket.create_connection((farm.host, int(farm.port)), timeout=WAIT_S) as connection:
        return exchange(connection, text.encode("latin-1", "replace") + body, cut=asked.cut)


def exchange(connection: socket.socket, data: bytes, *, cut: bool) -> tuple[int, str]:
    try:
        connection.sendall(data)
        if cut:
            connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it closes before it has read all: what it said is read below
    answer = b""
    try:
        while piece := connection.recv(65_536):
            answer += piece
            if len(answer) > 2**20:
                break
    except ConnectionResetError:
        pass
    if not answer.startswith(b"HTTP/1.1 "):
        return 0, answer.decode("utf-8", "replace")
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), rest.decode("utf-8", "replace")


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_refused(name: str, farm: Farm) -> None:
    asked = REQUESTS[name]
    status, said = send(farm, asked)
    assert status in asked.status, said[:500]
    assert asked.says in said
    assert farm.token not in said
    assert "Traceback" not in said
    if status >= 400 and said.startswith("{"):
        problem = json.loads(said)["error"]
        assert problem["message"]
        assert problem["reason"]


# --- the workers' socket -----------------------------------------------------------------------------------------


def hello(**changed: object) -> str:
    facts = {"hostname": "h", "system": "Linux", "cores": 1, "memory_mb": 1}
    said = {"type": "Hello", "protocol": PROTOCOL, "key": "k" * 43, "boot": "b", "name": "prepared", "host": facts}
    return json.dumps(said | changed)


def masked(first: int, payload: bytes) -> bytes:
    """A frame with this first byte."""
    return bytes([first, 0x80 | len(payload)]) + bytes(4) + payload


Talk = Callable[[ClientConnection], None]


def says(*messages: str | bytes) -> Talk:
    def talk(connection: ClientConnection) -> None:
        for message in messages:
            connection.send(message)

    return talk


def raw(data: bytes) -> Talk:
    return lambda connection: connection.socket.sendall(data)


SOCKETS: dict[str, Talk] = {
    "no JSON": says("hello"),
    "bytes that are no text": says(b"\xff\xfe\0"),
    "JSON of a hundred thousand levels": says("[" * 100_000),
    "an unknown type": says(json.dumps({"type": "Evil"})),
    "a manager's message": says(json.dumps({"type": "Welcome", "worker": "a"})),
    "a report before Hello": says(json.dumps({"type": "Started", "id": "1", "run": "r"})),
    "a Hello of another protocol": says(hello(protocol=10**9)),
    "a Hello without a key": says(hello(key=None)),
    "a Hello that is a number": says("5"),
    "a Hello with a negative machine": says(hello(host={"hostname": 5})),
    "a message of 20 MB": says(hello(name="x" * (20 * 2**20))),
    "a frame with reserved bits": raw(masked(0xF1, b"a")),
    "a frame of an unknown kind": raw(masked(0x83, b"a")),
    "a frame that is not masked": raw(bytes([0x81, 1]) + b"a"),
    "a frame that claims eight exabytes": raw(bytes([0x81, 0xFF]) + struct.pack(">Q", 1 << 62) + bytes(4)),
    "a continuation of nothing": raw(masked(0x80, b"a")),
    "a ping of 2 kB": raw(bytes([0x89, 0xFE]) + struct.pack(">H", 2000) + bytes(2004)),
}


@pytest.mark.parametrize("name", SOCKETS)
def test_a_worker_that_talks_nonsense_is_let_go(name: str, farm: Farm) -> None:
    address = f"ws://{farm.netloc}{API}/worker"
    headers = {"Authorization": f"Bearer {farm.token}"}
    with connect(address, additional_headers=headers, max_size=None, close_timeout=1) as connection:
        said: list[str] = []
        try:
            SOCKETS[name](connection)
            while True:
                said.append(str(connection.recv(timeout=WAIT_S)))
        except (ConnectionClosed, BrokenPipeError, ConnectionResetError):
            pass
    assert all(json.loads(each)["type"] == "Refused" for each in said), said
    assert not any("Traceback" in each for each in said)


def test_the_socket_is_for_who_shows_a_token_and_no_page_from_elsewhere(farm: Farm) -> None:
    address = f"ws://{farm.netloc}{API}/worker"
    right = {"Authorization": f"Bearer {farm.token}"}
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer " + "x" * 43}, 401),
        (right | {"Origin": "http://evil.example"}, 403),
        ({"Cookie": farm.cookie}, 403),
    ):
        with pytest.raises(InvalidStatus) as refused, connect(address, additional_headers=headers):
            pass
        assert refused.value.response.status_code == status


def heard(connection: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a kind."""
    while (said := json.loads(connection.recv(timeout=WAIT_S)))["type"] != kind:
        pass
    return said  # type: ignore[no-any-return]


def test_what_a_worker_says_of_anothers_run_changes_nothing_and_a_second_hello_ends_it(
    farm: Farm, scenes: Path
) -> None:
    address, headers = f"ws://{farm.netloc}{API}/worker", {"Authorization": f"Bearer {farm.token}"}
    blender = {"kind": "blender", "version": "3.4.1"}
    facts = {"hostname": "h", "system": "Linux", "cores": 1, "memory_mb": 1}
    able = facts | {"blenders": [{"blender": blender, "path": "/opt/blender"}]}
    with (
        connect(address, additional_headers=headers) as one,
        connect(address, additional_headers=headers) as other,
    ):
        one.send(hello(name="one", key="1" * 43, host=able))
        heard(one, "Welcome")
        other.send(hello(name="other", key="2" * 43, host=facts))
        heard(other, "Welcome")
        blend = str(scenes / "animation_movebone.blend")
        out = {"output": str(farm.desk.data.parent / "out_####")}
        made = farm.client.post(
            "/jobs", json={"request_id": "theirs", "blend": blend, "frames": "1-2", "settings": out}
        )
        assert made.status_code == 201, made.text
        job = made.json()["id"]
        run = heard(one, "Assign")["orders"][0]["run"]
        for kind, more in (
            ("Started", {}),
            ("Rendered", {"result": {}, "thumbnail": base64.b64encode(b"evil").decode()}),
            ("Failed", {"kind": "no_camera", "message": "evil"}),
            ("Stopped", {}),
            ("Unstarted", {}),
        ):
            for target in (run, "../../../token", "\u202e" * 50):
                other.send(json.dumps({"type": kind, "id": f"{kind}{len(target)}", "run": target} | more))
                verdict = "stop" if kind in ("Started", "Rendered") else "ok"  # of a run that is over: it is forgotten
                assert heard(other, "Ack").get("verdict", "ok") == verdict
        other.send(json.dumps({"type": "Log", "run": run, "text": "evil"}))
        other.send(hello(name="other", key="2" * 43))
        assert "Hello once" in heard(other, "Refused")["reason"]
        [task] = farm.client.get(f"/jobs/{job}/frames?limit=1").json()["frames"][:1]
        assert "evil" not in json.dumps(task)
        assert farm.client.get(f"/jobs/{job}").json()["state"] in ("queued", "active")
        assert farm.client.post(f"/jobs/{job}/cancel").is_success
        one.send(json.dumps({"type": "Goodbye"}))
    for kind, names in (("job", [str(job)]), ("worker", ["one", "other"])):
        gone = farm.client.request("DELETE", f"/objects/{kind}", json={"filters": names})
        assert gone.is_success, gone.text


# --- the console -------------------------------------------------------------------------------------------------

LINES: dict[str, tuple[bytes, str]] = {
    "a verb that there is not": (b"destroy everything\n", ""),
    "a line of 2 MB": (b"a" * (2 * 2**20) + b"\n", ""),
    "NUL": (b"get tag \0\n", ""),
    "bytes that are no UTF-8": (b"get tag \xc3\x28\xff\n", ""),
    "telnet that negotiates without end": (b"\xff\xfd\x01" * 5000 + b"\xff\xfa\x18" + b"a" * 5000 + b"\n", ""),
    "JSON that is none": (b'{"verb": \n', ""),
    "JSON of ten thousand levels": (b'{"a":' * 10_000 + b"\n", ""),
    "a quote without an end": (b'set tag gpu note="a\n', ""),
    "escape sequences of a terminal": (b"get \x1b]0;evil\x07\x1b[2J\n", "\x1b"),
    "a delete without a name": (b"delete tag\n", ""),
    "a worker of 2013 with no address": (b"identify_client ../../etc/passwd\n", ""),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_the_console_changes_nothing(name: str, farm: Farm) -> None:
    line, never = LINES[name]
    with socket.create_connection(("127.0.0.1", farm.console_port), timeout=WAIT_S) as connection:
        said = b""
        try:
            connection.sendall(line)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65_536):
                said += piece
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert b"Traceback" not in said
    assert len(said) < 2**20
    if never:
        assert never.encode() not in said


def test_there_are_as_many_as_were_promised() -> None:
    assert len(REQUESTS) + len(SOCKETS) + len(LINES) + 4 >= 60
