# SPDX-License-Identifier: GPL-3.0-or-later
"""What an attribute of a kind of object is: its type, bounds, meaning, how it is read and written.

A value that does not fit is a `ValueError` with a sentence, and changes nothing. Which there are: `core.kinds`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from brender.core.farm import Farm
from brender.core.nouns import Value
from brender.core.rights import Act, Right
from brender.core.settings import TypeName


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute. `write` gives the object's row with the value in it; None: it is read-only."""

    name: str
    type: TypeName
    doc: str
    read: Callable[[Farm, Any], Value]
    write: Callable[[Any, Any], Any] | None = None
    at_create: bool = False  # may be given when one is made
    required: bool = False  # must be given when one is made
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    spaced: bool = False  # of a list: its entries may hold spaces, and commas alone are between them in a text
    any_scalar: bool = False  # a text that may come as a number or a truth value: what it means is for `write` to say
    check: Callable[[Any], str | None] | None = None  # what is wrong with a value of the right type

    @property
    def writable(self) -> bool:
        return self.write is not None

    def parse(self, raw: object) -> Value:
        """The value that is meant by a text or a JSON value; `ValueError` with a sentence where there is none."""
        value = _PARSERS[self.type](self, raw)
        if reason := self._out_of_range(value) or (self.check(value) if self.check else None):
            raise ValueError(f"{self.name}: {reason}")
        return value

    def _out_of_range(self, value: Value) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if (self.least is None or value >= self.least) and (self.most is None or value <= self.most):
            return None
        return f"{value:g} is out of range: {self.range_text()}."

    def range_text(self) -> str:
        """The bounds, in words."""
        least, most = self.least, self.most
        if least is not None and most is not None:
            return f"it goes from {least:g} to {most:g}"
        return (
            f"it is at least {least:g}" if least is not None else f"it is at most {most:g}" if most is not None else ""
        )


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of object: what it is, what names one, and its attributes."""

    name: str
    plural: str
    doc: str
    attributes: tuple[Attribute, ...]
    words: Mapping[str, tuple[str, str]] = {}  # bare words of filters: `idle` is ("condition", "idle")
    no_create: str = ""  # why none can be made by a person, "" where one can
    no_delete: str = ""
    see: Right = Right.LOOK
    make: Right = Right.CHANGE_FARM
    change: Right = Right.CHANGE_FARM

    def right(self, act: Act) -> Right:
        """The right that it takes to do this with one of them."""
        right: Right = getattr(self, act.value)
        return right

    @property
    def key(self) -> Attribute:
        """The attribute that a bare word in a filter is compared with."""
        return self.attributes[0]

    @property
    def id(self) -> Attribute:
        """The attribute that tells one from all others: `id` where there is one, else the key."""
        return next((a for a in self.attributes if a.name == "id"), self.key)

    def id_of(self, farm: Farm, thing: Any) -> str:
        """What names this one in a command."""
        return str(self.id.read(farm, thing))

    def attribute(self, name: str) -> Attribute:
        """By its name; `ValueError` naming those there are."""
        for each in self.attributes:
            if each.name == name.lower():
                return each
        known = ", ".join(a.name for a in self.attributes)
        raise ValueError(f"A {self.name} has no attribute '{name}'; it has {known}.")

    def show(self, farm: Farm, thing: Any) -> dict[str, Value]:
        """All attributes of one."""
        return {a.name: a.read(farm, thing) for a in self.attributes}

    def checked(self, values: Mapping[str, object], *, creating: bool = False) -> dict[str, Value]:
        """Values of the right type for attributes that may be set; `ValueError` with a sentence."""
        found: dict[str, Value] = {}
        for name, raw in values.items():
            attribute = self.attribute(name)
            if not (attribute.writable or (creating and attribute.at_create)):
                raise ValueError(f"The attribute {attribute.name} of a {self.name} is read-only.")
            found[attribute.name] = attribute.parse(raw)
        missing = [a.name for a in self.attributes if creating and a.required and a.name not in found]
        if missing:
            raise ValueError(f"A new {self.name} needs {', '.join(missing)}.")
        return found

    def written(self, thing: Any, values: Mapping[str, Value]) -> Any:
        """The row of `thing` with checked values in it."""
        for name, value in values.items():
            write = self.attribute(name).write
            assert write is not None  # `checked` has seen to it
            thing = write(thing, value)
        return thing


# --- from text and JSON to values --------------------------------------------------------------------------------

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def _wrong(attribute: Attribute, wanted: str, raw: object) -> ValueError:
    shown = repr(raw)
    return ValueError(f"{attribute.name} is {wanted}, and {shown if len(shown) <= 30 else shown[:29] + '…'} is none.")


def _text(attribute: Attribute, raw: object) -> Value:
    if isinstance(raw, str):
        return raw
    if attribute.any_scalar and isinstance(raw, bool | int | float):
        return scalar_text(raw)
    raise _wrong(attribute, "a text", raw)


def scalar_text(value: bool | int | float) -> str:
    """As a person writes it: true, 60, 0.5."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).lower()


def _int(attribute: Attribute, raw: object) -> Value:
    try:
        if isinstance(raw, str | int) and not isinstance(raw, bool):
            return int(raw)
    except ValueError:
        raise _wrong(attribute, "a whole number", raw) from None
    if isinstance(raw, float) and raw.is_integer():  # 7.0, which other languages write for 7
        return int(raw)
    raise _wrong(attribute, "a whole number", raw)


def _float(attribute: Attribute, raw: object) -> Value:
    try:
        value = float(raw) if isinstance(raw, str | int | float) and not isinstance(raw, bool) else None
    except (ValueError, OverflowError):
        value = None
    if value is None or value != value or value in (float("inf"), float("-inf")):
        raise _wrong(attribute, "a number", raw)
    return value


def _bool(attribute: Attribute, raw: object) -> Value:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in _TRUE + _FALSE:
        return raw.lower() in _TRUE
    raise _wrong(attribute, "true or false", raw)


def _choice(attribute: Attribute, raw: object) -> Value:
    if isinstance(raw, str) and raw.lower() in attribute.choices:
        return raw.lower()
    raise _wrong(attribute, f"one of {', '.join(attribute.choices)}", raw)


def _list(attribute: Attribute, raw: object) -> Value:
    words: object = raw
    if isinstance(raw, str):
        given = [word.strip() for word in raw.split(",")] if attribute.spaced else raw.replace(",", " ").split()
        words = [word for word in given if word]
    if isinstance(words, list | tuple) and all(isinstance(word, str) for word in words):
        return tuple(dict.fromkeys(words))
    raise _wrong(attribute, "a list of words with commas between", raw)


_PARSERS: dict[TypeName, Callable[[Attribute, object], Value]] = {
    "text": _text, "int": _int, "float": _float, "bool": _bool, "choice": _choice, "list": _list,
}  # fmt: skip
