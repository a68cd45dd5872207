# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws docs/states.md from the tables in core/lifecycle.py. `--check` only says whether it is stale."""

import re
import sys
from enum import Enum
from pathlib import Path
from typing import Any

from brender.core import lifecycle, nouns

PAGE = Path(__file__).parents[1] / "docs/states.md"
HEAD = """# The lives of a job, a task and a run

Drawn by `tools/draw_states.py` from the tables in `src/brender/core/lifecycle.py`; a test fails when it is stale.
A state changes only there. What has no arrow here cannot happen: it raises.
"""
TABLES: tuple[tuple[str, type[Enum], dict[Any, dict[str, Any]]], ...] = (
    ("Job", nouns.JobState, lifecycle.JOB),
    ("Task", nouns.TaskState, lifecycle.TASK),
    ("Run", nouns.RunState, lifecycle.RUN),
)


def page() -> str:
    """The whole document."""
    return HEAD + "".join(_life(name, kind, table) for name, kind, table in TABLES)


def _life(name: str, kind: type[Enum], table: dict[Any, dict[str, Any]]) -> str:
    arrows = [
        f"    {state.name.lower()} --> {after.name.lower()}: {event}"
        for state, moves in table.items()
        for event, after in moves.items()
    ]
    meanings = [f"| {state.name.lower()} | {_meaning(kind, state)} | {_ways(table[state])} |" for state in kind]
    return "\n".join(
        [
            f"\n## {name}\n",
            "```mermaid",
            "stateDiagram-v2",
            *arrows,
            "```",
            "",
            "| state | meaning | event: next |",
            "|---|---|---|",
            *meanings,
            "",
        ]
    )


def _ways(moves: dict[str, Any]) -> str:
    return ", ".join(f"{event}: {after.name.lower()}" for event, after in moves.items()) or "the end"


def _meaning(kind: type[Enum], state: Enum) -> str:
    """The comment behind a state where it is defined."""
    source = Path(nouns.__file__).read_text(encoding="utf-8")
    body = source.split(f"class {kind.__name__}(")[1].split("\nclass ")[0]
    found = re.search(rf"^    {state.name} = \S+(?:  # (.+))?$", body, re.MULTILINE)
    return (found and found[1]) or ""


def main() -> int:
    """Write the page, or with `--check` compare it: 1 where it is stale."""
    if "--check" in sys.argv:
        return int(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
