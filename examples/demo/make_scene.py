# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes demo.blend: paper lanterns drift over a lake at dusk, 40 frames. The project's own scene.

    blender -b --factory-startup -P make_scene.py -- demo.blend       or, with the bpy module:
    python make_scene.py demo.blend

Blender 3.4 and newer. Only what both old and new ones have is used: no Principled sockets, no node groups, no add-ons.
It is a little heavy to open on purpose (hills subdivided at load, 4,000 reeds), as scenes of films are.
"""

import math
import os
import random
import sys

import bpy
from mathutils import Vector, noise

FRAMES = 40
SIZE = (480, 270)
SAMPLES = 9
DICE = random.Random(7)

# ---------------------------------------------------------------- small things


def mesh_object(name, vertices, faces, material, smooth=False):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    mesh.materials.append(material)
    mesh.polygons.foreach_set("use_smooth", [smooth] * len(mesh.polygons))
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def boxes(parts):
    """Vertices and faces of many boxes: (centre, half sizes)."""
    vertices, faces = [], []
    for center, half in parts:
        first = len(vertices)
        for x in (-1, 1):
            for y in (-1, 1):
                corners = (Vector((x * half[0], y * half[1], z * half[2])) for z in (-1, 1))
                vertices += [tuple(Vector(center) + corner) for corner in corners]
        sides = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
        faces += [tuple(first + i for i in side) for side in sides]
    return vertices, faces


def material(name):
    """A material without nodes, and a function that adds one and connects it."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.node_tree.nodes.clear()
    return made, adder(made.node_tree)


def adder(tree):
    def add(kind, inputs=None, **settings):
        node = tree.nodes.new(kind)
        for key, value in settings.items():
            setattr(node, key, value)
        for key, value in (inputs or {}).items():
            if isinstance(value, bpy.types.NodeSocket):
                tree.links.new(value, node.inputs[key])
            else:
                node.inputs[key].default_value = value
        return node

    return add


def ramp(add, factor, stops):
    node = add("ShaderNodeValToRGB", {"Fac": factor})
    elements = node.color_ramp.elements
    while len(elements) < len(stops):
        elements.new(0.5)
    for element, (position, color) in zip(elements, stops, strict=True):
        element.position, element.color = position, (*color, 1.0)
    return node.outputs["Color"]


def key(thing, path, values):
    """Keyframes: {frame: value}."""
    for frame, value in values.items():
        setattr(thing, path, value)
        thing.keyframe_insert(path, frame=frame)


# ---------------------------------------------------------------- materials


def paper(name, hot, warm):
    """Glowing paper with its ribs, brightest where the flame is. A point light inside lights what is around."""
    made, add = material(name)
    place = add("ShaderNodeTexCoord").outputs["Generated"]
    height = add("ShaderNodeSeparateXYZ", {0: place}).outputs["Z"]
    color = ramp(add, height, [(0.0, warm), (0.3, hot), (0.62, warm), (1.0, tuple(c * 0.4 for c in warm))])
    facing = add("ShaderNodeLayerWeight", {"Blend": 0.4}).outputs["Facing"]
    glow = add("ShaderNodeMapRange", {0: facing, 1: 0.0, 2: 1.0, 3: 2.9, 4: 0.55}).outputs[0]
    wave = add("ShaderNodeMath", {0: height, 1: 11 * 2 * math.pi}, operation="MULTIPLY").outputs[0]
    ribs = add("ShaderNodeMath", {0: wave}, operation="SINE").outputs[0]
    shade = add("ShaderNodeMapRange", {0: ribs, 1: 0.2, 2: 1.0, 3: 1.0, 4: 0.62}).outputs[0]
    strength = add("ShaderNodeMath", {0: glow, 1: shade}, operation="MULTIPLY").outputs[0]
    shine = add("ShaderNodeEmission", {"Color": color, "Strength": strength})
    add("ShaderNodeOutputMaterial", {"Surface": shine.outputs[0]})
    no_lamp(made)
    return made


