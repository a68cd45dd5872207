# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of each kind in the API's document, written from the registry: a new attribute is in it by itself."""

from typing import Any

from brender.core.attributes import Attribute, Kind
from brender.core.kinds import KINDS

Document = dict[str, Any]

_TYPES: dict[str, Document] = {
    "text": {"type": "string"},
    "choice": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": "string"}},
}
_ANY_SETTING = {"type": ["string", "number", "boolean"]}  # of whichever type the setting is


def add(found: Document) -> None:
    """To the document: a type a kind, and that a page holds objects of one of them."""
    schemas = found["components"]["schemas"]
    objects = {f"{kind.name.capitalize()}Object": _object(kind) for kind in KINDS.values()}
    schemas.update(objects)
    references = [{"$ref": f"#/components/schemas/{name}"} for name in objects]
    schemas["ObjectPage"]["properties"]["data"]["items"] = {"anyOf": references}


def _object(kind: Kind) -> Document:
    properties = {each.name: _property(kind, each) for each in kind.attributes}
    return {
        "type": "object",
        "title": f"{kind.name.capitalize()}Object",
        "description": f"{kind.doc} One of `GET /objects/{kind.name}`, written from the registry.",
        "properties": properties,
        "required": list(properties),
    }


def _property(kind: Kind, attribute: Attribute) -> Document:
    said = _TYPES[attribute.type]
    if kind.name == "setting" and attribute.name in ("value", "default"):
        said = _ANY_SETTING
    bounds = {"enum": list(attribute.choices), "minimum": attribute.least, "maximum": attribute.most}
    return {
        **said,
        **{word: bound for word, bound in bounds.items() if bound not in (None, [])},
        "description": attribute.doc,
        **({} if attribute.writable or attribute.at_create else {"readOnly": True}),
    }
