# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine has: cores, memory, and every Blender on it with its exact version; and which of them a job means.

`bpy` is found through the metadata of this Python's packages, and never imported. What differs between systems is in
functions that take the system's name, so that each is tested everywhere.
"""

import contextlib
import glob
import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import psutil

from brender import __version__
from brender.core.messages import Host
from brender.core.scene import Blender, FoundBlender
from brender.worker.durable import write_whole

BLENDERS = "BRENDER_BLENDER"  # paths of more Blenders, with the system's separator between them
VERSION_WITHIN_S = 30.0  # a first start from a cold disk takes its time


class NoBlenderError(Exception):
    """No Blender is what was asked for; the message says what there is, and what to do."""


def facts(found: tuple[FoundBlender, ...], tags: tuple[str, ...], machine_: str | None = None) -> Host:
    """This machine, as the manager is told of it; `machine_`: what `machine` said."""
    return Host(
        hostname=platform.node(),
        system=platform.system(),
        cores=cores(),
        memory_mb=memory_mb(),
        blenders=found,
        version=__version__,
        tags=tags,
        mac=mac(uuid.getnode()),
        machine=machine() if machine_ is None else machine_,
    )


def mac(node: int) -> str:
    """A hardware address as twelve hexadecimal digits; "" where Python had none and made one up."""
    return "" if node >> 40 & 1 else f"{node:012x}"  # one that is made up has the multicast bit (RFC 9562, 6.10)


# --- which machine it is -----------------------------------------------------------------------------------------


def machine() -> str:
    """What tells this machine from one that has a copy of its files: a hash, as the id itself is not for others."""
    id_ = machine_id(platform.system(), _read_text, _said)
    return hashed_machine(id_ or f"{platform.node()} {mac(uuid.getnode())}")


def hashed_machine(id_: str) -> str:
    """32 hexadecimal digits that are the same for the same id, and lead nobody back to it."""
    return hashlib.sha256(b"brender machine " + id_.encode()).hexdigest()[:32]


def machine_id(system: str, read: Callable[[str], str], said: Callable[[Sequence[str]], str]) -> str:
    """The id that "Linux", "Windows" or "Darwin" gave this machine when it was installed; "" where there is none.

    `read` gives a file's text, `said` what a program prints; "" where there is no such thing.
    """
    if system == "Windows":
        key = r"HKLM\SOFTWARE\Microsoft\Cryptography"
        found = re.search(r"MachineGuid\s+REG_SZ\s+(\S+)", said(["reg", "query", key, "/v", "MachineGuid", "/reg:64"]))
        return found[1].lower() if found else ""
    if system == "Darwin":
        program = ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"]
        found = re.search(r'"IOPlatformUUID"\s*=\s*"([^"]+)"', said(program))
        return found[1].lower() if found else ""
    ids = (read(path).strip() for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"))
    return next((id_ for id_ in ids if re.fullmatch(r"[0-9a-f]{32}", id_)), "")  # "uninitialized" while it is set up


def _read_text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""


def _said(program: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            program, stdin=subprocess.DEVNULL, capture_output=True, timeout=VERSION_WITHIN_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace")


# --- cores and memory --------------------------------------------------------------------------------------------


def cores(root: Path = Path("/")) -> int:
    """Cores that this process may use: what the machine has, the affinity and the control group allow."""
    there = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quotas = (_quota(text) for text in _cgroup(root, "cpu.max", "cpu"))
    return max(1, min([there, *(int(quota) for quota in quotas if quota)]))


def memory_mb(root: Path = Path("/")) -> int:
    """Memory that this process may use, in MB of 2**20 bytes."""
    limits = [*_cgroup(root, "memory.max", "memory"), *_cgroup(root, "memory.limit_in_bytes", "memory")]
    return min([psutil.virtual_memory().total, *(int(text) for text in limits if text.isdigit())]) // 2**20


def _quota(text: str) -> float | None:
    limit, _, period = text.partition(" ")
    return int(limit) / int(period) if limit.isdigit() and period.isdigit() else None


def _cgroup(root: Path, file: str, controller: str) -> Iterator[str]:
    """What a file says in this process's control group and all above it (Linux, both versions)."""
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            base = root / "sys/fs/cgroup" / (controllers and controller)
            group = base / path.lstrip("/")
            for folder in (group, *group.parents):
                if folder == base.parent:
                    break
                with contextlib.suppress(OSError):
                    yield (folder / file).read_text().strip()


