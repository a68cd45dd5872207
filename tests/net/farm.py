# SPDX-License-Identifier: GPL-3.0-or-later
"""A farm on the test's network, set up as docs/operators.md and docs/artists.md say."""

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.net.hosts import Host, Lan

T = TypeVar("T")
PASSWORD = "a long and secret word"
WITHIN_S = 90.0


def until(met: Callable[[], T], within_s: float = WITHIN_S) -> T:
    """What it gives, once that is true: what is waited for happens in other processes, which tell nobody here."""
    end = time.monotonic() + within_s
    while not (found := met()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s:.0f} s")
        time.sleep(0.05)
    return found


class Farm:
    """A manager, `hub`, and the machines that join it."""

    def __init__(self, lan: Lan) -> None:
        self.lan = lan
        self.hub = lan.host("hub")
        self.url = f"https://{self.hub.address}:8080"
        self.start_manager()

    def start_manager(self) -> None:
        self.hub.start("manager", "--listen", "0.0.0.0", "--no-console")
        until(lambda: self.hub.brender("jobs", "--json", check=False).returncode == 0)

    @property
    def fingerprint(self) -> str:
        """As the operator reads it out."""
        return str(json.loads((self.hub.data / "manager.json").read_bytes())["fingerprint"])

    def worker(self, name: str) -> Host:
        """A new machine that renders: it has joined with a token of its own."""
        host = self.lan.host(name)
        said = self.hub.brender("tokens", "join", "--uses", "1").stdout
        found = re.search(r"brender worker --join (\S+)", said)
        assert found, said
        host.start("worker", "--name", name, environ={"BRENDER_JOIN": found[1]})
        until(lambda: self.worker_view(name)["connection"] == "online")
        return host

    def workers(self) -> dict[str, Any]:
        shown = json.loads(self.hub.brender("workers", "--json").stdout)
        return {each["name"]: each for each in shown["workers"]}

    def worker_view(self, name: str) -> dict[str, Any]:
        return self.workers().get(name, {"connection": "unknown"})

    def artist(self, name: str, role: str = "user") -> Host:
        """A new machine with nothing but brender, whose user has an account and has logged in."""
        host = self.lan.host(name)
        self.hub.brender("users", "add", name, "--role", role, "--password-stdin", given=PASSWORD + "\n")
        host.brender(
            "login", "--manager", self.url, "--name", name, "--fingerprint", self.fingerprint, "--password-stdin",
            given=PASSWORD + "\n",
        )  # fmt: skip
        return host

    def jobs(self) -> list[dict[str, Any]]:
        return json.loads(self.hub.brender("jobs", "--json").stdout)["jobs"]

    def job(self, number: int) -> dict[str, Any]:
        return json.loads(self.hub.brender("job", str(number), "--json").stdout)

    def at(self, host: Host) -> dict[str, str]:
        """What makes the commands of a host ask this farm."""
        return {"BRENDER_MANAGER": self.url}


def render(host: Host, farm: Farm, blend: Path, *arguments: str, timeout: float = 280) -> str:
    """`brender render` on an artist's machine; what it said."""
    return host.brender("render", blend, *arguments, environ=farm.at(host), timeout=timeout).stdout


def pixels(path: Path) -> bytes:
    """A picture's own values, without what its file says of the time it took."""
    import OpenImageIO as oiio

    image = oiio.ImageBuf(os.fspath(path))
    assert not image.has_error, image.geterror()
    return image.get_pixels(oiio.FLOAT).tobytes()