def haze(name, foot, crest, height):
    """A ridge in the evening air: no light falls on it that the eye could see, but mist lies at its foot."""
    made, add = material(name)
    place = add("ShaderNodeNewGeometry").outputs["Position"]
    rise = add("ShaderNodeSeparateXYZ", {0: place}).outputs["Z"]
    factor = add("ShaderNodeMapRange", {0: rise, 1: 0.0, 2: height, 3: 0.0, 4: 1.0}).outputs[0]
    air = add("ShaderNodeEmission", {"Color": ramp(add, factor, [(0.0, foot), (0.75, crest)]), "Strength": 1.0})
    add("ShaderNodeOutputMaterial", {"Surface": air.outputs[0]})
    no_lamp(made)
    return made


def no_lamp(made):
    """Seen and mirrored, but not sampled as a lamp: that would cost time and bring noise. Renamed in 3.5."""
    if hasattr(made.cycles, "emission_sampling"):
        made.cycles.emission_sampling = "NONE"
    else:
        made.cycles.sample_as_light = False


def matte(name, color, roughness=0.8, shine=0.06):
    made, add = material(name)
    body = add("ShaderNodeBsdfDiffuse", {"Color": (*color, 1.0)})
    gloss = add("ShaderNodeBsdfGlossy", {"Color": (1, 1, 1, 1), "Roughness": roughness})
    mixed = add("ShaderNodeMixShader", {0: shine, 1: body.outputs[0], 2: gloss.outputs[0]})
    add("ShaderNodeOutputMaterial", {"Surface": mixed.outputs[0]})
    return made


def planks():
    """Wood: grain along the boards, a little wet."""
    made, add = material("planks")
    place = add("ShaderNodeTexCoord").outputs["Object"]
    stretched = add("ShaderNodeMapping", {"Vector": place, "Scale": (9.0, 0.8, 9.0)}).outputs[0]
    grain = add("ShaderNodeTexNoise", {"Vector": stretched, "Scale": 3.0, "Detail": 6.0}).outputs[0]
    color = ramp(add, grain, [(0.3, (0.035, 0.02, 0.013)), (0.7, (0.16, 0.085, 0.045))])
    bump = add("ShaderNodeBump", {"Height": grain, "Strength": 0.35}).outputs[0]
    body = add("ShaderNodeBsdfDiffuse", {"Color": color, "Normal": bump})
    gloss = add("ShaderNodeBsdfGlossy", {"Color": (1, 1, 1, 1), "Roughness": 0.32, "Normal": bump})
    mixed = add("ShaderNodeMixShader", {0: 0.12, 1: body.outputs[0], 2: gloss.outputs[0]})
    add("ShaderNodeOutputMaterial", {"Surface": mixed.outputs[0]})
    return made


def water():
    """A dark mirror with slow ripples that move with the frames."""
    made, add = material("water")
    place = add("ShaderNodeTexCoord").outputs["Object"]
    moved = add("ShaderNodeMapping", {"Vector": place, "Scale": (1.0, 0.45, 1.0)})
    ripples = add("ShaderNodeTexNoise", {"Vector": moved.outputs[0], "Scale": 1.6, "Detail": 3.0}).outputs[0]
    bump = add("ShaderNodeBump", {"Height": ripples, "Strength": 0.16, "Distance": 0.5}).outputs[0]
    mirror = add("ShaderNodeBsdfGlossy", {"Color": (0.86, 0.92, 1.0, 1.0), "Roughness": 0.045, "Normal": bump})
    depth = add("ShaderNodeBsdfDiffuse", {"Color": (0.004, 0.012, 0.022, 1.0)})
    facing = add("ShaderNodeFresnel", {"IOR": 1.55, "Normal": bump}).outputs[0]
    mixed = add("ShaderNodeMixShader", {0: facing, 1: depth.outputs[0], 2: mirror.outputs[0]})
    add("ShaderNodeOutputMaterial", {"Surface": mixed.outputs[0]})
    key(moved.inputs["Location"], "default_value", {1: (0, 0, 0), FRAMES: (0.5, 0.9, 0.35)})
    return made


