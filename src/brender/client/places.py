# SPDX-License-Identifier: GPL-3.0-or-later
"""Where brender keeps its things on a machine: the data folder, and the files in it that say where the manager is."""

import getpass
import os
import platform
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import msgspec

from brender.core.views import ManagerFile

DATA = "BRENDER_DATA"
MANAGER = "BRENDER_MANAGER"
TOKEN = "BRENDER_TOKEN"  # noqa: S105 - the name of a variable


def user_data_folder(system: str, environ: Mapping[str, str], home: str) -> PurePath:
    """Where a program of `system` ("Linux", "Darwin", "Windows") keeps a user's data, for brender.

    Linux: the XDG base directory specification, which ignores a relative XDG_DATA_HOME.
    """
    if system == "Windows":
        local = environ.get("LOCALAPPDATA")
        return (PureWindowsPath(local) if local else PureWindowsPath(home) / "AppData" / "Local") / "brender"
    if system == "Darwin":
        return PurePosixPath(home) / "Library" / "Application Support" / "brender"
    xdg = PurePosixPath(environ.get("XDG_DATA_HOME", ""))
    return (xdg if xdg.is_absolute() else PurePosixPath(home) / ".local" / "share") / "brender"


def data_folder(given: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The data folder, absolute: the given one, else that of BRENDER_DATA, else the user's."""
    chosen = given or environ.get(DATA) or None
    if chosen is not None:
        return Path(chosen).expanduser().absolute()
    return Path(user_data_folder(platform.system(), environ, str(Path.home())))


def user_cache_folder(system: str, environ: Mapping[str, str], home: str) -> PurePath:
    """Where a program of `system` keeps what it can make anew, for brender."""
    if system == "Windows":
        return user_data_folder(system, environ, home) / "cache"
    if system == "Darwin":
        return PurePosixPath(home) / "Library" / "Caches" / "brender"
    xdg = PurePosixPath(environ.get("XDG_CACHE_HOME", ""))
    return (xdg if xdg.is_absolute() else PurePosixPath(home) / ".cache") / "brender"


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """This user's, absolute."""
    return Path(user_cache_folder(platform.system(), environ, str(Path.home())))


def manager_file(data: Path) -> ManagerFile | None:
    """What the data folder says of its manager, running or not. None where it says nothing that can be read."""
    try:
        return msgspec.json.decode((data / "manager.json").read_bytes(), type=ManagerFile)
    except (OSError, msgspec.MsgspecError):
        return None


def token(data: Path, environ: Mapping[str, str] = os.environ) -> str:
    """What opens the API: BRENDER_TOKEN, else the data folder's. Empty where there is none."""
    try:
        return environ.get(TOKEN) or (data / "token").read_text().strip()
    except OSError:
        return ""


def user() -> str:
    """Who works here, as the operating system calls them. Empty where it does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""  # a container's user may have no name
