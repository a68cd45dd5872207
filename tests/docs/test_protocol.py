# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol's page has a row for each message, under who sends it, and none for what does not exist."""

import re
from pathlib import Path
from types import UnionType

import pytest

from brender.core import messages as m

PAGE = (Path(__file__).resolve().parents[2] / "docs/protocol.md").read_text(encoding="utf-8")


def rows(section: str) -> list[tuple[str, str]]:
    """The messages that have a row there, and whether each is called a report."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
    return re.findall(r"^\| `(\w+)`(?: `\w+`)?( \(report\))? \|", text, re.MULTILINE)


@pytest.mark.parametrize(("section", "spoken"), [("From the worker", m.ToManager), ("From the manager", m.ToWorker)])
def test_every_message_has_its_row(section: str, spoken: UnionType) -> None:
    there = {(kind.__name__, " (report)" * issubclass(kind, m.Report)) for kind in spoken.__args__}
    assert set(rows(section)) == there
