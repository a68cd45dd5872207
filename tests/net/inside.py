# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program on a host of the test's network: `inside.py FOLDER NAME PROGRAM ARGUMENTS...`.

The folders of the other hosts, beside its own, are covered by empty file systems first. `ip netns exec` has given this
process a mount namespace of its own, so that nobody else sees that.
"""

import os
import subprocess
import sys
from pathlib import Path


def main(folder: str, name: str, *program: str) -> None:
    for other in Path(folder).parent.iterdir():
        if other.is_dir() and other.name != name:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=0500", "none", str(other)], check=True)
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(*sys.argv[1:])
