# SPDX-License-Identifier: GPL-3.0-or-later
"""The exit codes of every command, in one table: docs/exit-codes.md says the same, and so does each `--help`."""

import enum


class Exit(enum.IntEnum):
    """What a command's exit code says."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "success"
    FAILED = 1, "some frames failed, or the job did; doctor: something must be mended"
    USAGE = 2, "the command line is wrong; nothing was done"
    REFUSED = 3, "the scene, the job or the farm does not allow it; nothing was rendered"
    NO_MANAGER = 4, "no manager is known, or it does not answer"
    NOT_FOUND = 5, "there is no such job, worker or frame"
    CANCELLED = 6, "the job was cancelled, or paused, before it was done"
    INTERNAL = 70, "a mistake in brender; the details are in a file that is named"
    INTERRUPTED = 130, "interrupted by Ctrl-C or a signal; frames that were done are kept"


def listed() -> str:
    """For `--help`: a line a code."""
    return "Exit codes:\n" + "\n".join(f"  {code.value:>3}  {code.meaning}" for code in Exit)
