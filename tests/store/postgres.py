# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server for the tests alone: made in a temporary folder, reached by a socket in it, and gone afterwards.

Debian's package brings the programs; its own cluster need not run. PostgreSQL does not run as root, so there it is
given to another user.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

NOBODIES = ("postgres", "nobody")  # who it runs as, where the tests are root
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "60"}
STARTS_S = 30.0
ENDS_S = 30.0


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`: of the newest version that Debian has put aside, or on the PATH."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0])
    )
    found = str(debian[-1]) if debian else shutil.which("initdb")
    folder = Path(found).resolve().parent if found else None
    return folder if folder and (folder / "postgres").exists() else None


@contextmanager
def server() -> Iterator[URL]:
    """The URL of a running server, on which databases may be made. Skips where it cannot be had."""
    if (folder := programs()) is None:
        pytest.skip("PostgreSQL's initdb and postgres are not installed (Debian: apt-get install postgresql)")
    if os.name == "nt":
        pytest.skip("the server of the tests listens at a Unix socket")
    home = Path(tempfile.mkdtemp(prefix="brender-pg-"))  # short: the name of a socket has 107 bytes
    try:
        user = _owner(home)
        said = ["-D", str(home / "data"), "-U", "brender", "-A", "trust", "-E", "UTF8", "--no-sync"]
        _make([str(folder / "initdb"), *said], user)
        options = [word for name, value in QUICK.items() for word in ("-c", f"{name}={value}")]
        options += ["-c", "listen_addresses=", "-c", f"unix_socket_directories={home}"]
        with (home / "log").open("wb") as log:
            command = [str(folder / "postgres"), "-D", str(home / "data"), *options]
            running = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", user=user, env=_environ())
        try:
            url = URL.create("postgresql+psycopg", "brender", database="postgres", query={"host": str(home)})
            _wait(url, running, home / "log")
            yield url
        finally:
            running.send_signal(signal.SIGQUIT)  # at once: nothing of it is to be kept
            running.wait(ENDS_S)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _owner(home: Path) -> str | None:
    """The user that the server runs as, whose the folder is from now on; None: the one who tests."""
    if os.geteuid():
        return None
    for name in NOBODIES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(home, found.pw_uid, found.pw_gid)
        return name
    pytest.skip(f"the tests run as root, and there is no user {' or '.join(NOBODIES)} to run PostgreSQL as")


def _make(command: list[str], user: str | None) -> None:
    """Its words are told where it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", user=user, env=_environ())
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout.decode(errors='replace')}"


def _wait(url: URL, running: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until it answers."""
    engine, until = create_engine(url), time.monotonic() + STARTS_S
    try:
        while True:
            try:
                engine.connect().close()
                return
            except OperationalError:
                alive = running.poll() is None and time.monotonic() < until
                assert alive, f"PostgreSQL did not start: {log.read_text(errors='replace')}"
                time.sleep(0.02)
    finally:
        engine.dispose()


def _environ() -> dict[str, str]:
    """Without the settings of another server, and with a language that sorts as bytes do."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))} | {"LC_ALL": "C"}
