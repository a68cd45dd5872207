# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/states.md is what the tables say."""

from tools import draw_states


def test_the_page_of_states_is_drawn_from_the_tables_as_they_are() -> None:
    assert draw_states.PAGE.read_text(encoding="utf-8") == draw_states.page(), "run tools/draw_states.py"
