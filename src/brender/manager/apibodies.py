# SPDX-License-Identifier: GPL-3.0-or-later
"""What Litestar's own document does not say of bodies, so that a generated client has them right: which are bytes,
which may be left out, and what comes on the stream of events.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from brender.core.views import Hint

Document = dict[str, Any]
_STREAM = {"type": "string", "description": "Server-sent events; the `data` of each is a `Hint`."}
# OpenAPI's registry of formats has "binary" for bytes; without it a generator takes a picture for text
_BYTES = {"type": "string", "format": "binary"}
_OF_A_PART = (
    ("Upload-Offset", "How many bytes of the file come before the body: as many as are there."),
    ("Upload-Length", "How many bytes the whole file has."),
)


def add(found: Document) -> None:
    """To the document: the type of an event, and what is missing of the bodies of each operation."""
    _, hint = msgspec.json.schema_components([Hint], ref_template="#/components/schemas/{name}")
    found["components"]["schemas"].update(hint)
    for item in found["paths"].values():
        if "put" in item:
            _say_what_is_sent(item["put"])
        for operation in item.values():
            _let_it_be_left_out(operation.get("requestBody", {}))
            for media, content in _answers(operation):
                _say_what_comes(media, content)


def _say_what_is_sent(put: Document) -> None:
    """A PUT takes a file, or a part of one (routes/files.py)."""
    put["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": _BYTES}}}
    put.setdefault("parameters", []).extend(
        {
            "name": name,
            "in": "header",
            "required": True,
            "description": text,
            "schema": {"type": "integer", "minimum": 0},
        }
        for name, text in _OF_A_PART
    )


def _answers(operation: Document) -> Iterator[tuple[str, Document]]:
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).items()


def _say_what_comes(media: str, content: Document) -> None:
    if media == "text/event-stream":
        content["schema"] = _STREAM
    elif media == "application/octet-stream" or media.startswith("image/"):
        content["schema"] = _BYTES


def _let_it_be_left_out(body: Document) -> None:
    """A body of a type or null is one that need not be there; null itself is no body that is taken."""
    for content in body.get("content", {}).values():
        types = content["schema"].get("oneOf", [])
        if {"type": "null"} in types:
            (content["schema"],) = (each for each in types if each != {"type": "null"})
            body["required"] = False
