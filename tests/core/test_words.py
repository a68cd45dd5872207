# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words are a filter and which are values."""

import pytest

from brender.core.words import split


@pytest.mark.parametrize(
    ("line", "filters", "values"),
    [
        ("farm* idle tags=gpu note=x", "farm* idle", {"tags": "gpu", "note": "x"}),
        ("all note=", "all", {"note": ""}),
        ("cores>=8 note=a=b", "cores>=8", {"note": "a=b"}),
        ("name!=x note=y", "name!=x", {"note": "y"}),
        ("wish=disabled -- note=x", "wish=disabled", {"note": "x"}),
        ("wish=disabled note=x", "", {"wish": "disabled", "note": "x"}),
        ("wish=disabled all note=x", "wish=disabled all", {"note": "x"}),
        ("-- Note=x", "", {"note": "x"}),
        ("farm*", "farm*", {}),
        ("farm* --", "farm*", {}),
        ("", "", {}),
    ],
)
def test_the_values_are_at_the_end_or_behind_two_dashes(line: str, filters: str, values: dict[str, str]) -> None:
    assert split(line.split()) == (filters.split(), values)


def test_a_value_may_hold_anything() -> None:
    assert split(["a", "note=two\nlines = -- x"]) == (["a"], {"note": "two\nlines = -- x"})


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("all -- note", "'note' gives no attribute a value: say attr=value."),
        ("all -- cores>=8", "'cores>=8' gives no attribute a value: say attr=value."),
        ("all note=a NOTE=b", "note is given twice."),
    ],
)
def test_what_is_no_value_is_a_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        split(line.split())
