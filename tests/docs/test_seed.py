# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/seed.md: each requirement of the seed has a row, and each row names tests that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/seed.md").read_text(encoding="utf-8")
IN_THE_BROWSER = {9, 10, 24}  # not yet
WANTED = [f"R{n}" for n in range(1, 25) if n not in IN_THE_BROWSER]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> dict[str, str]:
    """What stands behind each requirement's name."""
    return dict(re.findall(r"^\| (R\d+) \| (.+) \|$", PAGE, re.MULTILINE))


def functions(file: str) -> set[str]:
    path = ROOT / file
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_requirement_has_its_row() -> None:
    assert list(rows()) == WANTED


@pytest.mark.parametrize("requirement", WANTED)
def test_a_row_names_a_test(requirement: str) -> None:
    assert NAMED.search(rows()[requirement])


def test_every_test_that_is_named_is_there() -> None:
    assert [f"{file}::{name}" for file, name in NAMED.findall(PAGE) if name not in functions(file)] == []
