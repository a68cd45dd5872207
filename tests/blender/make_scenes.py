# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes small scenes, each about one thing that moves.

`blender -b --factory-startup -P make_scenes.py -- FOLDER [NAME...]`, in Blender 3.4 and in bpy 4.5 and 5.0.
Each scene is Cycles, 64x36, two samples, frames 1 to 20, no denoising.
"""

import math
import os
import sys
from pathlib import Path

import bpy

FOLDER = Path()
NEW = bpy.app.version >= (5, 0, 0)


def main() -> None:
    global FOLDER
    folder, *names = sys.argv[sys.argv.index("--") + 1 :]
    FOLDER = Path(folder).resolve()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or sorted(SCENES):
        begin()
        SCENES[name]()
        bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / f"{name}.blend"), compress=False, check_existing=False)
    sys.stdout.flush()
    os._exit(0)  # bpy may hang at the interpreter's end


def begin() -> None:
    """A floor, a lamp, a camera."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 2
    scene.cycles.use_denoising = False
    scene.cycles.use_adaptive_sampling = False
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    scene.frame_start, scene.frame_end = 1, 20
    scene.render.filepath = "//out/f_####"
    scene.world = bpy.data.worlds.new("World")
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0, -9, 4), (math.radians(68), 0, 0)
    lamp = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    lamp.data.energy, lamp.rotation_euler = 3, (0.5, 0.3, 0)
    for thing in (camera, lamp):
        scene.collection.objects.link(thing)
    scene.camera = camera
    bpy.ops.mesh.primitive_plane_add(size=20, location=(0, 0, -1))


def cube(name="Cube", location=(0, 0, 0)):
    bpy.ops.mesh.primitive_cube_add(location=location)
    thing = bpy.context.object
    thing.name = name
    return thing


def sphere(name="Sphere", location=(0, 0, 0)):
    bpy.ops.mesh.primitive_uv_sphere_add(location=location, segments=16, ring_count=8)
    thing = bpy.context.object
    thing.name = name
    return thing


def key(thing, path, values, index=-1):
    """Keys at frames 1, 11 and 20."""
    for frame, value in zip((1, 11, 20), values, strict=True):
        if index < 0:
            setattr(thing, path, value)
        else:
            getattr(thing, path)[index] = value
        thing.keyframe_insert(path, index=index, frame=frame)


def material(thing, name="Material"):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    thing.data.materials.append(made)
    return made


def principled(made):
    return next(n for n in made.node_tree.nodes if n.bl_idname == "ShaderNodeBsdfPrincipled")


def surface(made):
    return next(n for n in made.node_tree.nodes if n.bl_idname == "ShaderNodeOutputMaterial")


def armature():
    bpy.ops.object.armature_add(location=(0, 0, -1))
    bones = bpy.context.object
    thing = cube()
    thing.scale = (0.4, 0.4, 1.5)
    subdivide(thing, 2)
    group = thing.vertex_groups.new(name="Bone")
    group.add([v.index for v in thing.data.vertices if v.co.z > 0], 1.0, "REPLACE")
    modifier = thing.modifiers.new("Armature", "ARMATURE")
    modifier.object = bones
    bone = bones.pose.bones[0]
    bone.rotation_mode = "XYZ"
    key(bone, "rotation_euler", [(0, 0, 0), (0.6, 0, 0.8), (-0.5, 0.4, 0)])


def subdivide(thing, levels):
    modifier = thing.modifiers.new("Subdivision", "SUBSURF")
    modifier.levels = modifier.render_levels = levels
    return modifier


def shape_keys():
    thing = sphere()
    thing.shape_key_add(name="Basis")
    other = thing.shape_key_add(name="Wide")
    for point in other.data:
        point.co.x *= 2
    key(other, "value", [0, 1, 0.3])


def hair():
    thing = sphere()
    thing.modifiers.new("Hair", "PARTICLE_SYSTEM")
    settings = thing.particle_systems[0].settings
    settings.type, settings.count, settings.hair_length = "HAIR", 60, 1.0
    settings.child_type = "INTERPOLATED"
    settings.rendered_child_count = 5
    key(thing, "rotation_euler", [(0, 0, 0), (0, 1, 1), (1, 0, 2)])
    key(thing, "scale", [(1, 1, 1), (1.5, 1, 1), (1, 1, 1.4)])


