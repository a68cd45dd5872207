# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that data-blocks read from the disk, and which of them are not there."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from .used import Used, strips

_BUILT_IN = "<builtin>"


def missing(block: Any) -> list[str]:
    """The files of one data-block that are not there, as absolute paths; packed ones are fine."""
    if _is_packed(block):
        return []
    return [path for path in _paths(block) if not os.path.exists(path)]


def _is_packed(block: Any) -> bool:
    return getattr(block, "packed_file", None) is not None or bool(getattr(block, "packed_files", None))


def _paths(block: Any) -> Iterator[str]:
    if isinstance(block, bpy.types.Image):
        yield from _of_image(block)
    elif isinstance(block, bpy.types.MovieClip):
        yield _sequence_or_self(absolute(block, block.filepath), block.source == "SEQUENCE")
    elif isinstance(block, bpy.types.VectorFont | bpy.types.Sound):
        if block.filepath != _BUILT_IN:
            yield absolute(block, block.filepath)
    elif isinstance(block, bpy.types.Volume | bpy.types.CacheFile):
        if block.filepath:
            yield _sequence_or_self(absolute(block, block.filepath), block.is_sequence)
    elif isinstance(block, bpy.types.Object):
        yield from _of_modifiers(block)


def _of_image(image: Any) -> Iterator[str]:
    path = absolute(image, image.filepath)
    if image.source == "TILED":
        yield from (_tile(path, tile.number) for tile in image.tiles)
    elif image.source in ("FILE", "MOVIE") and image.filepath:
        yield path
    elif image.source == "SEQUENCE":
        yield _sequence_or_self(path, True)


def _tile(path: str, number: int) -> str:
    u, v = (number - 1001) % 10 + 1, (number - 1001) // 10 + 1
    return path.replace("<UDIM>", str(number)).replace("<UVTILE>", f"u{u}_v{v}")


def _sequence_or_self(path: str, is_sequence: bool) -> str:
    """A sequence is named by any of its files: it is there when one is, else the named one is what is missing."""
    head, tail = os.path.split(path)
    numbered = re.fullmatch(r"(.*?)(\d+)(\D*)", tail)
    if not is_sequence or not numbered or not os.path.isdir(head):
        return path
    before, _, after = numbered.groups()
    alike = re.compile(re.escape(before) + r"\d+" + re.escape(after))
    return next((os.path.join(head, name) for name in sorted(os.listdir(head)) if alike.fullmatch(name)), path)


def _of_modifiers(thing: Any) -> Iterator[str]:
    for modifier in thing.modifiers:
        if modifier.type == "MESH_CACHE" and modifier.show_render:
            yield absolute(thing, modifier.filepath)
        if modifier.type == "OCEAN" and modifier.show_render and modifier.is_cached:
            yield absolute(thing, modifier.filepath)
        domain = modifier.domain_settings if modifier.type == "FLUID" else None  # of others than domains: None too
        if domain is not None and domain.has_cache_baked_any:
            yield absolute(thing, domain.cache_directory)


def of_nodes(used: Used) -> Iterator[tuple[str, str]]:
    """(path, owner's name) of the files that nodes name themselves: IES lamps and OSL scripts."""
    for owner, node in used.nodes():
        if node.bl_idname in ("ShaderNodeTexIES", "ShaderNodeScript") and node.mode == "EXTERNAL" and node.filepath:
            yield absolute(owner, node.filepath), owner.name


def of_strips(scene: Any) -> Iterator[tuple[str, str]]:
    """(path, strip's name) of the pictures and movies that the video editor shows."""
    for strip in strips(scene):
        if strip.type == "MOVIE":
            yield absolute(scene, strip.filepath), strip.name
        elif strip.type == "IMAGE":
            folder = absolute(scene, strip.directory)
            yield from ((os.path.join(folder, element.filename), strip.name) for element in strip.elements)


def absolute(block: Any, path: str) -> str:
    """The path as Blender finds it: `//` is the folder of the file, or library, that the data-block is from."""
    return os.path.normpath(bpy.path.abspath(path.replace("\\", "/") if os.sep == "/" else path, library=block.library))


def missing_libraries() -> dict[Any, str]:
    """Each linked library that is not there, with its path."""
    found = {}
    for library in bpy.data.libraries:
        path = bpy.path.abspath(library.filepath, library=getattr(library, "parent", None))
        gone = library.is_missing if hasattr(library, "is_missing") else not Path(path).exists()
        if gone and library.packed_file is None:
            found[library] = os.path.normpath(path)
    return found
