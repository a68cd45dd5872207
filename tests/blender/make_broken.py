# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes scenes that Blender renders wrong and calls a success.

`blender -b --factory-startup -P make_broken.py -- FOLDER`. Each is the plain scene of make_scenes.py with one fault;
where it is a missing file, that is made, saved with, and taken away.
"""

import importlib.util
import os
import sys
from pathlib import Path

import bpy

_spec = importlib.util.spec_from_file_location("make_scenes", Path(__file__).with_name("make_scenes.py"))
scenes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scenes)

FOLDER = Path()


def main() -> None:
    global FOLDER
    FOLDER = scenes.FOLDER = Path(sys.argv[sys.argv.index("--") + 1]).resolve()
    (FOLDER / "gone").mkdir(parents=True, exist_ok=True)
    for name, made in FAULTS.items():
        scenes.begin()
        scenes.cube()
        made()
        save(name)
    for path in (FOLDER / "gone").iterdir():
        path.unlink()
    sys.stdout.flush()
    os._exit(0)


def save(name: str) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / f"{name}.blend"), compress=False, check_existing=False)


def picture(name: str):
    made = bpy.data.images.new(name, 4, 4)
    made.filepath_raw, made.file_format = str(FOLDER / "gone" / f"{name}.png"), "PNG"
    made.save()
    loaded = bpy.data.images.load(made.filepath_raw)
    bpy.data.images.remove(made)
    return loaded


def use_picture(image) -> None:
    made = scenes.material(bpy.data.objects["Cube"])
    node = made.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    made.node_tree.links.new(node.outputs[0], scenes.principled(made).inputs["Base Color"])


def texture_missing() -> None:
    use_picture(picture("bricks"))


def texture_packed() -> None:
    image = picture("packed")
    image.pack()
    use_picture(image)


def texture_unused() -> None:
    picture("nobody").use_fake_user = True


def texture_of_backdrop() -> None:
    """A camera's background picture and an image empty show in the viewport alone."""
    backdrop = bpy.context.scene.camera.data.background_images.new()
    backdrop.image = picture("backdrop")
    empty = bpy.data.objects.new("Reference", None)
    empty.empty_display_type, empty.data = "IMAGE", picture("reference")
    bpy.context.scene.collection.objects.link(empty)


def texture_hidden() -> None:
    """Used by an object that is never rendered."""
    texture_missing()
    bpy.data.objects["Cube"].hide_render = True


def tiles_missing() -> None:
    image = picture("tile.1001")
    image.source = "TILED"
    image.filepath = "//gone/tile.<UDIM>.png"
    use_picture(image)


def world_missing() -> None:
    world = bpy.context.scene.world
    world.use_nodes = True
    node = world.node_tree.nodes.new("ShaderNodeTexEnvironment")
    node.image = picture("sky")
    back = next(n for n in world.node_tree.nodes if n.bl_idname == "ShaderNodeBackground")
    world.node_tree.links.new(node.outputs[0], back.inputs[0])


def compositor_missing() -> None:
    tree = scenes.compositor(bpy.context.scene)
    node = tree.nodes.new("CompositorNodeImage")
    node.image = picture("overlay")
    tree.links.new(node.outputs[0], scenes.final(tree))


def font_missing() -> None:
    source = next(Path(bpy.utils.system_resource("DATAFILES", path="fonts")).glob("*.[twp]*"), None)
    bpy.ops.object.text_add()
    copy = FOLDER / "gone" / f"face{source.suffix}"
    copy.write_bytes(source.read_bytes())
    bpy.context.object.data.font = bpy.data.fonts.load(str(copy))


def volume_missing() -> None:
    made = bpy.data.volumes.new("Smoke")
    made.filepath = "//gone/smoke.vdb"
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Smoke", made))


def cache_missing() -> None:
    modifier = bpy.data.objects["Cube"].modifiers.new("Cache", "MESH_CACHE")
    modifier.filepath = "//gone/cube.pc2"


def library_missing() -> None:
    path = str(FOLDER / "gone" / "library.blend")
    mesh = bpy.data.meshes.new("Linked")
    bpy.data.libraries.write(path, {mesh}, fake_user=True)
    bpy.data.meshes.remove(mesh)
    with bpy.data.libraries.load(path, link=True) as (_, into):
        into.meshes = ["Linked"]
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Linked", into.meshes[0]))


def library_unused() -> None:
    """Another scene of the file has it."""
    library_missing()
    linked = bpy.data.objects["Linked"]
    bpy.context.scene.collection.objects.unlink(linked)
    bpy.data.scenes.new("Other").collection.objects.link(linked)


class MissingNode(bpy.types.ShaderNodeCustomGroup):
    bl_idname = "AddonNodeOfNobody"
    bl_label = "Nobody"

    def init(self, context):
        self.node_tree = bpy.data.node_groups.new("Inside", "ShaderNodeTree")
        if hasattr(self.node_tree, "interface"):
            self.node_tree.interface.new_socket("Colour", in_out="OUTPUT", socket_type="NodeSocketColor")
        else:
            self.node_tree.outputs.new("NodeSocketColor", "Colour")


def nodes_missing() -> None:
    bpy.utils.register_class(MissingNode)
    made = scenes.material(bpy.data.objects["Cube"])
    node = made.node_tree.nodes.new("AddonNodeOfNobody")
    made.node_tree.links.new(node.outputs[0], scenes.principled(made).inputs["Base Color"])


class MissingEngine(bpy.types.RenderEngine):
    bl_idname = "NOBODY_RENDER"
    bl_label = "Nobody"


def engine_missing() -> None:
    bpy.utils.register_class(MissingEngine)
    bpy.context.scene.render.engine = "NOBODY_RENDER"


def no_camera() -> None:
    bpy.data.objects.remove(bpy.context.scene.camera)


def wants_gpu() -> None:
    bpy.context.scene.cycles.device = "GPU"


def script_registered() -> None:
    text = bpy.data.texts.new("startup.py")
    text.from_string("import bpy\nprint('startup.py runs')\n")
    text.use_module = True


def script_broken() -> None:
    text = bpy.data.texts.new("broken.py")
    text.from_string("import bpy\n\nraise ValueError('broken on purpose')\n")
    text.use_module = True


def driver_python() -> None:
    curve = bpy.data.objects["Cube"].driver_add("location", 0)
    curve.driver.expression = "bpy.context.scene.frame_current / 10"


def driver_harmless() -> None:
    """Needs Python, of a kind that Blender lets run at all times."""
    curve = bpy.data.objects["Cube"].driver_add("location", 0)
    curve.driver.expression = "[1.0, 2.0, 3.0][0]"


def view_missing() -> None:
    """Saved with a configuration that has a view of its own: OCIO names it when this is run."""
    bpy.context.scene.view_settings.view_transform = "Nobody's View"


def denoised() -> None:
    bpy.context.scene.cycles.use_denoising = True


FAULTS = {
    name: made
    for name, made in list(globals().items())
    if callable(made) and getattr(made, "__code__", None) and not made.__code__.co_argcount and name not in ("main",)
}

if __name__ == "__main__":
    main()