# --- every Blender there is --------------------------------------------------------------------------------------


def find_blenders(cache: Path | None = None) -> tuple[FoundBlender, ...]:
    """Every Blender of this machine: of the PATH first, BRENDER_BLENDER, the usual places, and this Python's bpy.

    Starts each installed one to ask its version, but for those that `cache`, a file, remembers.
    """
    known = _Versions(cache)
    installed = [known.look_at(path) for path in _programs()]
    known.save()
    return (*(found for found in installed if found), *_bpy())


def look_at(path: str) -> FoundBlender | None:
    """The Blender at this path; None where there is none, or it does not say its version."""
    return _Versions(None).look_at(path)


def _programs() -> list[str]:
    """Paths that may be a Blender's, each program once however it is linked."""
    patterns = install_patterns(platform.system(), os.environ, str(Path.home()))
    on_path = shutil.which("blender")
    named = os.environ.get(BLENDERS, "").split(os.pathsep)
    usual = (path for pattern in patterns for path in sorted(glob.glob(pattern), reverse=True))  # noqa: PTH207  absolute
    programs: dict[str, str] = {}
    for path in (on_path, *named, *usual):
        if path and Path(path).is_file():
            programs.setdefault(os.path.realpath(path), path)
    return list(programs.values())


def install_patterns(system: str, environ: Mapping[str, str], home: str) -> list[str]:
    """Where Blender is usually installed on "Linux", "Windows" or "Darwin", as patterns for `glob`."""
    if system == "Windows":
        return _windows_patterns(environ)
    if system == "Darwin":
        program = "Contents/MacOS/Blender"
        steam = f"{home}/Library/Application Support/Steam/steamapps/common/Blender/Blender.app/{program}"
        return [f"/Applications/Blender*.app/{program}", f"{home}/Applications/Blender*.app/{program}", steam]
    folders = ("/opt", "/usr/local", home, f"{home}/.local/share", f"{home}/.local/opt")
    return [
        *(f"{folder}/[bB]lender*/blender" for folder in folders),
        "/opt/blender/*/blender",
        "/usr/local/bin/blender*",
        "/snap/bin/blender",
        "/var/lib/flatpak/exports/bin/org.blender.Blender",
        f"{home}/.local/share/flatpak/exports/bin/org.blender.Blender",
        f"{home}/.local/share/Steam/steamapps/common/Blender/blender",
        f"{home}/.steam/steam/steamapps/common/Blender/blender",
    ]


def _windows_patterns(environ: Mapping[str, str]) -> list[str]:
    programs = [environ.get(name, "") for name in ("ProgramFiles", "ProgramW6432", "ProgramFiles(x86)")]
    found = [rf"{folder}\Blender Foundation\Blender*\blender.exe" for folder in programs if folder]
    found += [rf"{folder}\Steam\steamapps\common\Blender\blender.exe" for folder in programs if folder]
    if local := environ.get("LOCALAPPDATA"):
        found.append(rf"{local}\Programs\Blender*\blender.exe")
        found.append(rf"{local}\Microsoft\WindowsApps\blender.exe")
    return list(dict.fromkeys(found))


def _bpy() -> Iterator[FoundBlender]:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        version = importlib.metadata.version("bpy")
        yield FoundBlender(blender=Blender(kind="bpy", version=version), path=sys.executable)


class _Seen(msgspec.Struct, frozen=True):
    """What a program said, and what it was then."""

    modified_ns: int
    size: int
    version: str
    build: str


