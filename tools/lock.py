# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins every library with its hashes in requirements/locked.txt, for all Pythons and systems, without any address."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKED = ROOT / "requirements/locked.txt"
COMMAND = [
    sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml",
    "--extra", "blender", "--extra", "s3", "--extra", "postgres", "--group", "dev",
    "--constraint", "requirements/pins.in", "--universal", "--python-version", "3.11", "--generate-hashes",
    "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header", "--upgrade", "--quiet",
    "--output-file", str(LOCKED),
]  # fmt: skip


def main() -> int:
    """0 when the pins were written and hold no address."""
    done = subprocess.run(COMMAND, cwd=ROOT, stdout=subprocess.DEVNULL)
    if done.returncode:
        return done.returncode
    text = LOCKED.read_text()
    if "://" in text:
        print("requirements/locked.txt holds an address; a registry's has no place in it", file=sys.stderr)
        return 1
    print(f"pinned {text.count('==')} versions in {LOCKED.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
