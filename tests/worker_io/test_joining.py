# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machine a worker is, which manager it is for, and what it does where it knows none. Joining itself, with a real
manager, is tests/e2e/test_join.py.
"""

import asyncio
import contextlib
import gc
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from brender.core import messages as m
from brender.core.views import ErrorBody, ManagerFile, Problem
from brender.manager.announce import Announcement
from brender.worker import discovery, joining
from brender.worker.app import Config, find_manager, of_farm, run
from brender.worker.durable import write_whole
from brender.worker.host import hashed_machine, machine, machine_id
from brender.worker.identity import claim
from brender.worker.joining import CannotJoin, Joined
from brender.worker.link import Address, Link
from tests.farm_builder import host

LOOPBACK = ("127.0.0.1",)
ID = "3d1219c7c4c5404aaa1f6d2a48adfda4"
FARM = Joined(urls=("https://192.0.2.7:8080", "https://ada:8080"), certificate="PEM", name="second")


# --- which machine it is ---------------------------------------------------------------------------------------------


def nothing(_: object) -> str:
    return ""


def test_linux_says_which_machine_it_is() -> None:
    assert machine_id("Linux", {"/etc/machine-id": f"{ID}\n"}.get, nothing) == ID  # type: ignore[arg-type]


def test_linux_without_systemd_has_the_buss_id() -> None:
    files = {"/etc/machine-id": "uninitialized\n", "/var/lib/dbus/machine-id": f"{ID}\n"}
    assert machine_id("Linux", lambda path: files.get(path, ""), nothing) == ID


@pytest.mark.parametrize("text", ["", "\n", "uninitialized\n", "0" * 31, "not an id at all, but as long as one"])
def test_linux_without_an_id_has_none(text: str) -> None:
    assert machine_id("Linux", lambda _: text, nothing) == ""


def test_windows_says_which_machine_it_is() -> None:
    said = (
        "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n"
        "    MachineGuid    REG_SZ    8F0E2C1A-77B0-4E0D-9A55-0C2F8D7B1E90\r\n\r\n"
    )
    asked: list[Sequence[str]] = []

    def answer(program: Sequence[str]) -> str:
        asked.append(program)
        return said

    assert machine_id("Windows", nothing, answer) == "8f0e2c1a-77b0-4e0d-9a55-0c2f8d7b1e90"
    assert asked == [["reg", "query", "HKLM\\SOFTWARE\\Microsoft\\Cryptography", "/v", "MachineGuid", "/reg:64"]]
    assert machine_id("Windows", nothing, lambda _: "ERROR: The system was unable to find the key.\r\n") == ""


def test_macos_says_which_machine_it_is() -> None:
    said = (
        '+-o J314sAP  <class IOPlatformExpertDevice, id 0x100000226>\n    {\n      "IOPlatformSerialNumber" = "C02X"\n'
        '      "IOPlatformUUID" = "5E0B1C2D-3F4A-5B6C-8D9E-0F1A2B3C4D5E"\n    }\n'
    )
    assert machine_id("Darwin", nothing, lambda _: said) == "5e0b1c2d-3f4a-5b6c-8d9e-0f1a2b3c4d5e"
    assert machine_id("Darwin", nothing, nothing) == ""


def test_the_id_itself_is_not_told() -> None:
    assert ID not in hashed_machine(ID)
    assert len(hashed_machine(ID)) == len(machine()) == 32
    assert machine() == machine()
    assert hashed_machine(ID) != hashed_machine(ID[::-1])


# --- a folder that was copied ----------------------------------------------------------------------------------------


def test_a_copied_folder_gets_a_key_of_its_own_also_where_both_machines_have_one_name(tmp_path: Path) -> None:
    """C13."""
    with (
        contextlib.closing(_Claimed(tmp_path, "ada", "one")) as first,
        contextlib.closing(_Claimed(tmp_path, "ada", "two")) as copy,
    ):
        assert copy.it.key != first.it.key
        assert copy.it.folder == tmp_path / "ada-two"
        assert copy.it.note == (
            f"The identity in {tmp_path} is that of another machine, ada: this one has its own, in {copy.it.folder}."
        )


class _Claimed:
    def __init__(self, folder: Path, name: str, machine_: str) -> None:
        self.it = claim(folder, name, machine_)

    def close(self) -> None:
        self.it.release()


def test_a_key_of_an_earlier_version_is_kept_and_bound_to_the_machine(tmp_path: Path) -> None:
    claimed = claim(tmp_path, "ada")
    claimed.release()
    again = claim(tmp_path, "ada", "one")
    again.release()
    other = claim(tmp_path, "ada", "two")
    other.release()
    assert again.key == claimed.key
    assert other.key != claimed.key


# --- which manager it is for -----------------------------------------------------------------------------------------


def test_what_was_joined_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    write_whole(tmp_path / joining.FILE, msgspec.json.encode(FARM))
    assert joining.joined(tmp_path) == FARM
    assert stat.S_IMODE((tmp_path / joining.FILE).stat().st_mode) == 0o600
    (tmp_path / joining.FILE).write_text("{")
    assert joining.joined(tmp_path) is None


def test_a_joined_worker_comes_with_its_own_key_and_believes_one_certificate() -> None:
    assert of_farm(FARM, None, "key") == [
        Address("wss://192.0.2.7:8080/api/v1/worker", "key", "PEM", joined=True),
        Address("wss://ada:8080/api/v1/worker", "key", "PEM", joined=True),
    ]


def test_a_manager_that_moved_is_the_same_manager_at_the_address_that_is_given() -> None:
    assert of_farm(FARM, "10.0.0.7:9000", "key") == [
        Address("wss://10.0.0.7:9000/api/v1/worker", "key", "PEM", joined=True)
    ]


def test_the_data_folders_manager_is_pinned_where_it_has_a_certificate(tmp_path: Path) -> None:
    file = ManagerFile(url="https://127.0.0.1:8081", pid=1, boot="b", fingerprint="f", certificate="PEM")
    (tmp_path / "manager.json").write_bytes(msgspec.json.encode(file))
    (tmp_path / "token").write_text("the folder's token\n")
    here = Address("wss://127.0.0.1:8081/api/v1/worker", "the folder's token", "PEM")
    assert find_manager(Config(data=tmp_path), {}) == here
    elsewhere = {"BRENDER_MANAGER": "elsewhere:1", "BRENDER_TOKEN": "another"}
    assert find_manager(Config(data=tmp_path, local=True, manager="elsewhere"), elsewhere) == here


def test_a_token_that_is_none_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    identity = claim(tmp_path, "ada", "one")
    with pytest.raises(CannotJoin, match="begins with bj1-") as refused:
        joining.join("hello", identity, "ada", host())
    identity.release()
    assert refused.value.refused


# --- what a manager says before there is a connection ----------------------------------------------------------------

Answer = Callable[[], Response]


@pytest.fixture
async def turned_away() -> AsyncIterator[Callable[[bytes], str]]:
    """A server that lets nobody in, with these words."""
    body = [b""]

    def answer(_connection: ServerConnection, _request: Request) -> Response:
        response = _connection.respond(HTTPStatus.UNAUTHORIZED, "")
        del response.headers["Content-Length"]
        response.headers["Content-Length"] = str(len(body[0]))
        response.body = body[0]
        return response

    async def never(_connection: ServerConnection) -> None:
        pytest.fail("nobody comes in here")

    async with serve(never, "127.0.0.1", 0, process_request=answer) as server:
        port = next(iter(server.sockets)).getsockname()[1]

        def saying(words: bytes) -> str:
            body[0] = words
            return f"ws://127.0.0.1:{port}/api/v1/worker"

        yield saying


async def first_refusal(address: Address, within_s: float) -> m.ToWorker | None:
    heard: asyncio.Queue[m.ToWorker] = asyncio.Queue()

    def hello() -> m.Hello:
        return m.Hello(protocol=m.PROTOCOL, key="k", boot="b", name="ada", host=host())

    running = asyncio.create_task(Link(lambda: [address], hello, heard.put_nowait).run())
    try:
        async with asyncio.timeout(within_s):
            return await heard.get()
    except TimeoutError:
        return None
    finally:
        running.cancel()


UNAUTHORIZED = msgspec.json.encode(ErrorBody(error=Problem(message="No.", reason="unauthorized")))


async def test_a_key_that_the_manager_does_not_know_is_final(turned_away: Callable[[bytes], str]) -> None:
    told = await first_refusal(Address(turned_away(UNAUTHORIZED), "key", joined=True), 20)
    assert isinstance(told, m.Refused)
    assert not told.again
    assert "does not know it (any more). Get a token there with `brender tokens join`" in told.reason


@pytest.mark.parametrize(("words", "joined"), [(b"<html>", True), (UNAUTHORIZED, False)])
async def test_a_proxys_word_and_another_token_are_tried_again(
    turned_away: Callable[[bytes], str], words: bytes, joined: bool
) -> None:
    assert await first_refusal(Address(turned_away(words), "key", joined=joined), 1.0) is None


async def test_each_address_of_a_manager_is_tried_in_turn(turned_away: Callable[[bytes], str]) -> None:
    good = turned_away(UNAUTHORIZED)
    heard: asyncio.Queue[m.ToWorker] = asyncio.Queue()
    addresses = [Address("ws://127.0.0.1:1", "key", joined=True), Address(good, "key", joined=True)]
    link = Link(lambda: addresses, lambda: pytest.fail("nobody is there"), heard.put_nowait)
    running = asyncio.create_task(link.run())
    async with asyncio.timeout(20):
        assert isinstance(await heard.get(), m.Refused)
    running.cancel()


# --- where none is known ---------------------------------------------------------------------------------------------


async def test_a_manager_that_announces_itself_is_found_and_a_person_is_told_what_to_do(tmp_path: Path) -> None:
    said = Announcement("ada", ["127.0.0.1"], 8080, "1.2.3", "3f" * 32, interfaces=LOOPBACK)
    await said.start()
    try:
        found = await asyncio.to_thread(discovery.look, 2.0, LOOPBACK)
    finally:
        await said.close()
    if not found:
        pytest.skip("there is no multicast on this machine's loopback")
    assert [str(each) for each in found] == [
        "ada at https://127.0.0.1:8080, version 1.2.3, certificate 3f3f:3f3f:3f3f:3f3f"
    ]
    advice = discovery.advice(found, tmp_path)
    assert "ada at https://127.0.0.1:8080" in advice
    assert "`brender tokens join` prints a line to paste here: brender worker --join TOKEN" in advice


# zeroconf leaves a socket behind where an address is none of this machine's
leaves_a_socket = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@leaves_a_socket
async def test_an_announcement_that_cannot_be_made_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    said = Announcement("ada", ["127.0.0.1"], 8080, "1", "", interfaces=["192.0.2.250"])
    await said.start()
    await said.close()
    gc.collect()
    assert "the manager is not announced in this network" in capsys.readouterr().out


@leaves_a_socket
def test_managers_that_cannot_be_looked_for_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert discovery.look(0.1, ["192.0.2.250"]) == []
    gc.collect()
    assert "cannot be looked for" in capsys.readouterr().out


def test_a_worker_that_knows_no_manager_says_how_to_join_one_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BRENDER_MANAGER", raising=False)
    assert run(Config(data=tmp_path, look_on=LOOPBACK)) == 4
    assert "No manager is known here: this worker has joined none" in capsys.readouterr().err
