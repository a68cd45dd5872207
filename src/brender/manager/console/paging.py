# SPDX-License-Identifier: GPL-3.0-or-later
"""Long answers come in pages: so many lines, then a line that says how to get the next ones. Nothing ever waits for a
key, so that a pipe never hangs."""

from collections.abc import Sequence
from typing import Any

from brender.manager.console.answer import Answer, Asked
from brender.manager.finding import Look


async def paged(asked: Asked, kind: str, words: Sequence[str], look: Look[Any]) -> Answer:
    """A page of the objects that the words mean: `look` gives a line of each, or, with --json, what data it is."""
    found, total = await asked.service.find(kind, words, look, asked.rows, asked.offset)
    if asked.json:
        return Answer(data=found, total=total)
    return Answer(lines=closed(asked, found, total, asked.service.kind(kind).plural), more=following(asked, total))


def closed(asked: Asked, lines: Sequence[str], total: int, plural: str) -> list[str]:
    """The lines of a page, with the closing one where there are more pages."""
    if following(asked, total) is None and asked.page == 1:
        return list(lines)
    first, last = asked.offset + 1, asked.offset + asked.rows
    if first > total:
        return [f"There are {total} {plural}: page {asked.page} has none."]
    more = f"; `more`, or --page {asked.page + 1}, shows the next" if last < total else ""
    return [*lines, f"-- {first} to {min(last, total)} of {total} {plural}{more}"]


def following(asked: Asked, total: int) -> int | None:
    """The next page, where there is one."""
    return asked.page + 1 if asked.offset + asked.rows < total else None
