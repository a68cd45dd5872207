# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a file the rendered scene uses: from its objects, world and compositor to all that those lean on.

What only the viewport shows does not count: objects that are never rendered, reference pictures, a camera's backdrop.
In doubt something counts as used.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from .outputs import compositor, nodes_in, uses_sequencer

_NEVER = {"Scene", "Screen", "WorkSpace", "WindowManager", "Brush", "Palette", "PaintCurve"}
_RENDERED_TREES = {"ShaderNodeTree", "CompositorNodeTree", "GeometryNodeTree", "TextureNodeTree"}
_BACKDROP = {"Image", "MovieClip"}


class Used:
    """The scenes that are rendered together, and every data-block they lean on."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self.scenes = list(_scenes(scene))
        self.objects = [o for one in self.scenes for o in rendered_objects(one)]
        self.blocks = _closure([*self.objects, *(root for one in self.scenes for root in _roots(one))])

    def trees(self) -> Iterator[tuple[Any, Any]]:
        """Every used node tree, with the data-block it belongs to. Trees of an add-on's own kind render nothing."""
        for block in self.blocks:
            if isinstance(block, bpy.types.NodeTree):
                if block.bl_idname in _RENDERED_TREES:
                    yield block, block
            elif getattr(block, "node_tree", None) is not None and getattr(block, "use_nodes", True):
                yield block, block.node_tree
        for scene in self.scenes:
            tree = compositor(scene)
            if tree is not None:
                yield scene, tree

    def nodes(self) -> Iterator[tuple[Any, Any]]:
        """Every used node that is not muted, with the data-block it belongs to."""
        for owner, tree in self.trees():
            for node in tree.nodes:
                if not node.mute:
                    yield owner, node

    def all_objects(self) -> list[Any]:
        """The objects that are rendered, and those they lean on."""
        return [block for block in self.blocks if isinstance(block, bpy.types.Object)]


def _scenes(scene: Any) -> Iterator[Any]:
    """The scene, its background sets, and the scenes its compositor or video editor render."""
    waiting, seen = [scene], set()
    while waiting:
        one = waiting.pop()
        if one is None or one in seen:
            continue
        seen.add(one)
        yield one
        waiting.append(one.background_set)
        waiting += [node.scene for node in nodes_in(compositor(one)) if node.bl_idname == "CompositorNodeRLayers"]
        waiting += [strip.scene for strip in strips(one) if strip.type == "SCENE"]


def strips(scene: Any) -> list[Any]:
    """The strips of the video editor that are rendered, those in meta strips too."""
    if not uses_sequencer(scene):
        return []
    editor = scene.sequence_editor
    found = getattr(editor, "strips_all", None) or editor.sequences_all
    return [strip for strip in found if not strip.mute]


def rendered_objects(scene: Any) -> list[Any]:
    """The objects that a render of the scene can show at some frame."""
    found: dict[Any, None] = {}
    for layer in scene.view_layers:
        if layer.use:
            for holder in _shown(layer.layer_collection):
                found.update(dict.fromkeys(o for o in holder.collection.objects if can_show(o)))
    return list(found)


def _shown(holder: Any) -> Iterator[Any]:
    if holder.exclude or not can_show(holder.collection):
        return
    yield holder
    for child in holder.children:
        yield from _shown(child)


def can_show(block: Any) -> bool:
    """True where it is rendered, or something may switch it on."""
    return not block.hide_render or _moves(block, "hide_render")


def _moves(block: Any, path: str) -> bool:
    animation = block.animation_data
    if animation is None:
        return False
    driven = any(curve.data_path == path for curve in animation.drivers)
    return driven or animation.action is not None or bool(animation.nla_tracks)


def _roots(scene: Any) -> Iterator[Any]:
    yield from (block for block in (scene.world, scene.camera) if block is not None)
    yield from (marker.camera for marker in scene.timeline_markers if marker.camera is not None)
    for layer in scene.view_layers:
        overrides = (layer.material_override, getattr(layer, "world_override", None))
        yield from (block for block in overrides if layer.use and block is not None)
    for node in nodes_in(compositor(scene)):
        for name in ("image", "clip", "mask", "texture", "node_tree"):
            block = getattr(node, name, None)
            if isinstance(block, bpy.types.ID):
                yield block
    for strip in strips(scene):
        for name in ("clip", "mask", "sound"):
            block = getattr(strip, name, None)
            if isinstance(block, bpy.types.ID):
                yield block


def _closure(roots: Iterable[Any]) -> set[Any]:
    uses: dict[Any, list[Any]] = {}
    for block, users in bpy.data.user_map().items():
        for user in users:
            if _counts(user, block):
                uses.setdefault(user, []).append(block)
    waiting, seen = list(roots), set()
    while waiting:
        block = waiting.pop()
        if block not in seen:
            seen.add(block)
            waiting += uses.get(block, ())
    return seen


def _counts(user: Any, block: Any) -> bool:
    kind = block.bl_rna.identifier
    if kind in _NEVER:
        return False
    shown_only = isinstance(user, bpy.types.Camera) or (isinstance(user, bpy.types.Object) and user.type == "EMPTY")
    return not (shown_only and kind in _BACKDROP)
