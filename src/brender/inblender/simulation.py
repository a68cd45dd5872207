# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulations that are not baked: what a frame shows depends on every frame before it.

They are found, and each session steps them in order from their start, so that a frame is what the artist saw, also
after a jump. What the viewport evaluates differently is first made as the render has it. Refused until baked are
liquid and smoke (Mantaflow), which keep their state on the disk where sessions would meet, and the dynamics of hair,
which come out otherwise when the same frames are stepped twice. tests/blender/test_warm_simulation.py has the proofs.
"""

from collections.abc import Callable, Iterator
from typing import Any

from .outputs import nodes_in
from .refusal import Refusal, listing
from .used import Used

MOVED_BY_PHYSICS = ("NEWTON", "KEYED", "BOIDS", "FLUID")


class Stepper:
    """Knows which frames were stepped. `names` is empty where nothing is simulated."""

    def __init__(self, used: Used, own_start: int) -> None:
        """`own_start`: where the file lets its scene begin, whatever -s says; node simulations begin there."""
        self._scene = used.scene
        _refuse_unsteppable(used)
        found = [(name, start) for scene in used.scenes for name, start in _rigid(scene)]
        found += [each for thing in used.all_objects() for each in _simulated(thing)]
        zones = [name for thing in used.all_objects() for name in _zones(thing)]
        found += [(name, own_start) for name in zones]
        self.names = [name for name, _ in found]
        self._next = min((start for _, start in found), default=0)
        if found:
            _refuse_other_scenes(used)
            _as_rendered(used)
        if zones:
            _set(used.scene, "frame_start", own_start)

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


def _zones(thing: Any) -> Iterator[str]:
    """The geometry nodes of an object that simulate; baked ones only read when they are stepped."""
    for modifier in thing.modifiers:
        if modifier.type == "NODES" and modifier.show_render and _has_zone(modifier):
            yield f"{thing.name}: {modifier.name}"


def _caches(modifier: Any) -> Iterator[tuple[str, Any]]:
    if modifier.type in ("CLOTH", "SOFT_BODY"):
        yield modifier.name, modifier.point_cache
    elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings is not None:
        surfaces = modifier.canvas_settings.canvas_surfaces
        yield from ((s.name, s.point_cache) for s in surfaces if s.is_active and s.surface_format == "VERTEX")
    elif modifier.type == "PARTICLE_SYSTEM":
        system = modifier.particle_system
        if system.settings.type == "EMITTER" and system.settings.physics_type in MOVED_BY_PHYSICS:
            yield system.name, system.point_cache


def _rigid(scene: Any) -> Iterator[tuple[str, int]]:
    world = scene.rigidbody_world
    if world is None or not world.enabled or world.point_cache.is_baked:
        return
    if world.collection is not None and world.collection.objects:
        yield f"{scene.name}: rigid bodies", world.point_cache.frame_start


def _has_zone(modifier: Any) -> bool:
    nodes = nodes_in(modifier.node_group)
    return any(node.bl_idname == "GeometryNodeSimulationOutput" for node in nodes)


def _refuse_unsteppable(used: Used) -> None:
    shown = [(thing, modifier) for thing in used.all_objects() for modifier in thing.modifiers if modifier.show_render]
    fluids = [thing.name for thing, modifier in shown if _is_unbaked_fluid(modifier)]
    if fluids:
        text = f"The fluid simulation of {listing(fluids)} is not baked. Bake it (Physics, Fluid, Cache, type All),"
        raise Refusal("simulation_unbaked", text + " save, and send the cache folder with the file.")
    hair = [thing.name for thing, modifier in shown if _is_unbaked_hair(modifier)]
    hidden = [thing.name for thing, modifier in shown if _is_hidden_system(modifier)]
    if hair or hidden:
        text = f"The particles of {listing(hair or hidden)} depend on the frames before, and are not baked."
        raise Refusal("simulation_unbaked", text + " Bake them (Particles, Cache, Bake) and save the file.")


def _is_unbaked_fluid(modifier: Any) -> bool:
    domain = modifier.domain_settings if modifier.type == "FLUID" else None  # None for flows and effectors too
    return domain is not None and not domain.has_cache_baked_data


def _is_unbaked_hair(modifier: Any) -> bool:
    system = modifier.particle_system if modifier.type == "PARTICLE_SYSTEM" else None
    if system is None or system.settings.type != "HAIR" or not system.use_hair_dynamics:
        return False
    return not system.point_cache.is_baked


def _is_hidden_system(modifier: Any) -> bool:
    """Shown in the render and not in the viewport: switching it on there resets it at every frame (3.4)."""
    return bool(list(_caches(modifier))) and modifier.type == "PARTICLE_SYSTEM" and not modifier.show_viewport


def _refuse_other_scenes(used: Used) -> None:
    """Only the rendered scene is stepped."""
    others = [scene.name for scene in used.scenes if scene != used.scene and list(_rigid(scene))]
    if others:
        text = f"The scene {listing(others)}, which this one renders along, has a simulation that is not baked."
        raise Refusal("simulation_unbaked", text + " Bake it and save the file.")


def _as_rendered(used: Used) -> None:
    """Lets the viewport, whose evaluation is what is stepped, show what the render does."""
    render = used.scene.render
    _set(render, "simplify_subdivision", render.simplify_subdivision_render)
    _set(render, "simplify_child_particles", render.simplify_child_particles_render)
    for thing in used.all_objects():
        _set(thing, "hide_viewport", False)
        for layer in used.scene.view_layers:
            if thing.name in layer.objects and thing.hide_get(view_layer=layer):
                thing.hide_set(False, view_layer=layer)
        for modifier in thing.modifiers:
            _set(modifier, "show_viewport", modifier.show_render)
            if hasattr(modifier, "render_levels"):
                _set(modifier, "levels", modifier.render_levels)


def _set(thing: Any, name: str, value: Any) -> None:
    """Only where it differs: setting a value again starts some simulations over."""
    if getattr(thing, name) != value:
        setattr(thing, name, value)
