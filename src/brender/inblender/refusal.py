# SPDX-License-Identifier: GPL-3.0-or-later
"""A refusal: the kind of core/failures.py, and a sentence for the artist that says what, where, and what to do."""


class Refusal(Exception):
    """Ends the opening or the run it happens in, never the process."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def listing(names: list[str], most: int = 8) -> str:
    """The names in one line: `a, b and 3 more`."""
    shown = [f'"{name}"' for name in names[:most]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
