# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/console.md is what the table of verbs and a real manager say."""

import re

import pytest

from brender.manager.console.verbs import VERBS
from tools import write_console


def test_the_page_of_the_console_has_every_verb_in_the_order_of_the_table() -> None:
    written = write_console.PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^### (\w+)$", written, re.MULTILINE) == [verb.name for verb in VERBS]
    assert all(f"`{verb.usage}`\n\n{verb.line}" in written for verb in VERBS), "run tools/write_console.py"


@pytest.mark.bpy
def test_the_transcripts_are_what_a_real_manager_says(bpy_python: str) -> None:
    assert write_console.PAGE.read_text(encoding="utf-8") == write_console.page(), "run tools/write_console.py"
