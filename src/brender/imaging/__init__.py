# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads back what was rendered: `verify` says whether a file is good, `thumbnail` shows it, `sheet` shows a whole job.

Its rule: a picture is judged by its bytes, never by its name or by what a program said. Nothing here writes pictures
to a disk, starts a process, or trusts a size before it has been bounded. The modules are imported by name, where they
are needed: they load libraries that take a tenth of a second.
"""

import hashlib
from pathlib import Path


def sha256(path: Path | str) -> str:
    """The SHA-256 of a file, as the records keep it. OSError where it cannot be read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
