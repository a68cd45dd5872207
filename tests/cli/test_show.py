# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as text."""

import pytest

from brender.cli import show


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.44, "0.4 s"),
        (7.06, "7.1 s"),
        (-1, "0.0 s"),
        (125, "2:05"),
        (3725, "1:02:05"),
        (273600, "3 d 4 h"),
    ],
)
def test_a_duration_is_as_long_as_it_needs(seconds, text):
    assert show.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1400, "1.4 kB"), (20_000_000, "20 MB"), (3_000_000_000_000, "3.0 TB")],
)
def test_a_size_has_its_unit(count, text):
    assert show.size(count) == text


def test_columns_stand_side_by_side():
    assert show.lines([("ID", "NAME"), ("10", "a\nb")], None) == ["ID  NAME", "10  a b"]


def test_a_line_too_long_for_the_terminal_says_so():
    assert show.lines([("1234567890",)], 5) == ["1234…"]
