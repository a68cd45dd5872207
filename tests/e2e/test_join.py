# SPDX-License-Identifier: GPL-3.0-or-later
"""A second machine joins with one line, over TLS: real processes, each with a data folder of its own."""

import contextlib
import datetime
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from brender.client import find, places
from brender.client.api import Client
from brender.core import jointoken
from brender.core.jointoken import JoinToken
from brender.core.nouns import Connection
from brender.tls import certificate, trust
from tests.e2e.conftest import Desk, Running
from tests.worker_io.conftest import MAKE

READY = r"manager ready"
JOINED = r"joined +manager="


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Desk]:
    """Another machine: it has nothing of the first one's."""
    (tmp_path / "there").mkdir()
    desk = Desk(tmp_path / "there")
    yield desk
    desk.close()


def manager(desk: Desk, *more: object, port: int = 0) -> Running:
    """A manager on a loopback address, with TLS all the same."""
    running = desk.start("manager", "--port", port, "--no-console", *(more or ("--tls",)))
    running.wait_for(READY)
    return running


def asked(desk: Desk) -> Client:
    """The manager, as its own machine asks it."""
    client = find.local_manager(desk.data, desk.environ)
    assert client is not None
    return client


def token(desk: Desk, uses: int | None = None, hours: float = 24.0) -> str:
    with asked(desk) as client:
        return client.make_join_token(uses, hours).text


def port(desk: Desk) -> int:
    said = places.manager_file(desk.data)
    assert said is not None
    return int(said.url.rpartition(":")[2])


def until_online(desk: Desk, count: int = 1) -> list[str]:
    """The names of the workers that are connected, once there are so many."""
    deadline = time.monotonic() + 60
    with asked(desk) as client:
        while time.monotonic() < deadline:
            online = [w.name for w in client.workers().workers if w.connection is Connection.ONLINE]
            if len(online) >= count:
                return online
            time.sleep(0.05)  # another process, which tells nobody here
    pytest.fail(f"{count} workers did not come")


def test_a_worker_joins_with_one_line_and_renders_and_needs_the_token_no_more(
    desk: Desk, there: Desk, blender: str, tmp_path: Path
) -> None:
    serving = manager(desk)
    working = there.start("worker", "--join", token(desk, uses=1), "--name", "second")
    working.wait_for(JOINED)
    assert until_online(desk) == ["second"]

    shutil.copy(cube(blender, tmp_path), desk.folder / "cube.blend")
    code, said = desk.run("render", desk.folder / "cube.blend", "-o", desk.out / "f_####", "-f", "1")
    assert code == 0, said
    assert list(desk.frames()) == ["f_0001.png"]

    working.signal(signal.SIGTERM)
    assert working.wait() == 0
    again = there.start("worker", "--name", "second")
    assert until_online(desk) == ["second"]
    assert "joined" not in again.text
    known = port(desk)
    serving.signal(signal.SIGTERM)
    assert serving.wait() == 0
    manager(desk, port=known)  # the same certificate: it is the data folder's
    assert until_online(desk) == ["second"]


def test_up_listens_for_others_and_prints_the_line_to_paste(desk: Desk, there: Desk) -> None:
    """On all addresses of this machine; its own console stays where nobody else is."""
    running = desk.start("up", "--listen", "0.0.0.0", "--port", 0, "--no-announce")
    text = running.wait_for(r"brender worker --join (bj1-\S+)")[1]
    said = places.manager_file(desk.data)
    assert said is not None
    assert said.url.startswith("https://127.0.0.1:")
    there.environ["BRENDER_JOIN"] = text
    there.start("worker", "--name", "second").wait_for(JOINED)
    assert "second" in until_online(desk, 2)
    assert text not in (desk.data / "logs" / "manager.log").read_text()
    assert {c.laddr.ip for c in psutil.Process(said.pid).net_connections() if c.laddr.port == said.console_port} == {
        "127.0.0.1"
    }


