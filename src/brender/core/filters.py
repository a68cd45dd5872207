# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects are meant: names, globs, `attr=value`, comparisons, bare words such as `idle`, and `all`.

Names and globs widen (any of them will do), conditions narrow (all must hold): `farm* idle cores>=8`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from operator import ge, gt, le, lt
from typing import Any

import msgspec

from brender.core.attributes import Attribute, Kind, scalar_text
from brender.core.farm import Farm
from brender.core.nouns import Value

_CONDITION = re.compile(r"([A-Za-z_]+)(<=|>=|!=|=|<|>)(.*)", re.DOTALL)
_OPERATOR = re.compile(r"(<=|>=|!=|=|<|>)(.*)", re.DOTALL)
_COMPARE: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_ORDERED = tuple(_COMPARE)
_NEEDS_ORDER = ("int", "float")


class Condition(msgspec.Struct, frozen=True):
    """`attribute operator value`. The value of a text or a choice may be a glob."""

    attribute: str
    operator: str
    value: Value

    def holds(self, found: Value) -> bool:
        """Whether an attribute's value fits."""
        if self.operator in ("=", "!="):
            return _equal(found, self.value) is (self.operator == "=")
        return _compare(found, self.value, self.operator)


class Filter(msgspec.Struct, frozen=True):
    """A selection. `names` empty: whatever the conditions leave; `given` False: nothing was selected at all."""

    names: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    given: bool = False


def parse(kind: Kind, words: Iterable[str]) -> Filter:
    """A filter from words; `ValueError` with a sentence for an unknown attribute or a value of the wrong type."""
    names: list[str] = []
    conditions: list[Condition] = []
    given = False
    for word in words:
        given = True
        if match := _CONDITION.fullmatch(word):
            conditions.append(_condition(kind, *match.groups()))
        elif bare := kind.words.get(word.lower()):
            conditions.append(Condition(bare[0], "=", bare[1]))
        elif word.lower() != "all":
            names.append(word)
    return Filter(tuple(names), tuple(conditions), given)


def parse_values(kind: Kind, filters: Mapping[str, object]) -> Filter:
    """A filter from a JSON object: `{"wish": "enabled", "cores": ">=8"}`; an empty one is `all`.

    A list asks a list for all its words, and anything else for any of its values.
    """
    return Filter(conditions=tuple(_given(kind, name, value) for name, value in filters.items()), given=True)


def _given(kind: Kind, name: str, value: object) -> Condition:
    if isinstance(value, str) and (match := _OPERATOR.fullmatch(value)):
        return _condition(kind, name, *match.groups())
    attribute = kind.attribute(name)
    if isinstance(value, list | tuple):
        return Condition(attribute.name, "=", tuple(_one(attribute, each) for each in value))
    return Condition(attribute.name, "=", _one(attribute, value))


def _one(attribute: Attribute, value: object) -> Any:
    return _value(attribute, value) if isinstance(value, str) else _anything(attribute).parse(value)


def _condition(kind: Kind, name: str, operator: str, raw: str) -> Condition:
    attribute = kind.attribute(name)
    if operator in _ORDERED and attribute.type not in _NEEDS_ORDER:
        raise ValueError(f"{attribute.name} is not a number: it can be compared with = and != alone, not {operator}.")
    return Condition(attribute.name, operator, _value(attribute, raw))


def _value(attribute: Attribute, raw: str) -> Value:
    """What is compared with."""
    if attribute.type == "list":
        return tuple(word for part in raw.split(",") if (word := part.strip()))
    if attribute.type == "text" or (attribute.type == "choice" and _is_glob(raw)):
        return raw
    return _anything(attribute).parse(raw)


def _anything(attribute: Attribute) -> Attribute:
    """A filter may ask for a value out of range: nothing will match it."""
    return msgspec.structs.replace(attribute, least=None, most=None, check=None, any_scalar=True)


def _is_glob(text: str) -> bool:
    return any(c in text for c in "*?[")


def _equal(found: Value, wanted: Value) -> bool:
    if isinstance(wanted, tuple):
        return _equal_many(found, wanted)
    if isinstance(found, str) and isinstance(wanted, str):
        return fnmatchcase(found.lower(), wanted.lower()) if _is_glob(wanted) else found.lower() == wanted.lower()
    if isinstance(found, bool | int | float) and isinstance(wanted, str):  # a setting's value, of any type
        return scalar_text(found) == wanted.lower()
    return found == wanted


def _equal_many(found: Value, wanted: tuple[Any, ...]) -> bool:
    """A list has every word that is wanted, and none where none is; anything else is one of them."""
    if isinstance(found, tuple):
        return all(any(_equal(each, word) for each in found) for word in wanted) if wanted else not found
    return any(_equal(found, each) for each in wanted)


def _compare(found: Value, wanted: Value, operator: str) -> bool:
    if not isinstance(found, int | float) or not isinstance(wanted, int | float):
        return False
    return _COMPARE[operator](found, wanted)


def matcher(kind: Kind, chosen: Filter, farm: Farm) -> Callable[[Any], bool]:
    """Whether an object is meant. A name is compared with the kind's first attribute, or its id."""
    keys = [key.read for key in {kind.key.name: kind.key, kind.id.name: kind.id}.values()]
    plain = {name.lower() for name in chosen.names if not _is_glob(name)}
    globs = [name.lower() for name in chosen.names if _is_glob(name)]

    def named(thing: Any) -> bool:
        own = [str(read(farm, thing)).lower() for read in keys]
        return any(text in plain or any(fnmatchcase(text, glob) for glob in globs) for text in own)

    reads = [(kind.attribute(c.attribute).read, c.holds) for c in chosen.conditions]

    def fits(thing: Any) -> bool:
        return all(holds(read(farm, thing)) for read, holds in reads)

    if not chosen.names:
        return fits
    return lambda thing: named(thing) and fits(thing)


def unmatched(kind: Kind, chosen: Filter, farm: Farm, things: Iterable[Any]) -> list[str]:
    """Plain names in the filter that no object has: most likely misspelt."""
    wanted = {name.lower(): name for name in chosen.names if not _is_glob(name)}
    for thing in things:
        if not wanted:
            break
        for attribute in (kind.key, kind.id):
            wanted.pop(str(attribute.read(farm, thing)).lower(), None)
    return sorted(wanted.values())