def dusk():
    """The sky: amber at the horizon, then rose, then a blue that is nearly night, with a few stars."""
    world = bpy.data.worlds.new("dusk")
    bpy.context.scene.world = world
    world.use_nodes = True
    world.node_tree.nodes.clear()
    add = adder(world.node_tree)
    place = add("ShaderNodeTexCoord").outputs["Generated"]
    axes = add("ShaderNodeSeparateXYZ", {0: place})
    sky = ramp(
        add,
        axes.outputs["Z"],
        [
            (0.0, (0.95, 0.36, 0.12)),
            (0.06, (0.62, 0.20, 0.16)),
            (0.16, (0.20, 0.10, 0.20)),
            (0.34, (0.045, 0.055, 0.15)),
            (1.0, (0.008, 0.014, 0.05)),
        ],
    )
    specks = add("ShaderNodeTexVoronoi", {"Vector": place, "Scale": 95.0}).outputs["Distance"]
    stars = ramp(add, specks, [(0.0, (1, 0.95, 0.85)), (0.045, (0, 0, 0))])
    high = ramp(add, axes.outputs["Z"], [(0.16, (0, 0, 0)), (0.5, (0.9, 0.9, 0.9))])
    faint = add("ShaderNodeMixRGB", {0: 1.0, 1: stars, 2: high}, blend_type="MULTIPLY").outputs[0]
    both = add("ShaderNodeMixRGB", {0: 1.0, 1: sky, 2: faint}, blend_type="ADD").outputs[0]
    light = add("ShaderNodeBackground", {"Color": both, "Strength": 0.8})
    world.cycles.sampling_method = "NONE"
    add("ShaderNodeOutputWorld", {"Surface": light.outputs[0]})


# ---------------------------------------------------------------- what stands there


def lathe(profile, around=28):
    """A body of revolution: (radius, height) from below to above."""
    turn = 2 * math.pi / around
    vertices = [(r * math.cos(i * turn), r * math.sin(i * turn), z) for r, z in profile for i in range(around)]
    faces = []
    for row in range(len(profile) - 1):
        for i in range(around):
            a, b = row * around + i, row * around + (i + 1) % around
            faces.append((a, b, b + around, a + around))
    return vertices, faces


def lantern_profile(ribs=9, steps=45):
    """A paper lantern: round in the middle, drawn in above and below, with a rib at each hoop."""
    profile = []
    for i in range(steps + 1):
        t = i / steps
        belly = 0.24 + 0.21 * math.sin(math.pi * (0.08 + 0.84 * t)) ** 0.8
        profile.append((belly - 0.012 * abs(math.sin(math.pi * ribs * t)) ** 0.5 + 0.012, t * 0.95))
    return profile


def lantern(number, place, scale, skin, wood):
    """A lantern with its two wooden rings and its light; the rest hangs on the paper, which moves."""
    body = mesh_object(f"lantern {number}", *lathe(lantern_profile()), skin, smooth=True)
    body.location, body.scale = place, (scale,) * 3
    body.visible_shadow = False
    for height, radius in ((-0.03, 0.27), (0.95, 0.27)):
        inner, top = radius - 0.05, height + 0.05
        hoop = lathe([(inner, height), (radius, height), (radius, top), (inner, top)])
        ring = mesh_object(f"ring {number}", *hoop, wood)
        ring.parent = body
    lamp = bpy.data.lights.new(f"flame {number}", "POINT")
    lamp.energy, lamp.color, lamp.shadow_soft_size = 34 * scale * scale, (1.0, 0.50, 0.18), 0.22 * scale
    flame = bpy.data.objects.new(lamp.name, lamp)
    flame.parent, flame.location, flame.visible_glossy = body, (0, 0, 0.4), False
    bpy.context.scene.collection.objects.link(flame)
    return body


