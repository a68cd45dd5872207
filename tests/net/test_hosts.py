# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that the other tests here stand on: hosts hear each other, see no file of each other, and can be cut."""

import subprocess
import sys

import pytest

from tests.net.farm import until
from tests.net.hosts import Host, Lan

TALK = """
import socket, sys
with socket.create_connection((sys.argv[1], 9000), timeout=2) as there:
    print(there.recv(10).decode())
"""
LISTEN = """
import socket
with socket.create_server(("0.0.0.0", 9000)) as server:
    print("ready", flush=True)
    while True:
        there, _ = server.accept()
        there.sendall(b"hello")
        there.close()
"""


def _talk(host: Host, to: Host) -> subprocess.CompletedProcess[str]:
    return subprocess.run(host.command(sys.executable, "-c", TALK, to.address), capture_output=True, text=True)


@pytest.fixture
def listening(lan: Lan):
    host = lan.host("one")
    process = subprocess.Popen(host.command(sys.executable, "-c", LISTEN), stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    yield host
    process.kill()
    process.wait()
    process.stdout.close()


def test_hosts_hear_each_other_until_the_cable_is_cut(lan: Lan, listening: Host) -> None:
    two = lan.host("two")
    until(lambda: _talk(two, listening).stdout == "hello\n")  # the kernel takes a moment to see a cable
    two.cut()
    assert _talk(two, listening).returncode != 0
    two.mend()
    until(lambda: _talk(two, listening).stdout == "hello\n")


def test_no_host_sees_a_file_of_another(lan: Lan) -> None:
    one, two = lan.host("one"), lan.host("two")
    (one.folder / "secret").write_text("seen")
    look = [sys.executable, "-c", "import sys; print(open(sys.argv[1]).read())", one.folder / "secret"]
    assert subprocess.run(one.command(*look), capture_output=True, text=True).stdout == "seen\n"
    assert "No such file" in subprocess.run(two.command(*look), capture_output=True, text=True).stderr
