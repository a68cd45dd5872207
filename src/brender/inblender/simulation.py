# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulations that are not baked: what a frame shows depends on every frame before it.

They are found, and each session steps them in order from their start, so that a frame is what the artist saw, also
after a jump. What the viewport evaluates differently is first made as the render has it. Liquid and smoke
(Mantaflow) keep their state on the disk, where sessions would meet: those are refused until baked.
"""

from collections.abc import Callable, Iterator
from typing import Any

from .outputs import nodes_in
from .refusal import Refusal, listing
from .used import Used

MOVED_BY_PHYSICS = ("NEWTON", "KEYED", "BOIDS", "FLUID")


class Stepper:
    """Knows which frames were stepped. `names` is empty where nothing is simulated."""

    def __init__(self, used: Used) -> None:
        self._scene = used.scene
        _refuse_fluids(used)
        found = [(name, start) for scene in used.scenes for name, start in _rigid(scene)]
        found += [each for thing in used.all_objects() for each in _simulated(thing)]
        self.names = [name for name, _ in found]
        self._next = min((start for _, start in found), default=0)
        if found:
            _refuse_other_scenes(used)
            _as_rendered(used)

    def step_to(self, frame: int, tell: Callable[[int], None]) -> None:
        """Evaluates all frames up to this one, and the next where motion blur looks at it."""
        if not self.names:
            return
        last = frame + (1 if self._scene.render.use_motion_blur else 0)
        while self._next <= last:
            self._scene.frame_set(self._next)
            tell(self._next)
            self._next += 1
        self._scene.frame_set(frame)


def _simulated(thing: Any) -> Iterator[tuple[str, int]]:
    """(what, its first frame) for each simulation of an object that is not baked."""
    for modifier in thing.modifiers:
        if modifier.show_render:
            for what, cache in _caches(modifier):
                if not cache.is_baked:
                    yield f"{thing.name}: {what}", cache.frame_start
            if modifier.type == "NODES" and _has_zone(modifier):
                yield f"{thing.name}: {modifier.name}", thing.id_data.users_scene[0].frame_start


def _caches(modifier: Any) -> Iterator[tuple[str, Any]]:
    if modifier.type in ("CLOTH", "SOFT_BODY"):
        yield modifier.name, modifier.point_cache
    elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings is not None:
        surfaces = modifier.canvas_settings.canvas_surfaces
        yield from ((s.name, s.point_cache) for s in surfaces if s.is_active and s.surface_format == "VERTEX")
    elif modifier.type == "PARTICLE_SYSTEM":
        system = modifier.particle_system
        if _is_simulated(system):
            yield system.name, system.point_cache


def _is_simulated(system: Any) -> bool:
    if system.settings.type == "HAIR":
        return bool(system.use_hair_dynamics)
    return system.settings.physics_type in MOVED_BY_PHYSICS


def _rigid(scene: Any) -> Iterator[tuple[str, int]]:
    world = scene.rigidbody_world
    if world is None or not world.enabled or world.point_cache.is_baked:
        return
    if world.collection is not None and world.collection.objects:
        yield f"{scene.name}: rigid bodies", world.point_cache.frame_start


def _has_zone(modifier: Any) -> bool:
    nodes = nodes_in(modifier.node_group)
    return any(node.bl_idname == "GeometryNodeSimulationOutput" for node in nodes)


def _refuse_fluids(used: Used) -> None:
    domains = [
        thing.name
        for thing in used.all_objects()
        for modifier in thing.modifiers
        if modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN" and modifier.show_render
        if not modifier.domain_settings.has_cache_baked_data
    ]
    if domains:
        text = f"The fluid simulation of {listing(domains)} is not baked. Bake it (Physics, Fluid, Cache, type All),"
        raise Refusal("simulation_unbaked", text + " save, and send the cache folder with the file.")


def _refuse_other_scenes(used: Used) -> None:
    """Only the rendered scene is stepped."""
    others = [scene.name for scene in used.scenes if scene != used.scene and list(_rigid(scene))]
    if others:
        text = f"The scene {listing(others)}, which this one renders along, has a simulation that is not baked."
        raise Refusal("simulation_unbaked", text + " Bake it and save the file.")


def _as_rendered(used: Used) -> None:
    """Lets the viewport, whose evaluation is what is stepped, show what the render does."""
    used.scene.render.use_simplify = used.scene.render.use_simplify and _simplifies_alike(used.scene.render)
    for thing in used.all_objects():
        thing.hide_viewport = False
        for layer in used.scene.view_layers:
            if thing.name in layer.objects:
                thing.hide_set(False, view_layer=layer)
        for modifier in thing.modifiers:
            modifier.show_viewport = modifier.show_render
            if hasattr(modifier, "render_levels"):
                modifier.levels = modifier.render_levels


def _simplifies_alike(render: Any) -> bool:
    return bool(render.simplify_subdivision == render.simplify_subdivision_render)