def particles():
    thing = sphere()
    thing.modifiers.new("Dust", "PARTICLE_SYSTEM")
    settings = thing.particle_systems[0].settings
    small = cube("Grain", (0, 0, -50))
    settings.count, settings.frame_start, settings.frame_end, settings.lifetime = 80, 1, 15, 12
    settings.physics_type = "NO"
    settings.render_type, settings.instance_object, settings.particle_size = "OBJECT", small, 0.2
    key(thing, "location", [(-2, 0, 0), (2, 0, 0), (0, 0, 2)])


def falling():
    """Particles with physics: unbaked, they depend on the frames before."""
    thing = sphere("Emitter", (0, 0, 2))
    thing.modifiers.new("Rain", "PARTICLE_SYSTEM")
    settings = thing.particle_systems[0].settings
    small = cube("Grain", (0, 0, -50))
    settings.count, settings.frame_start, settings.frame_end, settings.lifetime = 80, 1, 15, 30
    settings.render_type, settings.instance_object, settings.particle_size = "OBJECT", small, 0.2
    bpy.data.objects["Plane"].modifiers.new("Collision", "COLLISION")


def cloth():
    bpy.ops.mesh.primitive_grid_add(size=4, location=(0, 0, 2), x_subdivisions=12, y_subdivisions=12)
    thing = bpy.context.object
    thing.modifiers.new("Cloth", "CLOTH")
    ball = sphere("Ball", (0.4, 0, 0))
    ball.modifiers.new("Collision", "COLLISION")


def cloth_levels():
    """Cloth behind a subdivision that the viewport does not show as the render does, and an eye that is shut."""
    cloth()
    thing = next(o for o in bpy.data.objects if "Cloth" in o.modifiers)
    modifier = subdivide(thing, 1)
    modifier.levels, modifier.render_levels = 0, 1
    with bpy.context.temp_override(object=thing):
        bpy.ops.object.modifier_move_to_index(modifier="Subdivision", index=0)
    thing.hide_viewport = True


def soft_body():
    thing = sphere("Jelly", (0, 0, 2))
    modifier = thing.modifiers.new("Softbody", "SOFT_BODY")
    modifier.settings.use_goal = False
    bpy.data.objects["Plane"].modifiers.new("Collision", "COLLISION")


def rigid_body():
    for index in range(3):
        thing = cube(f"Brick {index}", (index * 0.3, 0, 1 + index * 2.2))
        bpy.context.view_layer.objects.active = thing
        bpy.ops.rigidbody.object_add()
    plane = bpy.data.objects["Plane"]
    bpy.context.view_layer.objects.active = plane
    bpy.ops.rigidbody.object_add()
    plane.rigid_body.type = "PASSIVE"


def dynamic_paint():
    canvas = bpy.data.objects["Plane"]
    bpy.context.view_layer.objects.active = canvas
    subdivide(canvas, 5).subdivision_type = "SIMPLE"
    canvas.modifiers.new("Canvas", "DYNAMIC_PAINT")
    bpy.ops.dpaint.type_toggle(type="CANVAS")
    canvas.modifiers["Canvas"].canvas_settings.canvas_surfaces[0].surface_type = "WAVE"
    brush = sphere("Brush", (-3, 0, -1))
    brush.modifiers.new("Brush", "DYNAMIC_PAINT")
    bpy.context.view_layer.objects.active = brush
    bpy.ops.dpaint.type_toggle(type="BRUSH")
    key(brush, "location", [(-3, 0, -1), (3, 0, -1), (0, 2, -1)])


def hair_dynamics():
    hair()
    thing = bpy.data.objects["Sphere"]
    thing.particle_systems[0].use_hair_dynamics = True


def fluid():
    thing = cube("Domain")
    thing.modifiers.new("Fluid", "FLUID").fluid_type = "DOMAIN"
    thing.modifiers[0].domain_settings.resolution_max = 8
    flow = sphere("Flow")
    flow.scale = (0.3, 0.3, 0.3)
    flow.modifiers.new("Fluid", "FLUID").fluid_type = "FLOW"


