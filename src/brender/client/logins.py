# SPDX-License-Identifier: GPL-3.0-or-later
"""The logins of this user, one a manager: `logins.json` in the folder of their settings, readable by nobody else.

Beside the token stands the certificate by which the manager is known, where it is not known by its name.
"""

import contextlib
import os
import platform
import secrets
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from urllib.parse import urlsplit

import msgspec

from brender.tls.addresses import is_loopback

FILE = "logins.json"

_PORTS = {"http": 80, "https": 443}


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What one manager is shown."""

    name: str  # of the account
    token: str
    certificate: str = ""  # PEM; "": the manager is known by its name


def user_config_folder(system: str, environ: Mapping[str, str], home: str) -> PurePath:
    """Where a program of `system` keeps a user's settings, for brender. On Windows those that do not roam."""
    if system == "Windows":
        local = environ.get("LOCALAPPDATA")
        return (PureWindowsPath(local) if local else PureWindowsPath(home) / "AppData" / "Local") / "brender"
    if system == "Darwin":
        return PurePosixPath(home) / "Library" / "Application Support" / "brender"
    xdg = PurePosixPath(environ.get("XDG_CONFIG_HOME", ""))
    return (xdg if xdg.is_absolute() else PurePosixPath(home) / ".config") / "brender"


def place(environ: Mapping[str, str] = os.environ) -> Path:
    """The file of this user."""
    return Path(user_config_folder(platform.system(), environ, str(Path.home()))) / FILE


def key(url: str) -> tuple[str, str, int]:
    """What two addresses of one manager have in common: scheme, host and port; all of loopback is one host."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port
    except ValueError:  # no address at all: whoever uses it says so
        return "", url, 0
    return parts.scheme, "localhost" if is_loopback(host) else host, port or _PORTS.get(parts.scheme, 0)


def of(url: str, environ: Mapping[str, str] = os.environ) -> Login | None:
    """The login that is kept for a manager."""
    return next((login for known, login in _read(place(environ)).items() if key(known) == key(url)), None)


def keep(url: str, login: Login, environ: Mapping[str, str] = os.environ) -> None:
    """Remember a login, in place of one that there was."""
    _write(place(environ), _without(url, environ) | {url: login})


def forget(url: str, environ: Mapping[str, str] = os.environ) -> None:
    """Forget it again."""
    _write(place(environ), _without(url, environ))


def _without(url: str, environ: Mapping[str, str]) -> dict[str, Login]:
    return {known: login for known, login in _read(place(environ)).items() if key(known) != key(url)}


def _read(path: Path) -> dict[str, Login]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Login])
    except (OSError, msgspec.MsgspecError):
        return {}


def _write(path: Path, logins: Mapping[str, Login]) -> None:
    """Whole or not at all, and never readable by others."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(logins), indent=2) + b"\n")
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
