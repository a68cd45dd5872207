# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verb is asked with, and what it answers: lines for a person, rows for a program, one from the other."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from brender.core.commands import By, Refusal
from brender.core.nouns import Value
from brender.manager.service import Service

ROWS = 50  # of a page
MOST_ROWS = 10_000

_encode = msgspec.json.Encoder().encode


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One line that was understood: the words after the verb, and the options."""

    service: Service
    by: By
    verb: str
    words: tuple[str, ...] = ()
    json: bool = False
    page: int = 1
    rows: int = ROWS
    show: tuple[str, ...] = ()  # attributes

    @property
    def offset(self) -> int:
        """How many come before this page."""
        return (self.page - 1) * self.rows

    def one(self, what: str) -> str:
        """The only word."""
        if len(self.words) != 1:
            raise Refusal(f"Say `{self.verb} {what}`.", "invalid")
        return self.words[0]

    def some(self, what: str) -> tuple[str, ...]:
        """The words, of which there must be some."""
        if not self.words:
            raise Refusal(f"Say `{self.verb} {what}`.", "invalid")
        return self.words


class Answer(msgspec.Struct, kw_only=True):
    """What is said. `over`: whoever watches has seen the end of it."""

    lines: Sequence[str] = ()
    data: Sequence[Any] | None = None
    total: int | None = None  # where `data` is a page of more
    ok: bool = True
    more: int | None = None  # the next page
    over: bool = False

    @property
    def text(self) -> str:
        """The lines in one, with a last end where there are any."""
        return "".join(f"{plain(line)}\n" for line in self.lines)

    @property
    def json(self) -> str:
        """The same for a program, on one line."""
        if not self.ok:
            return encoded({"ok": False, "error": "\n".join(self.lines)})
        if self.data is None:
            return encoded({"ok": True, "text": "\n".join(self.lines)})
        said: dict[str, Any] = {"ok": True, "count": len(self.data)}
        if self.total is not None and self.total > len(self.data):
            said["total"] = self.total
        return encoded(said | {"data": self.data})


def encoded(value: Any) -> str:
    """JSON on one line."""
    return _encode(value).decode()


def refused(reason: str) -> Answer:
    """That it cannot be."""
    return Answer(lines=(reason,), ok=False)


def changed(names: Sequence[str], noun: str, verb: str) -> Answer:
    """Each name on a line, and how many they are."""
    return Answer(lines=[*names, f"{counted(len(names), noun)} {verb}."], data=list(names))


def counted(count: int, noun: str) -> str:
    """`1 worker`, `2 workers`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def said(value: Value | Sequence[str]) -> str:
    """A value as it is typed and read."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(value)
    if isinstance(value, float):
        return f"{value:.10g}" if value < 1e9 else f"{value:.3f}"
    return "" if value is None else str(value)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns under their heads, two spaces apart."""
    lines = [list(map(plain, row)) for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines]


def plain(text: str) -> str:
    """A line without what could move a terminal's cursor, or be taken for another line."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
