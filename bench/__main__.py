# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m bench NAME [--json] [options]`: one JSON object on standard output, progress on standard error."""

import argparse
import importlib
import json
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))


def main() -> int:
    """Run one benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what the project claims.")
    parser.add_argument("name", choices=[name.removeprefix("bench_") for name in NAMES])
    parser.add_argument("--json", action="store_true", help="one line of JSON (otherwise indented)")
    parser.add_argument("--quick", action="store_true", help="one small round: to see that it works, not to measure")
    asked = parser.parse_args()
    figures = importlib.import_module(f"bench.bench_{asked.name}").measure(quick=asked.quick)
    print(json.dumps(figures, indent=None if asked.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
