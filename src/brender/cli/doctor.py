# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender doctor`: looks at this machine, and says of each thing whether it is well, and what to do where it is not.

Each check gives one finding. None of them changes anything, but for a file that it writes and removes again.
"""

import ctypes
import datetime
import importlib.util
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import click
import msgspec

from brender.cli import show
from brender.cli.connect import Place, json_option
from brender.cli.exits import Exit
from brender.client import places
from brender.client.errors import ApiError
from brender.core.scene import FoundBlender

Level = Literal["ok", "warn", "fail"]

# what bpy and an unpacked Blender link to, and Debian's name of the package that brings it
LIBRARIES = {
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libGL.so.1": "libgl1",
}
PORTS = {8080: "the manager's API and page", 6000: "the console"}
LITTLE_MEMORY_MB = 2048  # below it most scenes do not render
LITTLE_DISK_MB = 2048
NO_DISK_MB = 200
EXPIRES_SOON = datetime.timedelta(days=30)
BPY_PYTHONS = {(3, 11): "4.5 or 5.0", (3, 13): "5.1 or newer"}


class Finding(msgspec.Struct, frozen=True):
    """What was looked at, how it is, and what to do."""

    name: str
    level: Level
    message: str
    advice: str = ""


@click.command("doctor")
@json_option
@click.option("--data", metavar="FOLDER", help="The data folder; else BRENDER_DATA, else the user's.")
def doctor_command(as_json: bool, data: str | None) -> Exit:
    """Look at this machine and say what to mend."""
    findings = examine(places.data_folder(data))
    if as_json:
        show.print_json(findings)
    else:
        print("\n".join(lines(findings)))
    return Exit.FAILED if any(f.level == "fail" for f in findings) else Exit.OK


def examine(data: Path) -> list[Finding]:
    """All findings of this machine."""
    return [
        *blenders(_found_blenders()),
        bpy_libraries(sys.platform, _loads),
        *bpy_module((sys.version_info[0], sys.version_info[1]), importlib.util.find_spec("bpy") is not None),
        folder("data folder", data, "Choose another one with --data or BRENDER_DATA."),
        file_system(data),
        folder("temporary folder", Path(tempfile.gettempdir()), "Set TMPDIR to a folder that can be written to."),
        disk(data),
        *roomy(data),
        memory(*_memory_mb()),
        manager(data),
        *certificate(data, datetime.datetime.now(datetime.UTC)),
        *(port(number, use, data) for number, use in PORTS.items()),
    ]


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """The findings as text, and a verdict."""
    for found in findings:
        yield f"{found.level:>4}  {found.name}: {found.message}"
        if found.advice:
            yield f"      {found.advice}"
    bad = sum(f.level == "fail" for f in findings)
    odd = sum(f.level == "warn" for f in findings)
    yield f"{bad} to mend, {odd} to know." if bad or odd else "All is well."


def blenders(found: Sequence[FoundBlender]) -> list[Finding]:
    """Each Blender of this machine; without one nothing can be rendered here."""
    if not found:
        advice = "Put an installed Blender on the PATH, or `pip install 'brender-farm[blender]'`."
        return [Finding("Blender", "fail", "none was found", advice)]
    return [Finding("Blender", "ok", f"{f.blender} at {f.path}") for f in found]


def bpy_libraries(platform: str, loads: Callable[[str], bool]) -> Finding:
    """The system's libraries that bpy needs, of which a bare Debian has none."""
    if platform != "linux":
        return Finding("libraries of bpy", "ok", "nothing is needed on this system")
    missing = [library for library in LIBRARIES if not loads(library)]
    if not missing:
        return Finding("libraries of bpy", "ok", "all are there")
    packages = " ".join(LIBRARIES[library] for library in missing)
    advice = f"On Debian and Ubuntu, as root: apt-get install {packages}"
    return Finding("libraries of bpy", "fail", f"{', '.join(missing)} cannot be loaded", advice)


def bpy_module(python: tuple[int, int], installed: bool) -> list[Finding]:
    """Whether Blender as a module is there, and whether this Python can have it."""
    if installed:
        return []
    version = ".".join(map(str, python))
    if python in BPY_PYTHONS:
        how = f"`pip install 'brender-farm[blender]'` brings Blender {BPY_PYTHONS[python]}."
        return [Finding("bpy", "ok", "it is not installed", how)]
    known = " and ".join(".".join(map(str, known)) for known in BPY_PYTHONS)
    return [Finding("bpy", "ok", f"there is none for Python {version}, only for {known}; an installed Blender is used")]


def folder(name: str, path: Path, advice: str) -> Finding:
    """Whether files can be made in a folder, or in the nearest one above it that is there."""
    here = nearest(path)
    try:
        with tempfile.TemporaryFile(dir=here):
            pass
    except OSError as error:
        return Finding(name, "fail", f"{here} cannot be written to: {error.strerror}", advice)
    return Finding(name, "ok", f"{path} can be written to" if here == path else f"{path} can be made")


