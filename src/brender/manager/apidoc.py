# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's OpenAPI document, and what a page of it shows: operations and types, in the order of the document.

What a field means stands beside it in the source, as a comment; it is taken from there.
"""

import ast
import functools
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import msgspec
from litestar import Litestar
from litestar.serialization import encode_json

from brender.core import (
    contentviews,
    failures,
    joinviews,
    messages,
    nouns,
    objectviews,
    peopleviews,
    rights,
    scene,
    views,
)
from brender.manager import apibodies, apiobjects, apirights

Document = dict[str, Any]
METHODS = ("head", "get", "post", "patch", "put", "delete")


class Field(msgspec.Struct, frozen=True):
    """One field of a type, or one parameter of an operation."""

    name: str
    type: str
    required: bool
    text: str = ""
    default: str = ""
    place: str = ""  # of a parameter: "path" or "query"


class Operation(msgspec.Struct, frozen=True):
    """One thing that can be asked."""

    id: str
    method: str
    path: str
    text: str
    parameters: tuple[Field, ...]
    body: str  # its type, "" for none
    answers: tuple[tuple[str, str, str], ...]  # status, type, text


class Type(msgspec.Struct, frozen=True):
    """One type: an object with fields, or words to choose from."""

    name: str
    text: str
    fields: tuple[Field, ...] = ()
    words: tuple[str, ...] = ()


class Words(msgspec.Struct, frozen=True):
    """What the source says of a type."""

    text: str
    fields: dict[str, str]


def document(app: Litestar) -> Document:
    """The whole document, as plain values."""
    found: Document = msgspec.json.decode(encode_json(app.openapi_schema.to_schema()))
    apibodies.add(found)
    words = _words()
    for name, schema in found["components"]["schemas"].items():
        if name in words:
            _describe(schema, words[name])
    apiobjects.add(found)
    apirights.add(found, app)
    return found


def _describe(schema: Document, words: Words) -> None:
    schema["description"] = words.text
    properties = schema.get("properties", {})
    for field in words.fields.keys() & properties.keys():
        # beside a "$ref" OpenAPI 3.1 takes a description as it is
        properties[field] = {**properties[field], "description": words.fields[field]}


# --- the source --------------------------------------------------------------------------------------------------


@functools.cache
def _words() -> dict[str, Words]:
    """Of each type of the API its docstring, and the comments that stand behind its fields."""
    found: dict[str, Words] = {}
    for module in (failures, scene, messages, nouns, views, objectviews, rights, peopleviews, joinviews, contentviews):
        found |= _of_module(module)
    return found


def _of_module(module: ModuleType) -> dict[str, Words]:
    source = inspect.getsource(module)
    lines = source.splitlines()
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    return {each.name: Words(ast.get_docstring(each) or "", _fields(each, lines)) for each in classes}


def _fields(node: ast.ClassDef, lines: list[str]) -> dict[str, str]:
    return {
        field.target.id: comment[1]
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if (comment := re.search(r"  # (?!noqa|type:)(.+)$", lines[(field.end_lineno or field.lineno) - 1]))
    }


# --- what is shown -----------------------------------------------------------------------------------------------


def operations(found: Document) -> Iterator[Operation]:
    """Everything that can be asked."""
    for path, item in found["paths"].items():
        for method in METHODS:
            if method in item:
                yield _operation(path, method, item[method])


def _operation(path: str, method: str, said: Document) -> Operation:
    body = said.get("requestBody", {})
    return Operation(
        id=said["operationId"],
        method=method.upper(),
        path=path,
        text=said.get("description", ""),
        parameters=tuple(_parameter(each) for each in said.get("parameters", ())),
        body=_content(body.get("content", {})) + ("" if body.get("required", True) else " or nothing"),
        answers=tuple(
            (status, _content(answer.get("content", {})), answer["description"])
            for status, answer in sorted(said["responses"].items())
        ),
    )


def _parameter(said: Document) -> Field:
    schema = said["schema"]
    return Field(
        name=said["name"],
        type=type_of(schema),
        required=said.get("required", False),
        text=said.get("description", ""),
        default=_default(schema),
        place=said["in"],
    )


def _content(content: Document) -> str:
    if not content:
        return ""
    media, said = next(iter(content.items()))
    return type_of(said["schema"]) if media == "application/json" else media


def types(found: Document) -> Iterator[Type]:
    """Every type that is spoken of, by name."""
    for name, schema in sorted(found["components"]["schemas"].items()):
        required = schema.get("required", ())
        fields = (_field(field, said, field in required) for field, said in schema.get("properties", {}).items())
        yield Type(name, schema.get("description", ""), tuple(fields), tuple(map(str, schema.get("enum", ()))))


def _field(name: str, said: Document, required: bool) -> Field:
    return Field(name, type_of(said), required, said.get("description", ""), _default(said))


def _default(schema: Document) -> str:
    if schema.get("default") in (None, [], {}):
        return ""
    return msgspec.json.encode(schema["default"]).decode()


def type_of(schema: Document) -> str:
    """A schema in words: `integer`, `JobView`, `string or null`, `list of RunView`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(type_of(each) for each in schema[several]))
    if "enum" in schema:
        return " | ".join(msgspec.json.encode(word).decode() for word in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return _array(schema)
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map to {type_of(schema['additionalProperties'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _array(schema: Document) -> str:
    if "prefixItems" in schema:
        return f"({', '.join(type_of(each) for each in schema['prefixItems'])})"
    return f"list of {type_of(schema.get('items', {}))}"