def drift(body, far, lift):
    """Slow bobbing and turning, each in its own time."""
    x, y, z = body.location
    phase, turn = DICE.random() * 2 * math.pi, DICE.uniform(-0.5, 0.5)
    for frame in range(1, FRAMES + 12, 11):
        t = (frame - 1) / FRAMES
        bob = 0.05 * math.sin(phase + 7.0 * t) * body.scale[0]
        body.location = (x + far[0] * t, y + far[1] * t, z + lift * t + bob)
        body.rotation_euler = (0.07 * math.sin(phase + 5 * t), 0.07 * math.cos(phase + 6 * t), turn * t)
        body.keyframe_insert("location", frame=frame)
        body.keyframe_insert("rotation_euler", frame=frame)


def lanterns(wood):
    amber = paper("amber paper", (1.0, 0.50, 0.13), (1.0, 0.22, 0.035))
    rose = paper("rose paper", (1.0, 0.34, 0.15), (0.92, 0.10, 0.05))
    cream = paper("cream paper", (1.0, 0.62, 0.26), (1.0, 0.36, 0.10))
    skins = (amber, rose, cream)
    afloat = [
        (-2.5, 4.6, 1.0), (0.4, 6.6, 0.9), (-4.6, 8.2, 1.05), (2.9, 9.4, 0.95), (-1.4, 10.8, 0.9), (5.6, 12.6, 1.0),
        (-6.8, 13.6, 1.0), (1.2, 15.0, 0.95), (-3.6, 17.5, 1.0), (7.4, 19.0, 1.0), (-9.0, 21.0, 1.1), (3.6, 23.0, 1.0),
    ]  # fmt: skip
    for number, (x, y, scale) in enumerate(afloat):
        body = lantern(number, (x, y, 0.06), scale, skins[number % 3], wood)
        drift(body, (DICE.uniform(0.15, 0.45), DICE.uniform(-0.1, 0.3)), 0.0)
    aloft = [
        (-5.2, 15.0, 4.3, 0.8), (-0.6, 20.0, 6.6, 0.9), (3.9, 17.0, 4.9, 0.75), (7.8, 25.0, 8.0, 0.9),
        (-9.5, 27.0, 8.6, 0.9), (-2.6, 31.0, 10.2, 0.9), (11.8, 30.0, 6.2, 0.9), (2.6, 36.0, 9.0, 0.9),
    ]  # fmt: skip
    for number, (x, y, z, scale) in enumerate(aloft, 20):
        body = lantern(number, (x, y, z), scale, skins[number % 3], wood)
        drift(body, (DICE.uniform(-0.2, 0.5), 0.0), DICE.uniform(0.5, 1.0))


def pier(wood, skin):
    """Boards that lead out over the water, posts, and a lantern hung at the last one."""
    boards = [((2.15 + DICE.uniform(-0.03, 0.03), -1.2 + i * 0.27, 0.34), (0.78, 0.118, 0.03)) for i in range(24)]
    mesh_object("boards", *boxes(boards), wood)
    beams = [((x, 1.9, 0.25), (0.06, 3.3, 0.06)) for x in (1.6, 2.7)]
    posts = [((x, y, 0.1 + up), (0.075, 0.075, 0.5 + up)) for x in (1.42, 2.88) for y, up in ((0.9, 0.1), (3.0, 0.1))]
    last = [
        ((1.42, 5.1, 0.85), (0.07, 0.07, 1.25)),
        ((1.15, 5.1, 2.02), (0.42, 0.045, 0.045)),
        ((2.88, 5.1, 0.2), (0.075, 0.075, 0.6)),
    ]
    mesh_object("posts", *boxes(beams + posts + last), wood)
    hung = lantern(40, (0.82, 5.1, 1.2), 0.72, skin, wood)
    mesh_object("cord", *boxes([((0.82, 5.1, 1.97), (0.008, 0.008, 0.1))]), wood)
    for frame in range(1, FRAMES + 12, 11):
        hung.rotation_euler = (0.05 * math.sin(frame / 6), 0.07 * math.cos(frame / 7), 0)
        hung.keyframe_insert("rotation_euler", frame=frame)


