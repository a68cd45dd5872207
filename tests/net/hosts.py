# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of a network of their own: a network namespace each, on one switch, with no common folder.

What a host does not own of the test's folder is hidden from it by empty file systems (`inside.py`), so that nothing
reaches another host but over the network. Nothing of it reaches this machine's own network either.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
SCENES = Path(os.environ.get("BRENDER_SCENES", ROOT.parent / "shared/scenes"))
INSIDE = Path(__file__).with_name("inside.py")
NETWORK = "10.77.0"


def why_not() -> str | None:
    """Why there are no namespaces to be had here; None: there are."""
    if sys.platform != "linux" or shutil.which("ip") is None:
        return "network namespaces want Linux and iproute2"
    name = f"bt{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        return f"no network namespaces here: {made.stderr.strip()}"
    tried = subprocess.run(
        ["ip", "-n", name, "link", "add", "card0", "type", "veth", "peer", "name", "card1"],
        capture_output=True,
        text=True,
    )
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return f"no virtual network cards here: {tried.stderr.strip()}" if tried.returncode else None


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Host:
    """One machine: its name, address, folder, and the processes that were started on it."""

    def __init__(self, lan: "Lan", name: str, number: int) -> None:
        self.name = name
        self.address = f"{NETWORK}.{number}"
        self.folder = lan.folder / name
        self.data = self.folder / "data"
        self.started: list[subprocess.Popen[bytes]] = []
        self._lan = lan
        self._space = f"{lan.id}{number}"
        self._port = f"p{number}"
        (self.folder / "home").mkdir(parents=True)
        (self.folder / "tmp").mkdir()
        self._plug_in()

    def _plug_in(self) -> None:
        _ip("netns", "add", self._space)
        _ip("-n", self._lan.switch, "link", "add", self._port, "type", "veth", "peer", "name", "eth0",
            "netns", self._space)  # fmt: skip
        _ip("-n", self._lan.switch, "link", "set", self._port, "master", "bridge", "up")
        _ip("-n", self._space, "link", "set", "lo", "up")
        _ip("-n", self._space, "address", "add", f"{self.address}/24", "dev", "eth0")
        _ip("-n", self._space, "link", "set", "eth0", "up")
        _ip("-n", self._space, "route", "add", "default", "dev", "eth0")  # multicast wants a way out

    # --- programs

    def command(self, *arguments: str | Path) -> list[str]:
        """What runs this command on the host, and sees no other host's files."""
        return ["ip", "netns", "exec", self._space, sys.executable, str(INSIDE), str(self.folder), self.name,
                *map(str, arguments)]  # fmt: skip

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """As on a machine where nothing of brender has been set."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("BRENDER_", "XDG_"))}
        own |= {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp"), "BRENDER_DATA": str(self.data)}
        return own | {"PYTHONPATH": str(ROOT / "src")} | dict(more or {})

    def brender(
        self, *arguments: str | Path, check: bool = True, timeout: float = 100,
        environ: Mapping[str, str] | None = None, given: str | None = None, folder: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Run a brender command to its end."""
        done = subprocess.run(
            self.command(sys.executable, "-m", "brender", *arguments),
            env=self.environ(environ), capture_output=True, text=True, timeout=timeout, input=given or "",
            cwd=folder or self.folder,
        )  # fmt: skip
        if check and done.returncode:
            said = f"{done.returncode}\n{done.stdout}{done.stderr}"
            raise AssertionError(f"brender {' '.join(map(str, arguments))}: {said}")
        return done

    def start(self, *arguments: str | Path, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a brender command that goes on; what it says is in `log`."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command(sys.executable, "-m", "brender", *arguments),
                env=self.environ(environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                start_new_session=True,
            )  # fmt: skip
        self.started.append(process)
        return process

    @property
    def log(self) -> Path:
        return self.folder / "said.log"

    def said(self) -> str:
        """All that its started commands have said."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Every process that was started here, with all its children."""
        for process in self.started:
            with contextlib.suppress(psutil.Error):
                family = psutil.Process(process.pid).children(recursive=True)
                for each in [*family, psutil.Process(process.pid)]:
                    with contextlib.suppress(psutil.Error):
                        each.send_signal(number)
            process.wait()
        self.started.clear()

    # --- the cable

    def slow_down(self, megabits: int) -> None:
        """So much a second in each direction, so that a transfer lasts long enough to be cut."""
        how = ["root", "tbf", "rate", f"{megabits}mbit", "burst", "256kb", "latency", "200ms"]
        for space, card in ((self._space, "eth0"), (self._lan.switch, self._port)):
            subprocess.run(
                ["ip", "netns", "exec", space, "tc", "qdisc", "replace", "dev", card, *how],
                check=True,
                capture_output=True,
            )

    def cut(self) -> None:
        """Pull the cable: nothing is told, packets are lost."""
        _ip("-n", self._lan.switch, "link", "set", self._port, "down")

    def mend(self) -> None:
        """Put it back."""
        _ip("-n", self._lan.switch, "link", "set", self._port, "up")


class Lan:
    """A switch, and the hosts on it."""

    def __init__(self, folder: Path) -> None:
        self.id = f"br{secrets.token_hex(2)}"
        self.folder = folder
        self.switch = f"{self.id}s"
        self.hosts: list[Host] = []
        _ip("netns", "add", self.switch)
        _ip("-n", self.switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self.switch, "link", "set", "bridge", "up")

    def host(self, name: str) -> Host:
        """A new machine on the network."""
        host = Host(self, name, len(self.hosts) + 1)
        self.hosts.append(host)
        return host

    def close(self) -> None:
        """End everything, and take the network apart."""
        for host in self.hosts:
            host.kill()
        for space in [*(f"{self.id}{number + 1}" for number in range(len(self.hosts))), self.switch]:
            subprocess.run(["ip", "netns", "delete", space], capture_output=True)


@contextlib.contextmanager
def lan(folder: Path) -> Iterator[Lan]:
    """A network that is gone afterwards, with all that ran on it."""
    made = Lan(folder)
    try:
        yield made
    finally:
        made.close()


def copied(scenes: Sequence[str], into: Path) -> Path:
    """Folders or files of ../shared/scenes, as an artist has them; never into the project."""
    into.mkdir(parents=True, exist_ok=True)
    for name in scenes:
        source = SCENES / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, into / source.name)
    return into