def simulation_zone():
    """A geometry nodes simulation: each frame moves what the one before left (3.6 and newer)."""
    thing = cube()
    tree = bpy.data.node_groups.new("Simulation", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    nodes, links = tree.nodes, tree.links
    start, end = nodes.new("NodeGroupInput"), nodes.new("NodeGroupOutput")
    before, after = nodes.new("GeometryNodeSimulationInput"), nodes.new("GeometryNodeSimulationOutput")
    before.pair_with_output(after)
    move = nodes.new("GeometryNodeTransform")
    move.inputs["Translation"].default_value = (0.1, 0, 0.05)
    links.new(start.outputs[0], before.inputs[0])
    links.new(before.outputs[1], move.inputs["Geometry"])
    links.new(move.outputs[0], after.inputs[1])
    links.new(after.outputs[0], end.inputs[0])
    thing.modifiers.new("Nodes", "NODES").node_group = tree


def adaptive_subdivision():
    scene = bpy.context.scene
    if hasattr(scene.cycles, "feature_set"):
        scene.cycles.feature_set = "EXPERIMENTAL"
    thing = cube()
    modifier = subdivide(thing, 1)
    if hasattr(modifier, "use_adaptive_subdivision"):
        modifier.use_adaptive_subdivision = True
    else:
        thing.cycles.use_adaptive_subdivision = True
    scene.cycles.dicing_rate = 4
    displaced(thing)
    key(scene.camera, "location", [(0, -9, 4), (1, -5, 3), (-1, -7, 3)])


def displaced(thing):
    made = material(thing)
    if hasattr(made, "displacement_method"):
        made.displacement_method = "DISPLACEMENT"
    else:
        made.cycles.displacement_method = "DISPLACEMENT"
    nodes, links = made.node_tree.nodes, made.node_tree.links
    noise, move = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeDisplacement")
    links.new(noise.outputs[0], move.inputs["Height"])
    links.new(move.outputs[0], surface(made).inputs["Displacement"])
    return noise


def displacement():
    thing = sphere()
    subdivide(thing, 2)
    noise = displaced(thing)
    key(noise.inputs["Scale"], "default_value", [2, 6, 3])


def drivers():
    thing, other = cube(), sphere("Other", (2, 0, 0))
    curve = other.driver_add("location", 2)
    curve.driver.expression = "frame / 10"
    made = material(thing)
    curve = principled(made).inputs["Base Color"].driver_add("default_value", 0)
    variable = curve.driver.variables.new()
    variable.name, variable.type = "x", "TRANSFORMS"
    variable.targets[0].id, variable.targets[0].transform_type = other, "LOC_Z"
    curve.driver.expression = "x / 2"
    curve = subdivide(thing, 1).driver_add("render_levels")
    curve.driver.expression = "1 + (frame > 10)"


def driver_python():
    """A driver that needs Python, which auto-run off blocks."""
    drivers()
    curve = bpy.data.objects["Cube"].driver_add("location", 0)
    curve.driver.expression = "bpy.context.scene.frame_current / 10"


def volume():
    thing = cube()
    thing.scale = (2, 2, 2)
    made = material(thing)
    nodes, links = made.node_tree.nodes, made.node_tree.links
    nodes.remove(principled(made))
    scatter = nodes.new("ShaderNodeVolumePrincipled")
    links.new(scatter.outputs[0], surface(made).inputs["Volume"])
    key(scatter.inputs["Density"], "default_value", [0.1, 1.5, 0.4])
    key(thing, "location", [(-1, 0, 0), (1, 0, 0), (0, 1, 0)])


def volume_mesh():
    """A mesh turned into a volume, from a mesh that moves."""
    source = sphere("Source")
    key(source, "location", [(-1, 0, 0), (1, 0, 0), (0, 0, 1)])
    source.hide_render = True
    holder = bpy.data.objects.new("Cloud", bpy.data.volumes.new("Cloud"))
    bpy.context.scene.collection.objects.link(holder)
    modifier = holder.modifiers.new("Mesh to Volume", "MESH_TO_VOLUME")
    modifier.object, modifier.density = source, 2
    modifier.voxel_amount = 16
    made = bpy.data.materials.new("Smoke")
    made.use_nodes = True
    made.node_tree.nodes.remove(principled(made))
    scatter = made.node_tree.nodes.new("ShaderNodeVolumePrincipled")
    made.node_tree.links.new(scatter.outputs[0], surface(made).inputs["Volume"])
    holder.data.materials.append(made)


def visibility():
    for index in range(4):
        thing = cube(f"Cube {index}", (index * 2 - 3, 0, 0))
        for frame in range(1, 21):
            thing.hide_render = (frame + index) % 3 == 0
            thing.keyframe_insert("hide_render", frame=frame)
    lamp = bpy.data.objects.new("Spot", bpy.data.lights.new("Spot", "POINT"))
    lamp.data.energy, lamp.location = 500, (0, -2, 3)
    bpy.context.scene.collection.objects.link(lamp)
    for frame in range(1, 21):
        lamp.hide_render = frame % 2 == 0
        lamp.keyframe_insert("hide_render", frame=frame)
    ghost = sphere("Ghost", (0, -2, 1))
    for frame in range(1, 21):
        ghost.visible_camera = frame % 4 < 2
        ghost.keyframe_insert("visible_camera", frame=frame)


def collections():
    """Collections hidden by keys, and an instance of one."""
    scene = bpy.context.scene
    made = bpy.data.collections.new("Group")
    scene.collection.children.link(made)
    thing = cube("Inside", (0, 0, 0))
    scene.collection.objects.unlink(thing)
    made.objects.link(thing)
    key(thing, "rotation_euler", [(0, 0, 0), (0, 1, 1), (1, 0, 2)])
    instance = bpy.data.objects.new("Instance", None)
    instance.instance_type, instance.instance_collection = "COLLECTION", made
    scene.collection.objects.link(instance)
    key(instance, "location", [(3, 0, 0), (-3, 0, 0), (0, 3, 0)])


def view_layers():
    scene = bpy.context.scene
    thing = cube()
    key(thing, "location", [(-2, 0, 0), (2, 0, 0), (0, 0, 1)])
    second = scene.view_layers.new("Second")
    scene.render.use_single_layer = True  # which Blender's command line does not heed
    red = bpy.data.materials.new("Red")
    red.use_nodes = True
    principled(red).inputs["Base Color"].default_value = (1, 0, 0, 1)
    second.material_override = red
    tree = compositor(scene)
    mix = tree.nodes.new("CompositorNodeMixRGB" if not NEW else "ShaderNodeMix")
    layers = [tree.nodes.new("CompositorNodeRLayers") for _ in range(2)]
    layers[0].layer, layers[1].layer = scene.view_layers[0].name, "Second"
    colours = [s for s in mix.inputs if s.type == "RGBA"]
    if NEW:
        mix.data_type = "RGBA"
        colours = [s for s in mix.inputs if s.type == "RGBA" and s.enabled]
    for layer, socket in zip(layers, colours, strict=False):
        tree.links.new(layer.outputs["Image"], socket)
    mix.inputs[0].default_value = 0.5
    result = next(s for s in mix.outputs if s.type == "RGBA" and s.enabled)
    tree.links.new(result, final(tree))


def compositor(scene):
    if NEW:
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        return tree
    scene.use_nodes = True
    scene.node_tree.nodes.clear()
    return scene.node_tree


def final(tree):
    return tree.nodes.new("NodeGroupOutput" if NEW else "CompositorNodeComposite").inputs[0]


def compositing():
    scene = bpy.context.scene
    thing = cube()
    key(thing, "rotation_euler", [(0, 0, 0), (0, 1, 1), (1, 0, 2)])
    scene.view_layers[0].use_pass_z = True
    tree = compositor(scene)
    layer, blur = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeBlur")
    bright = tree.nodes.new("CompositorNodeBrightContrast")
    if hasattr(blur, "size_x"):
        blur.size_x = blur.size_y = 3
    tree.links.new(layer.outputs["Image"], blur.inputs[0])
    tree.links.new(blur.outputs[0], bright.inputs[0])
    tree.links.new(bright.outputs[0], final(tree))
    key(bright.inputs[1], "default_value", [0, 30, -20])


def file_output():
    scene = bpy.context.scene
    thing = cube()
    key(thing, "rotation_euler", [(0, 0, 0), (0, 1, 1), (1, 0, 2)])
    tree = compositor(scene)
    layer, node = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
    layered = tree.nodes.new("CompositorNodeOutputFile")
    tree.links.new(layer.outputs["Image"], final(tree))
    if NEW:
        node.directory, node.file_name, node.format.media_type = "//out/passes", "", "IMAGE"
        node.file_output_items.new("RGBA", "colour_")
        node.file_output_items.new("FLOAT", "alpha_")
        layered.directory, layered.file_name = "//out/layers", "all_"
        layered.format.media_type = "MULTI_LAYER_IMAGE"
        layered.file_output_items.new("RGBA", "colour")
    else:
        node.base_path = "//out/passes"
        node.file_slots.clear()
        node.file_slots.new("colour_")
        node.file_slots.new("alpha_")
        layered.format.file_format = "OPEN_EXR_MULTILAYER"
        layered.base_path = "//out/layers/all_"
    node.format.file_format = "PNG"
    tree.links.new(layer.outputs["Image"], node.inputs[0])
    tree.links.new(layer.outputs["Alpha"], node.inputs[1])
    tree.links.new(layer.outputs["Image"], layered.inputs[0])


def motion_blur():
    scene = bpy.context.scene
    scene.render.use_motion_blur = True
    armature()
    fast = cube("Fast", (2, 0, 0))
    key(fast, "location", [(-4, 0, 0), (4, 0, 0), (0, 0, 3)])
    key(scene.camera, "location", [(0, -9, 4), (1, -9, 4), (0, -8, 4)])


def motion_blur_visibility():
    motion_blur()
    visibility()


def textures():
    """A picture sequence, and coordinates taken from an object that moves while the mesh does not."""
    thing = bpy.data.objects["Plane"]
    made = material(thing)
    nodes, links = made.node_tree.nodes, made.node_tree.links
    picture, place = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeTexCoord")
    picture.image = sequence()
    picture.image_user.frame_duration, picture.image_user.frame_start = 20, 1
    picture.image_user.use_auto_refresh = True
    place.object = bpy.data.objects.new("Pin", None)
    bpy.context.scene.collection.objects.link(place.object)
    key(place.object, "location", [(0, 0, 0), (2, 1, 0), (0, 3, 0)])
    links.new(place.outputs["Object"], picture.inputs[0])
    links.new(picture.outputs[0], principled(made).inputs["Base Color"])


def sequence():
    folder = FOLDER / "sequence"
    folder.mkdir(exist_ok=True)
    for frame in range(1, 21):
        made = bpy.data.images.new("picture", 8, 8)
        made.pixels = [value for i in range(64) for value in ((frame * 7 + i) % 20 / 20, i / 64, frame / 20, 1)]
        made.filepath_raw, made.file_format = str(folder / f"p_{frame:04}.png"), "PNG"
        made.save()
        bpy.data.images.remove(made)
    loaded = bpy.data.images.load(str(folder / "p_0001.png"))
    loaded.source = "SEQUENCE"
    loaded.filepath = "//sequence/p_0001.png"
    return loaded


def materials():
    thing = cube()
    made = material(thing)
    key(principled(made).inputs["Base Color"], "default_value", [(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1)])
    lit = sphere("Lit", (3, 0, 0))
    made = material(lit, "Lit")
    names = [s.name for s in principled(made).inputs]
    strength = principled(made).inputs["Emission Strength"]
    principled(made).inputs["Emission" if "Emission" in names else "Emission Color"].default_value = (1, 1, 0.5, 1)
    key(strength, "default_value", [0, 8, 1])


def world():
    scene = bpy.context.scene
    scene.world.use_nodes = True
    back = next(n for n in scene.world.node_tree.nodes if n.bl_idname == "ShaderNodeBackground")
    key(back.inputs[0], "default_value", [(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1)])
    lamp = bpy.data.objects["Sun"]
    key(lamp.data, "energy", [1, 9, 3])
    key(lamp, "rotation_euler", [(0.5, 0.3, 0), (1, 0, 0), (0, 1, 0)])
    cube()


def modifiers():
    thing = cube("Array", (-2, 0, 0))
    array = thing.modifiers.new("Array", "ARRAY")
    array.use_relative_offset = True
    key(array, "count", [1, 4, 2])
    other = sphere("Build", (0, -2, 0))
    build = other.modifiers.new("Build", "BUILD")
    build.frame_start, build.frame_duration = 1, 20
    third = cube("Levels", (2, -2, 0))
    modifier = subdivide(third, 0)
    key(modifier, "render_levels", [0, 3, 1])
    key(third.modifiers.new("Off", "BEVEL"), "show_render", [True, False, True])


def metaballs():
    scene = bpy.context.scene
    ball = bpy.data.metaballs.new("Meta")
    thing = bpy.data.objects.new("Meta", ball)
    scene.collection.objects.link(thing)
    for _ in range(2):
        ball.elements.new()
    key(ball.elements[0], "co", [(-2, 0, 0), (0.5, 0, 0), (0, 0, 2)])


def curves():
    bpy.ops.curve.primitive_bezier_circle_add()
    ring = bpy.context.object
    ring.data.bevel_depth = 0.2
    key(ring.data, "bevel_factor_end", [0.1, 1, 0.5])
    bpy.ops.object.text_add(location=(-2, -2, 0), rotation=(1.2, 0, 0))
    key(bpy.context.object.data, "extrude", [0.1, 0.6, 0.2])


def cameras():
    scene = bpy.context.scene
    cube()
    other = bpy.data.objects.new("Other", bpy.data.cameras.new("Other"))
    other.location, other.rotation_euler = (3, -7, 5), (1, 0, 0.4)
    scene.collection.objects.link(other)
    for frame, camera in ((1, scene.camera), (6, other), (15, scene.camera)):
        scene.timeline_markers.new(f"F{frame}", frame=frame).camera = camera
    other.data.dof.use_dof = True
    other.data.dof.aperture_fstop = 0.2
    key(other.data.dof, "focus_distance", [2, 9, 5])
    key(other.data, "lens", [50, 30, 80])


def scene_settings():
    scene = bpy.context.scene
    thing = cube()
    key(thing, "location", [(-2, 0, 0), (2, 0, 0), (0, 0, 1)])
    scene.cycles.use_animated_seed = True
    key(scene.view_settings, "exposure", [0, 1, -1])


def instances():
    """Geometry nodes that put instances on points, with a seed that moves."""
    thing = bpy.data.objects["Plane"]
    tree = bpy.data.node_groups.new("Scatter", "GeometryNodeTree")
    if hasattr(tree, "interface"):
        for way in ("INPUT", "OUTPUT"):
            tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    else:
        tree.inputs.new("NodeSocketGeometry", "Geometry")
        tree.outputs.new("NodeSocketGeometry", "Geometry")
    nodes, links = tree.nodes, tree.links
    start, end = nodes.new("NodeGroupInput"), nodes.new("NodeGroupOutput")
    spread, put = nodes.new("GeometryNodeDistributePointsOnFaces"), nodes.new("GeometryNodeInstanceOnPoints")
    grain, time = nodes.new("GeometryNodeMeshCube"), nodes.new("GeometryNodeInputSceneTime")
    links.new(start.outputs[0], spread.inputs["Mesh"])
    links.new(time.outputs["Frame"], spread.inputs["Seed"])
    links.new(spread.outputs["Points"], put.inputs["Points"])
    links.new(grain.outputs[0], put.inputs["Instance"])
    links.new(put.outputs[0], end.inputs[0])
    spread.inputs["Density"].default_value = 0.2
    thing.modifiers.new("Nodes", "NODES").node_group = tree


def constraints():
    lead, follower = cube("Lead", (-2, 0, 0)), sphere("Follower", (2, 0, 0))
    key(lead, "location", [(-2, 0, 0), (2, 0, 0), (0, 0, 1)])
    constraint = follower.constraints.new("COPY_LOCATION")
    constraint.target = lead
    key(constraint, "influence", [0, 1, 0.5])
    child = cube("Child", (0, 2, 0))
    child.parent = lead
    path = follower.constraints.new("TRACK_TO")
    path.target = bpy.context.scene.camera


def attributes():
    """A colour that the shader takes from a property of the object."""
    thing = cube()
    for frame, value in ((1, 0.0), (11, 1.0), (20, 0.2)):
        thing["glow"] = value
        thing.keyframe_insert('["glow"]', frame=frame)
    key(thing, "color", [(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1)])
    made = material(thing)
    nodes, links = made.node_tree.nodes, made.node_tree.links
    glow, info = nodes.new("ShaderNodeAttribute"), nodes.new("ShaderNodeObjectInfo")
    glow.attribute_type, glow.attribute_name = "OBJECT", "glow"
    links.new(info.outputs["Color"], principled(made).inputs["Base Color"])
    links.new(glow.outputs["Fac"], principled(made).inputs["Roughness"])


def stereo():
    scene = bpy.context.scene
    cube()
    scene.render.use_multiview = True


SCENES = {
    name: made
    for name, made in list(globals().items())
    if callable(made)
    and getattr(made, "__code__", None)
    and not made.__code__.co_argcount
    and name not in ("main", "begin", "sequence")
    and not (name == "simulation_zone" and bpy.app.version < (3, 6, 0))
}

if __name__ == "__main__":
    main()