class _Versions:
    """The versions of installed programs, asked once each as long as the file stays the same."""

    def __init__(self, cache: Path | None) -> None:
        self._cache = cache
        self._seen: dict[str, _Seen] = {}
        if cache is not None:
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                self._seen = msgspec.json.decode(cache.read_bytes(), type=dict[str, _Seen])
        self._known = dict(self._seen)

    def look_at(self, path: str) -> FoundBlender | None:
        try:
            stat = Path(path).stat()
        except OSError:
            return None
        seen = self._seen.get(path)
        if seen is None or (seen.modified_ns, seen.size) != (stat.st_mtime_ns, stat.st_size):
            said = parse_version(_said([path, "--version"]))
            if said is None:
                return None
            seen = self._seen[path] = _Seen(stat.st_mtime_ns, stat.st_size, *said)
        return FoundBlender(blender=Blender(kind="blender", version=seen.version, build=seen.build), path=path)

    def save(self) -> None:
        """A cache that cannot be written is one that is not used."""
        if self._cache is not None and self._seen != self._known:
            with contextlib.suppress(OSError):
                write_whole(self._cache, msgspec.json.encode(self._seen))


def parse_version(said: str) -> tuple[str, str] | None:
    """Version and build hash ("" where it has none) of what `blender --version` says; None: it is no Blender."""
    version = re.search(r"^Blender (\d+(?:\.\d+)+)", said, re.MULTILINE)
    build = re.search(r"build hash: *([0-9a-f]{6,40})", said)
    return (version[1], build[1] if build else "") if version else None


# --- which of them -----------------------------------------------------------------------------------------------


def choose(found: Sequence[FoundBlender], wanted: str | None, file_version: tuple[int, int] | None) -> FoundBlender:
    """The Blender that a job is bound to: `wanted`, a path or a version; else the `blender` of the PATH; else bpy.

    Where there is neither, the installed one nearest the file's version. Raises NoBlenderError.
    """
    if wanted and (os.sep in wanted or "/" in wanted or Path(wanted).is_file()):
        return _at_path(found, wanted)
    return choose_among(found, wanted, file_version, shutil.which("blender"))


def _at_path(found: Iterable[FoundBlender], wanted: str) -> FoundBlender:
    same = (each for each in found if os.path.realpath(each.path) == os.path.realpath(wanted))
    if chosen := next(same, None) or look_at(str(Path(wanted).absolute())):
        return chosen
    reason = "It does not say that it is a Blender" if Path(wanted).exists() else "It is not there"
    raise NoBlenderError(f"There is no Blender at {wanted}. {reason}: `{wanted} --version` should name its version.")


def choose_among(
    found: Sequence[FoundBlender], wanted: str | None, file_version: tuple[int, int] | None, on_path: str | None
) -> FoundBlender:
    """The same rule over what was found, with `on_path` the path of the PATH's `blender`."""
    if wanted:
        return _of_version(found, wanted)
    installed = [each for each in found if each.blender.kind == "blender"]
    if first := next((each for each in installed if each.path == on_path), None):
        return first
    for kind in ("bpy", "blender"):
        if candidates := [each for each in found if each.blender.kind == kind]:
            return min(candidates, key=lambda each: _distance(each.blender.version, file_version))
    raise NoBlenderError(
        "There is no Blender on this machine. Install one and put it on the PATH, name one with --blender, "
        "or install the module: pip install 'brender-farm[blender]'."
    )


def _of_version(found: Iterable[FoundBlender], wanted: str) -> FoundBlender:
    """By version, or the beginning of one; "bpy", alone or before a version, means the module."""
    module = "bpy" in wanted.lower()
    numbers = re.findall(r"\d+", wanted)
    fitting = [each for each in found if _fits(each.blender, numbers) and (each.blender.kind == "bpy" or not module)]
    if fitting:
        return max(fitting, key=lambda each: (each.blender.kind == "blender", _numbers(each.blender.version)))
    there = ", ".join(f"{each.blender} at {each.path}" for each in found) or "none"
    raise NoBlenderError(f"There is no Blender {wanted} on this machine. Found: {there}.")


def _fits(blender: Blender, numbers: list[str]) -> bool:
    return blender.version.split(".")[: len(numbers)] == numbers


def _distance(version: str, file_version: tuple[int, int] | None) -> tuple[bool, tuple[int, ...]]:
    """Small is near: not older than the file, then the difference; without a file's version the newest."""
    numbers = _numbers(version)[:2]
    if file_version is None:
        return (False, tuple(-n for n in numbers))
    difference = tuple(a - b for a, b in zip(numbers, file_version, strict=False))
    older = difference < (0, 0)
    return (older, tuple(-n for n in difference) if older else difference)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