def file_system(data: Path) -> Finding:
    """Whether the database would hold: on a network file system it does not."""
    from brender.manager.app import network_file_system

    kind = network_file_system(nearest(data))
    if kind is None:
        return Finding("file system", "ok", f"{data} is on this machine")
    advice = "Choose a folder on this machine with --data or BRENDER_DATA; frames may go anywhere."
    message = f"{data} is on a network file system ({kind}), where no database is safe"
    return Finding("file system", "fail", message, advice)


def disk(data: Path) -> Finding:
    """The room that is left."""
    free_mb = shutil.disk_usage(nearest(data)).free // 2**20
    message = f"{show.size(free_mb * 2**20)} are free at {data}"
    if free_mb >= LITTLE_DISK_MB:
        return Finding("disk", "ok", message)
    return Finding("disk", "fail" if free_mb < NO_DISK_MB else "warn", message, "Make room, or choose another --data.")


def roomy(data: Path) -> list[Finding]:
    """The room at folders that are on other disks than the data folder: content, frames, a worker's cache."""
    return [
        msgspec.structs.replace(disk(path), name=f"disk of {name}")
        for name, path in (("storage", data / "storage"), ("the worker's cache", data / "worker" / "cache"))
        if path.is_dir() and path.stat().st_dev != nearest(data).stat().st_dev
    ]


def memory(total_mb: int, available_mb: int) -> Finding:
    """The memory that is there, and free."""
    message = f"{show.size(available_mb * 2**20)} of {show.size(total_mb * 2**20)} are free"
    if available_mb >= LITTLE_MEMORY_MB:
        return Finding("memory", "ok", message)
    return Finding(
        "memory", "warn", message, "Many scenes need more; Blender is ended by the system when there is none."
    )


def manager(data: Path) -> Finding:
    """The manager that commands here would talk to."""
    try:
        client = Place(data).known()
    except ApiError as error:
        return Finding("manager", "fail", error.message, "Start it, or unset BRENDER_MANAGER.")
    if client is None:
        return Finding("manager", "ok", "none is running; `brender render` starts its own, `brender up` one that stays")
    with client:
        farm = client.farm()
    return Finding("manager", "ok", f"at {farm.url}, version {farm.version}, {farm.workers} workers online")


def certificate(data: Path, now: datetime.datetime) -> list[Finding]:
    """The one that the manager of this data folder shows: how long it is good, and for which addresses."""
    from brender.tls import certificate as certificates
    from brender.tls import files, trust

    said, path = places.manager_file(data), files.own_certificate(data)
    try:
        pem = said.certificate.encode() if said and said.certificate else path.read_bytes()
        known = certificates.facts(pem, str(path))
    except FileNotFoundError:
        return []  # it has never listened for others
    except (OSError, certificates.TlsError) as error:
        return [Finding("certificate", "fail", str(error), f"Remove {path.parent}; then all machines join anew.")]
    message = (
        f"{trust.short(trust.fingerprint(pem.decode('ascii', 'replace')))}, good until {known.not_after:%Y-%m-%d}, "
        f"for {', '.join(known.names) or 'no name'}"
    )
    if now >= known.not_after:
        return [Finding("certificate", "fail", message, "It is over: have it renewed, or remove it; all join anew.")]
    soon = known.not_after - now < EXPIRES_SOON
    return [Finding("certificate", "warn" if soon else "ok", message, "Have it renewed soon." if soon else "")]


def port(number: int, use: str, data: Path) -> Finding:
    """Whether a port is free, or whose it is."""
    name = f"port {number}"
    if _is_free(number):
        return Finding(name, "ok", f"free, for {use}")
    pid, owner = _listener(number)
    said = places.manager_file(data)
    if said is not None and pid == said.pid:
        return Finding(name, "ok", "the manager of this data folder listens there")
    return Finding(
        name, "warn", f"taken by {owner}; it is meant for {use}", "Stop that, or take another one with --port."
    )


def nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next((p for p in (path, *path.parents) if p.is_dir()), Path(path.anchor or "."))


def _found_blenders() -> Sequence[FoundBlender]:
    from brender.worker import host

    return host.find_blenders()


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _memory_mb() -> tuple[int, int]:
    import psutil

    seen = psutil.virtual_memory()
    return seen.total // 2**20, seen.available // 2**20


def _is_free(number: int) -> bool:
    with socket.socket() as tried:
        if os.name == "posix":
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one just closed is free
        try:
            tried.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


def _listener(number: int) -> tuple[int | None, str]:
    import psutil

    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        pid = next(c.pid for c in listening if c.pid and c.laddr and c.laddr.port == number)
        return pid, f"{psutil.Process(pid).name()} (process {pid})"
    except (psutil.Error, StopIteration):
        return None, "another user's program"