def hills():
    """Three ridges, each paler and bluer than the one before it; subdivided when they are rendered."""
    ridges = (  # distance, height, colour of the mist at the foot and of the crest, number
        (46, 4.2, (0.050, 0.026, 0.040), (0.006, 0.006, 0.014), 1),
        (70, 10.5, (0.150, 0.060, 0.066), (0.028, 0.020, 0.044), 2),
        (105, 21.0, (0.330, 0.120, 0.090), (0.085, 0.046, 0.078), 3),
    )
    for distance, height, foot, crest, seed in ridges:
        across, deep = 110, 14
        vertices = []
        for j in range(deep + 1):
            for i in range(across + 1):
                x, y = (i / across - 0.5) * distance * 3.2, distance + j * 1.4
                rise = noise.fractal(Vector((x / distance * 2.2, j * 0.12, seed * 9.1)), 1.0, 2.0, 5)
                slope = math.sin(math.pi * min(1.0, j / deep + 0.06))
                vertices.append((x, y, max(-0.3, (0.45 + 0.75 * rise) * height * slope)))
        row = across + 1
        faces = [(a, a + 1, a + 1 + row, a + row) for j in range(deep) for a in range(j * row, j * row + across)]
        ridge = mesh_object(f"ridge {seed}", vertices, faces, haze(f"ridge {seed}", foot, crest, height), smooth=True)
        finer = ridge.modifiers.new("finer", "SUBSURF")
        finer.levels, finer.render_levels = 0, 3
        bumps = ridge.modifiers.new("trees", "DISPLACE")
        bumps.texture = bpy.data.textures.new(f"trees {seed}", "CLOUDS")
        bumps.texture.noise_scale, bumps.strength = 0.02 * distance, 0.018 * distance
        bumps.texture_coords = "GLOBAL"


def reeds():
    """Dark blades at both near corners, one mesh."""
    vertices, faces = [], []
    clumps = [(-3.6, 1.7, 0.8), (-4.9, 3.0, 1.0), (-6.2, 4.2, 1.0), (4.6, 2.6, 0.8), (5.9, 4.2, 1.0)]
    for _ in range(4000):
        x, y, wide = DICE.choice(clumps)
        x, y = DICE.gauss(x, wide * 0.45), DICE.gauss(y, wide * 0.3)
        tall, lean, way = DICE.uniform(0.35, 1.25), DICE.uniform(0.05, 0.5), DICE.random() * 2 * math.pi
        dx, dy, half = math.cos(way), math.sin(way), DICE.uniform(0.006, 0.014)
        first = len(vertices)
        for t in (0.0, 0.4, 0.75):
            cx, cy, z = x + dx * lean * t * t, y + dy * lean * t * t, tall * t - 0.05
            vertices += [(cx - dy * half * (1 - t), cy + dx * half * (1 - t), z)]
            vertices += [(cx + dy * half * (1 - t), cy - dx * half * (1 - t), z)]
        vertices.append((x + dx * lean, y + dy * lean, tall))
        faces += [(first, first + 1, first + 3, first + 2), (first + 2, first + 3, first + 5, first + 4)]
        faces.append((first + 4, first + 5, first + 6))
    mesh_object("reeds", vertices, faces, matte("reeds", (0.020, 0.030, 0.014), roughness=0.5, shine=0.05))


