# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's description of its own structs, which each .blend carries (the DNA1 block), read as far as asked.

It tells at which byte of a block a field stands, so that files of any version are read by names.
"""

import re
import struct
from typing import NamedTuple

_SCALARS = {"char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "int8_t": "b", "float": "f"}
_SCALARS |= {"double": "d", "int64_t": "q", "uint64_t": "Q"}
_NAME = re.compile(r"(\(?\**)(\w+)\)?(?:\(\))?((?:\[\d+\])*)")


class Place(NamedTuple):
    """Where a field stands: its offset, its type, the bytes it takes, and whether it is a pointer."""

    offset: int
    type: str
    size: int
    is_pointer: bool


class Dna:
    """The structs of one file, by name. KeyError for a struct that the file's Blender did not have."""

    def __init__(self, data: bytes, endian: str, pointer_size: int) -> None:
        self._data, self._endian, self._pointer_size = data, endian, pointer_size
        names, at = self._texts(b"NAME", 4)
        types, at = self._texts(b"TYPE", at)
        self._names, self._types = names, types
        lengths = at + 4
        self._lengths = self._shorts(lengths, len(types))
        self._starts: dict[str, int] = {}
        self.structs: list[str] = []  # by the number that a block's head gives
        self._find_structs(_aligned(lengths + 2 * len(types)))
        self._fields: dict[str, dict[str, Place]] = {}

    def _texts(self, mark: bytes, at: int) -> tuple[list[str], int]:
        """A section of texts: its mark, how many, then each with a zero behind it; and where the next one starts."""
        if self._data[at : at + 4] != mark:
            raise ValueError(f"no {mark.decode()} section where one belongs")
        count = self._int(at + 4)
        if not 0 <= count <= len(self._data):
            raise ValueError("a section with an impossible count")
        parts = self._data[at + 8 :].split(b"\0", count)
        if len(parts) != count + 1:
            raise EOFError
        texts = [p.decode("ascii") for p in parts[:count]]
        return texts, _aligned(at + 8 + sum(map(len, texts)) + count)

    def _int(self, at: int) -> int:
        value: int = struct.unpack_from(self._endian + "i", self._data, at)[0]
        return value

    def _shorts(self, at: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"{self._endian}{count}H", self._data, at)

    def _find_structs(self, at: int) -> None:
        """Each struct is the number of its type, how many fields, then two numbers a field."""
        count, at = self._int(at + 4), at + 8
        for _ in range(count):
            type_number, fields = self._shorts(at, 2)
            self._starts[self._types[type_number]] = at
            self.structs.append(self._types[type_number])
            at += 4 + 4 * fields

    def place(self, name: str, *path: str) -> Place:
        """Where a field stands, followed through structs within it: `place("Scene", "r", "sfra")`."""
        offset, found = 0, Place(0, name, 0, False)
        for field in path:
            found = self._places(found.type)[field]
            offset += found.offset
        return found._replace(offset=offset)

    def has(self, name: str, field: str) -> bool:
        return name in self._starts and field in self._places(name)

    def _places(self, name: str) -> dict[str, Place]:
        if name not in self._fields:
            self._fields[name] = self._read_fields(self._starts[name])
        return self._fields[name]

    def _read_fields(self, at: int) -> dict[str, Place]:
        fields: dict[str, Place] = {}
        offset = 0
        pairs = self._shorts(at + 4, 2 * self._shorts(at + 2, 1)[0])
        for type_number, name_number in zip(pairs[::2], pairs[1::2], strict=True):
            written = _NAME.fullmatch(self._names[name_number])
            if not written:
                raise ValueError("a field without a name")
            pointer = bool(written[1])
            size = self._pointer_size if pointer else self._lengths[type_number]
            for dimension in re.findall(r"\d+", written[3]):
                size *= int(dimension)
            fields[written[2]] = Place(offset, self._types[type_number], size, pointer)
            offset += size
        return fields

    def value(self, data: bytes, name: str, *path: str) -> int:
        """A whole number, or the address in a pointer."""
        place = self.place(name, *path)
        form = {4: "I", 8: "Q"}[self._pointer_size] if place.is_pointer else _SCALARS[place.type]
        value: int = struct.unpack_from(self._endian + form, data, place.offset)[0]
        return value

    def text(self, data: bytes, name: str, *path: str) -> str:
        """A text in a field of fixed length, up to its first zero. What is not UTF-8 shows as U+FFFD."""
        place = self.place(name, *path)
        if place.offset + place.size > len(data):
            raise EOFError
        return data[place.offset : place.offset + place.size].split(b"\0", 1)[0].decode("utf-8", "replace")


def _aligned(at: int) -> int:
    return (at + 3) // 4 * 4
