# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines to copy: what a person typed, and what goes on from there, quoted for the shell they use."""

import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_BARE_ON_WINDOWS = re.compile(r"[\w.:\\/+=@~-]+")


def command_line(words: Sequence[str], windows: bool = sys.platform == "win32") -> str:
    """The words as one line for a POSIX shell, or for cmd.exe and PowerShell."""
    return " ".join(_quoted_on_windows(word) for word in words) if windows else shlex.join(words)


def going_on(arguments: Sequence[str]) -> list[str]:
    """The arguments of `brender render` that render only what these have left over."""
    before = list(arguments[: arguments.index("--")]) if "--" in arguments else list(arguments)
    return list(arguments) if "--missing" in before else ["--missing", *arguments]


def program(argv0: str | None = None) -> list[str]:
    """How this program was called, so that a printed line works where this one did."""
    called = sys.argv[0] if argv0 is None else argv0
    if Path(called).name == "__main__.py":
        return [sys.executable, "-m", "brender"]
    found = shutil.which(Path(called).name)
    same = found is not None and Path(found).absolute() == Path(called).absolute()
    return [Path(called).stem if same else called]


def _quoted_on_windows(word: str) -> str:
    # what CommandLineToArgvW undoes: a quote is \", and the backslashes before a quote are doubled
    if _BARE_ON_WINDOWS.fullmatch(word):
        return word
    inner = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)$", r"\1\1", inner) + '"'
