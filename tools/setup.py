# SPDX-License-Identifier: GPL-3.0-or-later
"""`make setup`: what the project needs, on a bare Debian 12 with Python 3.11 or on a machine that has most of it.

As root it installs Debian's packages; without root, or elsewhere, it names what is missing and goes on. Then it keeps
`.venv` at exactly the pinned versions. Run again it does only what has changed. Python's own library alone, as
nothing else is there yet.
"""

import ctypes.util
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
LOCKED = ROOT / "requirements/locked.txt"
PYTHONS = ("python3.11", "python3.13", "python3.12", "python3.14")  # the ones that have a bpy first

# what the bpy module loads besides its own files: library -> Debian's package
BPY_LIBRARIES = {
    "X11": "libx11-6",
    "Xrender": "libxrender1",
    "Xfixes": "libxfixes3",
    "Xi": "libxi6",
    "xkbcommon": "libxkbcommon0",
    "SM": "libsm6",
    "GL": "libgl1",
}


# the programs of others that the console's tests talk to it with: program -> Debian's package
CONSOLE_PROGRAMS = {"php": "php-cli", "telnet": "telnet", "nc": "netcat-openbsd"}

# for the tests between hosts, which are network namespaces
NETWORK_PROGRAMS = {"ip": "iproute2", "mount": "mount"}


def main() -> int:
    """0 when everything that can be had is there."""
    if sys.version_info < (3, 11):
        return use_a_newer_python()
    system_packages()
    if not importlib.util.find_spec("ensurepip"):
        return stop("this Python cannot make a virtual environment", f"apt-get install {venv_package()}")
    try:
        virtual_environment()
    except subprocess.CalledProcessError as error:
        failed = " ".join(map(str, error.cmd))
        return stop(f"this command failed: {failed}", "make setup  (it goes on where it stopped)")
    return 0


def use_a_newer_python() -> int:
    """Runs this file again with a Python that will do, or says that there is none."""
    for name in PYTHONS:
        if shutil.which(name) and subprocess.run([name, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0:
            return subprocess.run([name, __file__]).returncode
    return stop(f"brender needs Python 3.11 or newer, and this is {sys.version.split()[0]}", "make setup PYTHON=...")


def stop(what: str, then: str) -> int:
    """Says what is wrong and the command that mends it."""
    print(f"setup: {what}\n       then: {then}", file=sys.stderr)
    return 1


# ---------------------------------------------------------------- the system's packages


def system_packages() -> None:
    """Installs what is missing, or says it."""
    missing = missing_packages()
    if not missing:
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        print(f"setup: installing {' '.join(missing)}", flush=True)
        if apt_get(missing):
            return
        print("setup: Debian's packages could not be installed; going on without", file=sys.stderr)
    say_missing(missing)


def missing_packages() -> list[str]:
    """Debian's names for what this machine lacks: bpy's libraries, programs for the tests, venv, certificates."""
    missing = [package for library, package in BPY_LIBRARIES.items() if needs_bpy_libraries(library)]
    if not shutil.which("blender"):
        missing.append("blender")
    programs = CONSOLE_PROGRAMS | (NETWORK_PROGRAMS if sys.platform == "linux" else {})
    missing += [package for program, package in programs.items() if not shutil.which(program)]
    if sys.platform == "linux" and not has_postgresql():
        missing.append("postgresql")
    if not importlib.util.find_spec("ensurepip"):
        missing.append(venv_package())
    if Path("/etc/debian_version").exists() and not Path("/etc/ssl/certs/ca-certificates.crt").exists():
        missing.append("ca-certificates")
    return missing


def has_postgresql() -> bool:
    """True where the store's tests can start a server of their own. Debian keeps its programs off the PATH."""
    return bool(shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))


def needs_bpy_libraries(library: str) -> bool:
    """True where bpy would look for it and not find it: on Linux alone."""
    if sys.platform != "linux":
        return False
    try:
        return not _loads(library)
    except OSError:
        return True


def _loads(library: str) -> bool:
    # without gcc or ldconfig on the PATH, find_library finds nothing: then the loader itself is asked
    found = ctypes.util.find_library(library)
    return bool(found) or any(_opens(f"lib{library}.so.{number}") for number in (6, 3, 1, 0))


def _opens(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def venv_package() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}-venv"


def apt_get(packages: list[str]) -> bool:
    """True when Debian's packages are in."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    steps = (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages])
    return all(
        not subprocess.run(["apt-get", *step], env=quiet, stdout=subprocess.DEVNULL).returncode for step in steps
    )


def say_missing(packages: list[str]) -> None:
    """Which packages are not there, what for, and the command."""
    print(f"setup: missing on this machine: {' '.join(packages)}", file=sys.stderr)
    if "blender" in packages:
        print("       (blender is for the tests with an installed Blender; they are skipped without)", file=sys.stderr)
    if set(packages) & set(CONSOLE_PROGRAMS.values()):
        print("       (php, telnet and nc are for the console's tests; they are skipped without)", file=sys.stderr)
    if set(packages) & set(NETWORK_PROGRAMS.values()):
        print("       (iproute2 and mount are for the tests between hosts; they are skipped without)", file=sys.stderr)
    if "postgresql" in packages:
        print("       (postgresql is for the store's tests; half of them are skipped without)", file=sys.stderr)
    if set(packages) & set(BPY_LIBRARIES.values()):
        print("       (the bpy module does not load without the lib… ones)", file=sys.stderr)
    print(f"       on Debian:  sudo apt-get install {' '.join(packages)}", file=sys.stderr)


# ---------------------------------------------------------------- .venv


def virtual_environment() -> None:
    """Makes .venv, installs the pinned libraries in it, and brender itself from src/."""
    if not works():
        print("setup: making .venv", flush=True)
        run(sys.executable, "-m", "venv", "--clear", VENV)
    once("libraries", digest(LOCKED), install_libraries)
    once("brender", digest(ROOT / "pyproject.toml", ROOT / "src/brender/__init__.py", extra=str(ROOT)), install_brender)


def works() -> bool:
    """True where .venv has a Python that runs (it stops doing so when the system's is renewed)."""
    python = BIN / "python"
    return python.exists() and subprocess.run([python, "-c", "import pip"], stderr=subprocess.DEVNULL).returncode == 0


def install_libraries() -> None:
    """Exactly the pinned ones, each checked against its hash."""
    print("setup: installing the pinned libraries into .venv (bpy alone is 373 MB to fetch)", flush=True)
    pip("install", "--require-hashes", "--only-binary", ":all:", "-r", LOCKED)


def install_brender() -> None:
    """The tree itself, editable; what it needs is already there, so nothing is fetched."""
    pip("install", "--no-deps", "--no-build-isolation", "--editable", ROOT)


def pip(*arguments: str | Path) -> None:
    run(BIN / "python", "-m", "pip", "--disable-pip-version-check", "-q", *arguments)


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def once(name: str, wanted: str, do: Callable[[], None]) -> None:
    """Does it unless the stamp in .venv says that it was done for this very content."""
    stamp = VENV / f"setup-{name}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    do()
    stamp.write_text(wanted)


def digest(*files: Path, extra: str = "") -> str:
    """One hash over the contents."""
    return hashlib.sha256(extra.encode() + b"".join(file.read_bytes() for file in files)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