def stones():
    """A few rounded ones in the shallow water."""
    grey = matte("stones", (0.05, 0.048, 0.05), roughness=0.35, shine=0.10)
    for number in range(16):
        x, y = DICE.choice(((-3.3, 2.2), (-4.4, 3.2), (4.3, 3.0), (-1.9, 2.4)))
        x, y, size = x + DICE.gauss(0, 0.6), y + DICE.gauss(0, 0.4), DICE.uniform(0.1, 0.42)
        profile = [(size * math.sin(math.pi * i / 10), -size * 0.6 * math.cos(math.pi * i / 10)) for i in range(11)]
        vertices, faces = lathe(profile, 20)
        lumpy = [Vector(v) * (1 + 0.3 * noise.noise(Vector(v) * 2.2 / size + Vector((number, 0, 0)))) for v in vertices]
        stone = mesh_object(f"stone {number}", [tuple(v) for v in lumpy], faces, grey, smooth=True)
        stone.location, stone.rotation_euler = (x, y, size * 0.1), (0, 0, DICE.random() * 6)


# ---------------------------------------------------------------- who looks


def camera():
    """Glides forward and a little to the right, looking at the lanterns in the middle."""
    lens = bpy.data.cameras.new("camera")
    lens.lens, lens.clip_end = 30, 400
    lens.dof.use_dof, lens.dof.focus_distance, lens.dof.aperture_fstop = True, 7.5, 1.1
    eye = bpy.data.objects.new("camera", lens)
    bpy.context.scene.collection.objects.link(eye)
    bpy.context.scene.camera = eye
    key(eye, "location", {1: (-0.55, -3.1, 1.35), FRAMES: (0.25, -1.75, 1.62)})
    first, last = ((math.radians(tilt), 0, math.radians(turn)) for tilt, turn in ((91.6, 1.0), (90.6, 4.5)))
    key(eye, "rotation_euler", {1: first, FRAMES: last})


def light():
    """What the last of the sun leaves on boards and hills, and the cool of the sky above."""
    for name, color, energy, angles in (
        ("afterglow", (1.0, 0.42, 0.2), 0.5, (78, 0, 168)),
        ("blue", (0.35, 0.5, 1.0), 0.16, (30, 20, 0)),
    ):
        sun = bpy.data.lights.new(name, "SUN")
        sun.color, sun.energy, sun.angle = color, energy, 0.2
        thing = bpy.data.objects.new(name, sun)
        thing.rotation_euler = [math.radians(a) for a in angles]
        thing.visible_glossy = False
        bpy.context.scene.collection.objects.link(thing)


def settings():
    scene = bpy.context.scene
    scene.name = "lanterns"
    scene.frame_start, scene.frame_end, scene.render.fps = 1, FRAMES, 24
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = *SIZE, 100
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "RGB"
    render.filepath = "//frames/lanterns_####"
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.use_adaptive_sampling = "CPU", SAMPLES, False
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 1, 2
    cycles.transmission_bounces = cycles.volume_bounces = cycles.transparent_max_bounces = 0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 2.0
    if hasattr(cycles, "use_light_tree"):  # of no use for lamps so far apart, and a quarter of the time
        cycles.use_light_tree = False
    denoise(cycles)
    scene.view_settings.view_transform = "Filmic"
    scene.view_settings.look = "Medium High Contrast"
    scene.view_settings.exposure = 0.35


def denoise(cycles):
    """With OpenImageDenoise where this Blender has it; else more samples."""
    try:
        cycles.denoiser = "OPENIMAGEDENOISE"
        cycles.use_denoising, cycles.denoising_prefilter = True, "FAST"
    except TypeError:
        cycles.use_denoising, cycles.samples = False, SAMPLES * 2


def main():
    target = os.path.abspath(sys.argv[-1])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    wood = planks()
    dusk()
    light()
    mesh_object("lake", [(-300, -60, 0), (300, -60, 0), (300, 300, 0), (-300, 300, 0)], [(0, 1, 2, 3)], water())
    lanterns(wood)
    pier(wood, bpy.data.materials["amber paper"])
    hills()
    reeds()
    stones()
    camera()
    settings()
    bpy.ops.wm.save_as_mainfile(filepath=target, compress=True)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # bpy can hang at the end of its interpreter
