# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/api.md from the API's own OpenAPI document. A test fails when the page is stale."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from brender.manager import http
from brender.manager.apidoc import Document, Field, Operation, Type, document, operations, types

PAGE = Path(__file__).resolve().parents[1] / "docs/api.md"


def written() -> Document:
    """The document, of an application with no manager behind it."""
    return document(http.application({}))


def page() -> str:
    """The whole page."""
    found = written()
    known = {each.name for each in types(found)}
    lines = [
        "# The API",
        "",
        "Written by `tools/write_api.py` from the OpenAPI document, which a manager serves at `/api/v1/openapi.json`,",
        "and as a page at `/api/v1/docs`; a test fails when it is stale.",
        "",
        found["info"]["description"],
        "",
        "## What can be asked",
        *(line for each in operations(found) for line in _operation(each, known)),
        "",
        "## The types",
        *(line for each in types(found) for line in _type(each, known)),
    ]
    return "\n".join(lines) + "\n"


def _operation(each: Operation, known: set[str]) -> Iterator[str]:
    yield from ("", f"### {each.method} {each.path}", "", *each.text.splitlines(), "")
    if each.parameters:
        yield from _table(("parameter", "in", "type", "default", ""), (_parameter(f, known) for f in each.parameters))
    if each.body:
        yield from (f"Body: {_linked(each.body, known)}", "")
    answers = ((status, _linked(kind, known), text) for status, kind, text in each.answers)
    yield from _table(("answer", "", ""), answers)


def _parameter(field: Field, known: set[str]) -> tuple[str, ...]:
    default = "required" if field.required else field.default
    return f"`{field.name}`", field.place, _linked(field.type, known), default, field.text


def _type(each: Type, known: set[str]) -> Iterator[str]:
    yield from ("", f"### {each.name}", "", *each.text.splitlines(), "")
    if each.words:
        yield from ("One of " + ", ".join(f"`{word}`" for word in each.words) + ".", "")
    if each.fields:
        yield from _table(("field", "type", "default", ""), (_field(field, known) for field in each.fields))


def _field(field: Field, known: set[str]) -> tuple[str, ...]:
    default = "required" if field.required else field.default
    return f"`{field.name}`", _linked(field.type, known), default, field.text


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield from (_row(head), _row(("---",) * len(head)), *map(_row, rows), "")


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def _linked(kind: str, known: set[str]) -> str:
    return " ".join(f"[{word}](#{word.lower()})" if word in known else word for word in kind.split(" "))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE}", file=sys.stderr)
