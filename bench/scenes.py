# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the benchmark's two scenes; runs inside Blender: `blender -b --factory-startup -P scenes.py -- FOLDER`.

light: a few primitives. heavy: the same, and a mesh that a modifier subdivides to about a million triangles at load,
so that opening and syncing cost more than a frame.
"""

import math
import sys
from pathlib import Path

import bpy


def base(samples: int) -> None:
    """A room with a few things in it, a light, and a camera that goes round."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 480, 270
    scene.frame_start, scene.frame_end = 1, 30
    scene.world = bpy.data.worlds.new("world")
    bpy.ops.mesh.primitive_plane_add(size=20)
    for n in range(5):
        bpy.ops.mesh.primitive_uv_sphere_add(radius=0.5, location=(2 * math.cos(n), 2 * math.sin(n), 0.5))
    bpy.ops.object.light_add(type="SUN", location=(4, -4, 6), rotation=(0.6, 0.3, 0))
    bpy.context.object.data.energy = 3
    bpy.ops.object.empty_add()
    pivot = bpy.context.object
    bpy.ops.object.camera_add(location=(0, -8, 4), rotation=(math.radians(65), 0, 0))
    camera = bpy.context.object
    camera.parent = pivot
    scene.camera = camera
    for frame, angle in ((1, 0.0), (30, 1.0)):
        pivot.rotation_euler = (0, 0, angle)
        pivot.keyframe_insert("rotation_euler", frame=frame)


def heavy() -> None:
    """Add two spheres that are subdivided at load: 983,040 triangles together."""
    texture = bpy.data.textures.new("clouds", "CLOUDS")
    for side in (-1.1, 1.1):
        bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=3, radius=1.0, location=(side, 0, 1.2))
        subdivide = bpy.context.object.modifiers.new("subdivide", "SUBSURF")
        subdivide.levels = 0
        subdivide.render_levels = 5  # 320 triangles become 960 quads, 4 to the power of 4 times, two triangles each
        displace = bpy.context.object.modifiers.new("displace", "DISPLACE")
        displace.texture = texture
        displace.strength = 0.3


folder = Path(sys.argv[sys.argv.index("--") + 1])
base(samples=8)
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "light.blend"))
base(samples=4)
heavy()
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "heavy.blend"))
