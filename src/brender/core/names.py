# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of files that come from outside: what may be one on every system, and never leaves its folder.

Strict rather than mended: a name that one system would take for something else is refused with a reason.
"""

import re
import unicodedata

LONGEST_PATH = 1024  # characters
LONGEST_NAME = 255  # bytes of UTF-8, as most file systems have it
DEEPEST = 64

_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"]
    + [f"{name}{n}" for name in ("COM", "LPT") for n in "0123456789¹²³"]  # Windows takes these digits, too
)
_INVISIBLE = ("Cs", "Cf", "Cc", "Cn", "Zl", "Zp")  # among them those that turn the direction of writing
_BLANK = "\u115f\u1160\u3164\uffa0"  # letters that look like nothing
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')


def refusal(path: str) -> str | None:
    """Why `path` is no relative path with "/" that is safe on Linux, Windows and macOS; None: it is one."""
    if not path or len(path) > LONGEST_PATH:
        return f"a path has 1 to {LONGEST_PATH} characters"
    parts = path.split("/")
    if len(parts) > DEEPEST:
        return f"a path goes at most {DEEPEST} folders deep"
    return next((reason for part in parts if (reason := _of_part(part))), None)


def _of_part(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "a path is relative, and none of its parts is empty, `.` or `..`"
    if found := _FORBIDDEN.search(part):
        return f"{found[0]!r} is not allowed in a file's name"
    if any(unicodedata.category(c) in _INVISIBLE or c in _BLANK for c in part):
        return "a file's name has no invisible characters"
    if part != part.strip() or part.endswith("."):
        return "a file's name neither begins with a space nor ends with a space or a dot"
    if part.split(".")[0].rstrip(" ").upper() in _RESERVED:
        return f"{part!r} is a device on Windows"
    try:
        long = len(part.encode()) > LONGEST_NAME
    except UnicodeEncodeError:
        return "a file's name is UTF-8"
    return f"a file's name has at most {LONGEST_NAME} bytes" if long else None


def twin(path: str) -> str:
    """What is the same for paths that some file system takes for one: case and composition do not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())