def cube(blender: str, folder: Path) -> Path:
    """64 by 36 pixels and one sample."""
    path = folder / "made.blend"
    command = [blender, "-b", "--factory-startup", "--python-expr", MAKE, "--", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return path


# --- who does not come in ------------------------------------------------------------------------------------------


def test_what_is_no_good_token_is_refused_with_a_sentence_and_an_exit_code(desk: Desk, there: Desk) -> None:
    manager(desk)
    good = jointoken.decode(token(desk))
    with asked(desk) as client:
        revoked = client.make_join_token(None, 24.0)
        client.delete("token", [revoked.id])
    stranger = JoinToken(urls=good.urls, fingerprint="ab" * 32, token=good.token)
    guessed = JoinToken(urls=good.urls, fingerprint=good.fingerprint, token=f"{good.token[:-4]}AAAA")
    nowhere = JoinToken(urls=("https://127.0.0.1:1",), fingerprint=good.fingerprint, token=good.token)
    used_up = token(desk, uses=1)
    elsewhere = Desk(there.folder / "first")
    elsewhere.start("worker", "--join", used_up, "--name", "first").wait_for(JOINED)
    elsewhere.close()
    unknown = "This join token is not known here: it was revoked, or belongs to another farm."
    other = (
        f"the certificate at 127.0.0.1, port {port(desk)} is {trust.short(good.fingerprint)}, and abab:abab:abab:abab "
        "was expected: either the manager has a new one"
    )
    for text, code, sentence in [
        (token(desk, hours=1e-6), 3, "This join token has run out. Make another on the manager"),
        (used_up, 3, "This join token is used up: as many machines as it was for have joined."),
        (revoked.text, 3, unknown),
        (jointoken.encode(guessed), 3, unknown),
        (jointoken.encode(good)[:-3], 3, "The join token was cut or changed in copying."),
        ("hello-world", 3, "This is no join token: one begins with bj1-."),
        (jointoken.encode(nowhere), 4, "The manager of this join token was not reached: nobody answers at 127.0.0.1"),
        (jointoken.encode(stranger), 4, other),
    ]:
        ended, said = there.run("worker", "--join", text)
        assert (ended, sentence in said) == (code, True), said
        assert "Traceback" not in said
        assert text.partition("-")[2] not in said
    assert not (there.data / "worker" / "joined.json").exists()
    assert until_online(desk, 0) == []


def test_a_worker_that_was_removed_is_told_how_to_join_again_and_ends(desk: Desk, there: Desk) -> None:
    manager(desk)
    working = there.start("worker", "--join", token(desk), "--name", "second")
    until_online(desk)
    working.signal(signal.SIGTERM)
    assert working.wait() == 0
    with asked(desk) as client:
        client.delete("worker", ["second"])
    code, said = there.run("worker", "--name", "second")
    assert code == 3
    assert f"The manager will not have this worker: 127.0.0.1, port {port(desk)}, does not know it (any more)." in said
    assert "`brender worker --join TOKEN`" in said
    there.start("worker", "--join", token(desk), "--name", "second")
    assert until_online(desk) == ["second"]


@pytest.mark.parametrize("copy_comes", ["second", "first"])
def test_a_copied_folder_is_no_worker_of_the_farm(desk: Desk, there: Desk, copy_comes: str) -> None:
    """C13: noticed where the copy is, whichever of the two is started first."""
    manager(desk)
    text = token(desk)
    working = there.start("worker", "--join", text, "--name", "second")
    until_online(desk)
    copied = there.folder / "copied"
    shutil.copytree(there.data / "worker", copied)
    if copy_comes == "first":
        working.signal(signal.SIGTERM)
        working.wait()
    code, said = start_elsewhere(there, copied)
    assert code == 3
    assert f"The identity in {copied} is that of another machine" in said
    assert "has not joined the farm" in said
    if copy_comes == "first":
        there.start("worker", "--name", "second")
    assert until_online(desk) == ["second"]


def start_elsewhere(desk: Desk, folder: Path) -> tuple[int, str]:
    """A worker of this folder, on a machine that is another one."""
    program = (
        "import sys; from pathlib import Path; from brender.worker.app import Config, run; "
        "sys.exit(run(Config(data=Path(sys.argv[1]), folder=Path(sys.argv[2]), machine='another')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, desk.data, folder], env=desk.environ, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


# --- certificates of one's own, and proxies --------------------------------------------------------------------------


def write(made: certificate.Made, folder: Path) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    (folder / "farm.pem").write_bytes(made.certificate)
    (folder / "farm.key").touch(0o600)
    (folder / "farm.key").write_bytes(made.key)
    return folder / "farm.pem", folder / "farm.key"


def test_a_certificate_of_ones_own_is_pinned_as_well(desk: Desk, there: Desk, tmp_path: Path) -> None:
    made = certificate.make("farm.example", [], datetime.datetime.now(datetime.UTC))
    cert, key = write(made, tmp_path / "own")
    manager(desk, "--cert", cert, "--key", key)
    assert not (desk.data / "tls").exists()
    text = token(desk)
    assert jointoken.decode(text).fingerprint == trust.fingerprint(made.certificate.decode())
    there.start("worker", "--join", text, "--name", "second")
    assert until_online(desk) == ["second"]


def test_a_reverse_proxy_that_ends_tls_is_known_by_its_name(desk: Desk, there: Desk, tmp_path: Path) -> None:
    cert, key = write(certificate.make("localhost", [], datetime.datetime.now(datetime.UTC)), tmp_path / "proxy")
    with proxy(cert, key) as (front, back):
        manager(desk, "--public-url", f"https://localhost:{front}")
        back(port(desk))
        text = token(desk)
        assert jointoken.decode(text) == JoinToken(
            urls=(f"https://localhost:{front}",), fingerprint="", token=jointoken.decode(text).token
        )
        code, said = there.run("worker", "--join", text, "--name", "second")
        assert (code, "is vouched for by nobody that this system knows" in said) == (4, True), said
        there.environ["SSL_CERT_FILE"] = str(cert)
        there.start("worker", "--join", text, "--name", "second")
        assert until_online(desk) == ["second"]
        with asked(desk) as client:
            (entry,) = client.audit(verb="join").entries
        assert (entry.origin, entry.who) == ("203.0.113.9", f"join token {jointoken.decode(text).token[:16]}")


@contextlib.contextmanager
def proxy(cert: Path, key: Path) -> Iterator[tuple[int, Callable[[int], None]]]:
    """Ends TLS, says from where it was asked, and passes all on to what it is told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    known: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=pass_on, args=(plain,), daemon=True).start()

        def pass_on(plain: socket.socket) -> None:
            with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as secure:
                head = b""
                while b"\r\n" not in head:
                    head += secure.recv(65536)
                line, _, rest = head.partition(b"\r\n")
                with socket.create_connection(("127.0.0.1", known[0])) as behind:
                    behind.sendall(line + b"\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n" + rest)
                    threading.Thread(target=pump, args=(behind, secure), daemon=True).start()
                    pump(secure, behind)

        def pump(source: socket.socket, target: socket.socket) -> None:
            with contextlib.suppress(OSError, ValueError):
                while piece := source.recv(65536):
                    target.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], known.append
        listening.shutdown(socket.SHUT_RDWR)
