# SPDX-License-Identifier: GPL-3.0-or-later
"""However a manager ends, what it has acknowledged is there when it comes back; and there is one for a data folder."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from brender.cli.exits import Exit
from brender.client import places
from brender.core.views import ManagerFile
from tests.e2e.conftest import Desk, Running

END_S = 10.0  # the longest an end in order may take


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    here = Desk(tmp_path)
    yield here
    here.close()


def manager(desk: Desk) -> Running:
    """A manager that answers."""
    running = desk.start("manager", "--port", "0")
    running.wait_for("manager ready")
    return running


def where(desk: Desk) -> ManagerFile:
    known = places.manager_file(desk.data)
    assert known is not None
    return known


def tags(desk: Desk) -> str:
    code, said = desk.run("get", "tag", "--show", "name,note")
    assert code == 0, said
    return said


def console_line(desk: Desk, line: str) -> str:
    """All that the console says to a line until it closes."""
    with socket.create_connection(("127.0.0.1", where(desk).console_port), timeout=20) as connection:
        connection.sendall(line.encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


ENDS: dict[str, Callable[[Desk, Running], object]] = {
    "SIGINT": lambda _desk, running: running.signal(signal.SIGINT),
    "SIGTERM": lambda _desk, running: running.signal(signal.SIGTERM),
    "kill -9": lambda _desk, running: running.signal(signal.SIGKILL),
    "shutdown, CLI": lambda desk, _: desk.run("shutdown"),
    "shutdown, console": lambda desk, _: console_line(desk, "shutdown"),
}


@pytest.mark.parametrize("how", ENDS)
def test_what_was_acknowledged_is_there_after_any_end(desk: Desk, how: str) -> None:
    """R18, R8."""
    running = manager(desk)
    assert desk.run("create", "tag", "name=gpu")[0] == 0
    assert desk.run("set", "tag", "gpu", "note=the last word")[0] == 0
    ENDS[how](desk, running)
    code = running.wait(END_S)
    assert "Traceback" not in running.text
    assert code == (-signal.SIGKILL if how == "kill -9" else 0)
    assert (desk.data / "manager.json").exists() is (how == "kill -9")
    again = manager(desk)
    assert "the last word" in tags(desk)
    again.signal(signal.SIGTERM)
    assert again.wait(END_S) == 0


def test_a_second_ctrl_c_ends_it_at_once_whoever_still_listens(desk: Desk) -> None:
    """R18: with a stream of events and a console open that never close by themselves."""
    running = manager(desk)
    known = where(desk)
    headers = {"Authorization": f"Bearer {places.token(desk.data)}"}
    with (
        socket.create_connection(("127.0.0.1", known.console_port)) as console,
        httpx.Client(base_url=known.url, headers=headers) as client,
        client.stream("GET", "/api/v1/events") as stream,
    ):
        assert next(stream.iter_lines())
        console.sendall(b"watch clients\n")
        assert console.recv(10)
        began = time.monotonic()
        running.signal(signal.SIGINT)
        running.signal(signal.SIGINT)
        code = running.wait(END_S)
    assert time.monotonic() - began < 5
    assert code in (0, Exit.INTERRUPTED)
    assert "Traceback" not in running.text


def test_a_second_manager_on_the_same_data_is_refused_and_told_of_the_first(desk: Desk) -> None:
    """R18: two masters on one database were a fault of 2013."""
    first = manager(desk)
    known = where(desk)
    code, said = desk.run("manager", "--port", "0")
    assert code == Exit.REFUSED
    assert f"process {known.pid}, at {known.url}" in said
    assert "Traceback" not in said
    assert where(desk) == known
    assert desk.run("create", "tag", "name=still")[0] == 0
    first.signal(signal.SIGTERM)
    assert first.wait(END_S) == 0


def test_after_a_kill_nothing_keeps_the_next_one_out(desk: Desk) -> None:
    """R18: the lock ends with its process, and the file that a killed one left is not believed."""
    manager(desk).signal(signal.SIGKILL)
    code, said = desk.run("get", "tags")
    assert code == Exit.NO_MANAGER, said
    running = manager(desk)
    assert desk.run("get", "tags")[0] == 0
    running.signal(signal.SIGTERM)
    assert running.wait(END_S) == 0


# --- enable and disable, across it ------------------------------------------------------------------------------------


def http(desk: Desk, action: str, name: str) -> None:
    headers = {"Authorization": f"Bearer {places.token(desk.data)}", "X-Brender-User": "anna"}
    with httpx.Client(base_url=where(desk).url, headers=headers) as client:
        answer = client.post(f"/api/v1/workers/{action}", json={"filters": [name]})
    assert answer.json() == {"ok": True, "count": 1, "names": [name]}


def cli(desk: Desk, action: str, name: str) -> None:
    code, said = desk.run(action, name)
    assert code == 0, said
    assert f"1 worker {action}d: {name}." in said


def console(desk: Desk, action: str, name: str) -> None:
    assert f"{name}\n1 worker {action}d." in console_line(desk, f"{action} {name}").replace("\r", "")


def json_line(desk: Desk, action: str, name: str) -> None:
    wish = f'{{"wish": "{action}d"}}'
    line = f'{{"item": "client", "action": "update", "filters": {{"name": "{name}"}}, "values": {wish}}}'
    assert '"ok":true,"count":1' in console_line(desk, line)


DOORS: dict[str, Callable[[Desk, str, str], None]] = {"http": http, "cli": cli, "console": console, "json": json_line}


def wishes(desk: Desk) -> dict[str, str]:
    code, said = desk.run("get", "workers", "--show", "name,wish")
    assert code == 0, said
    return dict(line.split() for line in said.splitlines()[1:])


def test_what_each_door_disabled_stays_so_across_kills_and_saying_it_twice_changes_nothing(desk: Desk) -> None:
    """R6: four doors, four workers, a real manager that is killed in between."""
    running = manager(desk)
    for door in DOORS:
        assert desk.run("create", "worker", f"name=by-{door}")[0] == 0
    for action, wish in (("disable", "disabled"), ("enable", "enabled")):
        for _ in range(2):
            for door, say in DOORS.items():
                say(desk, action, f"by-{door}")
            running.signal(signal.SIGKILL)
            running.wait(END_S)
            running = manager(desk)
            assert wishes(desk) == {f"by-{door}": wish for door in DOORS}
    _, said = desk.run("audit", "--json", "--limit", "1000")
    entries = [e for e in json.loads(said)["entries"] if e["verb"] != "create"]
    assert [e["door"] for e in reversed(entries)] == list(DOORS) * 4
    assert {(e["door"], e["who"]) for e in entries} >= {("http", "anna"), ("cli", places.user())}
    running.signal(signal.SIGTERM)
    assert running.wait(END_S) == 0
