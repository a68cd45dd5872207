# SPDX-License-Identifier: GPL-3.0-or-later
"""How attributes get at what they are of: most are a field of its row, read by its path and written by its name."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from brender.core.farm import Farm


def plain_name(value: str) -> str | None:
    """Why a text cannot be a name, which filters must be able to say."""
    bad = [c for c in value if c.isspace() or c in "*?[]=<>!," or not c.isprintable()]
    if not value or len(value) > 100 or bad:
        return "a name has 1 to 100 characters, none of them a space or one of * ? [ ] = < > ! ,"
    return "`all` means every one there is: choose another name" if value.lower() == "all" else None


def field(name: str) -> Callable[[Any, Any], Any]:
    return lambda thing, value: replace(thing, **{name: value})


def of(*path: str) -> Callable[[Farm, Any], Any]:
    """Reads an attribute by its path."""

    get = attrgetter(".".join(path))
    return lambda _farm, thing: get(thing)
