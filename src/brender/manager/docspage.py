# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's document as a page: plain HTML made here, without a script and without anything from elsewhere.

It can be read and used by keyboard alone, in dark and in light, and without a network.
"""

import html
from collections.abc import Iterable
from typing import Any

from litestar import Request
from litestar.enums import MediaType
from litestar.openapi.plugins import OpenAPIRenderPlugin

from brender.manager.apidoc import Document, Field, Operation, Type, document, operations, types

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d4d7dd, #3a3d45); --dim: light-dark(#565b66, #a3a8b3);
  --cell: light-dark(#f6f7f9, #202227); --link: light-dark(#0b57c2, #8ab6ff); }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem 1rem 6rem;
  background: light-dark(#fff, #16171a); color: light-dark(#17191d, #ecedf0); }
a { color: var(--link); } code, .type { font-family: ui-monospace, monospace; font-size: .92em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; background: var(--cell); }
summary { padding: .6rem .9rem; cursor: pointer; } details > div { padding: 0 .9rem .9rem; }
.method { display: inline-block; min-width: 4.2em; font-weight: 700; } .dim { color: var(--dim); }
table { border-collapse: collapse; width: 100%; margin: .4rem 0; } td, th { text-align: left; vertical-align: top;
  padding: .3rem .6rem .3rem 0; border-top: 1px solid var(--line); } th { font-weight: 600; }
h2 { margin-top: 2.5rem; } .skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; }
"""


class PagePlugin(OpenAPIRenderPlugin):
    """The page."""

    def __init__(self, *, path: str) -> None:
        super().__init__(path=path, media_type=MediaType.HTML)

    def render(self, request: Request[Any, Any, Any], openapi_schema: Document) -> bytes:
        """As HTML."""
        return page(document(request.app)).encode()


def page(found: Document) -> str:
    """The whole page."""
    info = found["info"]
    known = {each.name for each in types(found)}
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{_text(info["title"])} API</title><style>{_STYLE}</style></head><body>
<a class="skip" href="#asked">To what can be asked</a>
<header><h1>{_text(info["title"])} {_text(info["version"])}: the API</h1><p>{_prose(info["description"])}</p>
<p><a href="/api/v1/openapi.json">The same as an OpenAPI document</a></p></header>
<main><h2 id="asked">What can be asked</h2>
{"".join(_operation(each, known) for each in operations(found))}
<h2 id="types">The types</h2>
{"".join(_type(each, known) for each in types(found))}
</main></body></html>
"""


def _operation(each: Operation, known: set[str]) -> str:
    first, _, rest = each.text.partition("\n")
    parts = [f"<p>{_prose(rest)}</p>" if rest.strip() else ""]
    if each.parameters:
        parts.append(_table("Parameters", (_parameter(field, known) for field in each.parameters)))
    if each.body:
        parts.append(f"<p>Body: {_linked(each.body, known)}</p>")
    answers = (f"<td>{status}<td>{_linked(kind, known)}<td>{_prose(text)}" for status, kind, text in each.answers)
    parts.append(_table("Answers", answers))
    return (
        f'<details id="{each.id}"><summary><code><span class="method">{each.method}</span>{_text(each.path)}</code> '
        f'<span class="dim">{_prose(first)}</span></summary><div>{"".join(parts)}</div></details>\n'
    )


def _parameter(field: Field, known: set[str]) -> str:
    need = "required" if field.required else f"default {field.default}" if field.default else "optional"
    return (
        f"<td><code>{_text(field.name)}</code><td>{_linked(field.type, known)}"
        f'<td class="dim">{field.place}, {_text(need)}<td>{_prose(field.text)}'
    )


def _type(each: Type, known: set[str]) -> str:
    words = f"<p>{', '.join(f'<code>{_text(word)}</code>' for word in each.words)}</p>" if each.words else ""
    rows = _table("Fields", (_field(field, known) for field in each.fields)) if each.fields else ""
    return (
        f'<details id="type-{_text(each.name)}"><summary><code>{_text(each.name)}</code> '
        f'<span class="dim">{_prose(each.text)}</span></summary><div>{words}{rows}</div></details>\n'
    )


def _field(field: Field, known: set[str]) -> str:
    need = "required" if field.required else f"default {field.default}" if field.default else ""
    return (
        f"<td><code>{_text(field.name)}</code><td>{_linked(field.type, known)}"
        f'<td class="dim">{_text(need)}<td>{_prose(field.text)}'
    )


def _table(head: str, rows: Iterable[str]) -> str:
    return f'<table><caption class="dim">{head}</caption>{"".join(f"<tr>{row}</tr>" for row in rows)}</table>'


def _linked(kind: str, known: set[str]) -> str:
    words = (f'<a href="#type-{word}">{word}</a>' if word in known else _text(word) for word in kind.split(" "))
    return f'<span class="type">{" ".join(words)}</span>'


def _prose(text: str) -> str:
    """Text with `code` in it."""
    parts = _text(text).split("`")
    return "".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts))


def _text(text: str) -> str:
    return html.escape(text.strip("\n"))
