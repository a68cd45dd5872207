# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words of a command say which objects, and which say what they are to become: the same in console and CLI.

`worker farm* idle tags=gpu note=x`: the `attr=value` words at the end are values. A filter that is `attr=value` itself
is kept apart from them by `--`: `worker wish=disabled -- note=x`.
"""

import re
from collections.abc import Sequence

APART = "--"

_VALUE = re.compile(r"([A-Za-z_]+)=(.*)", re.DOTALL)


def split(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The filter's words, and the values. `ValueError` with a sentence where what should be a value is none."""
    if APART in words:
        at = words.index(APART)
        return list(words[:at]), values(words[at + 1 :])
    at = len(words)
    while at and _VALUE.fullmatch(words[at - 1]):
        at -= 1
    return list(words[:at]), values(words[at:])


def values(words: Sequence[str]) -> dict[str, str]:
    """Attributes and what is said of them; `ValueError` with a sentence about a word that is no `attr=value`."""
    found: dict[str, str] = {}
    for word in words:
        match = _VALUE.fullmatch(word)
        if match is None:
            raise ValueError(f"'{word}' gives no attribute a value: say attr=value.")
        if match[1].lower() in found:
            raise ValueError(f"{match[1].lower()} is given twice.")
        found[match[1].lower()] = match[2]
    return found
