# SPDX-License-Identifier: GPL-3.0-or-later
"""What blendfile reads is what the real Blenders stored: a scene with every value unlike the default."""

import subprocess
from pathlib import Path

import pytest

from brender import blendfile
from brender.core.outputs import BY_RNA, CONTAINERS

MAKE = """
import bpy, os, sys
folder = sys.argv[-1]
bpy.ops.wm.read_factory_settings()
scene = bpy.context.scene
scene.name = "Erste é"
render = scene.render
scene.frame_start, scene.frame_end, scene.frame_step = 5, 77, 3
scene.frame_set(12)
render.filepath = "//out/x_##"
render.use_overwrite, render.use_placeholder, render.use_file_extension = False, True, False
render.resolution_x, render.resolution_y, render.resolution_percentage = 640, 360, 42
render.engine, render.use_multiview = "CYCLES", True
for name in ("shared.blend", "lib.blend"):
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, name), copy=True)
other = bpy.data.scenes.new("Zweite")
for rna in render.image_settings.bl_rna.properties["file_format"].enum_items.keys():
    bpy.data.scenes.new("F " + rna).render.image_settings.file_format = rna
for container in render.ffmpeg.bl_rna.properties["format"].enum_items.keys():
    bpy.data.scenes.new("C " + container).render.ffmpeg.format = container
picture = bpy.data.images.new("made", 4, 4)
picture.filepath_raw = os.path.join(folder, "on disk.png")
picture.file_format = "PNG"
picture.save()
picture.source = "FILE"
packed = bpy.data.images.load(picture.filepath_raw)
packed.name = "packed"
packed.pack()
tiles = bpy.data.images.load(picture.filepath_raw)
tiles.source = "TILED"
tiles.filepath = os.path.join(folder, "tile.<UDIM>.png")
open(os.path.join(folder, "tile.1001.png"), "w").close()
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "plain.blend"), compress=False)
with bpy.data.libraries.load(os.path.join(folder, "lib.blend"), link=True) as (there, here):
    here.objects = ["Cube"]
scene.collection.objects.link(here.objects[0])
for image in bpy.data.images:
    image.use_fake_user = True
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "packed.blend"), compress=True, relative_remap=True)
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(
    scope="module",
    params=[pytest.param("blender", marks=pytest.mark.blender), pytest.param("bpy_python", marks=pytest.mark.bpy)],
)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the files that one of the two Blenders made."""
    program: str = request.getfixturevalue(request.param)
    folder = tmp_path_factory.mktemp("made")
    script = folder / "make.py"
    script.write_text(MAKE)
    command = [program, str(script)] if request.param == "bpy_python" else [program, "-b", "-P", str(script), "--"]
    subprocess.run([*command, str(folder)], check=True, capture_output=True, timeout=120)
    return folder


@pytest.mark.parametrize("name", ["plain.blend", "packed.blend"])
def test_a_scene_is_read_as_blender_stored_it(made: Path, name: str) -> None:
    found = blendfile.scan(str(made / name))
    scene = next(s for s in found.scenes if s.name == "Erste é")
    assert scene.active
    assert (scene.start, scene.end, scene.step, scene.current) == (5, 77, 3, 12)
    assert (scene.output, scene.overwrite, scene.placeholders, scene.use_extension) == (
        "//out/x_##",
        False,
        True,
        False,
    )
    assert (scene.width, scene.height, scene.percent, scene.engine) == (640, 360, 42, "CYCLES")
    assert (scene.multiview, scene.has_camera) == (True, True)
    plain = next(s for s in found.scenes if s.name == "Zweite")
    assert (plain.multiview, plain.has_camera, plain.overwrite, plain.active) == (False, False, True, False)


def test_every_format_and_container_is_read_by_its_name(made: Path) -> None:
    scenes = {s.name: s for s in blendfile.scan(str(made / "plain.blend")).scenes}
    formats = {n[2:]: s.format for n, s in scenes.items() if n.startswith("F ")}
    containers = {n[2:]: s.container for n, s in scenes.items() if n.startswith("C ")}
    assert formats == {rna: BY_RNA[rna].name for rna in formats}
    assert containers == {name: name for name in CONTAINERS}


def test_files_and_libraries_are_those_that_are_not_packed(made: Path) -> None:
    found = blendfile.scan(str(made / "packed.blend"))
    assert {(f.kind, Path(f.path).name, f.exists) for f in found.files} == {
        ("picture", "tile.<UDIM>.png", True),
        ("picture", "on disk.png", True),
    }
    assert [(Path(x.path).name, x.exists) for x in found.libraries] == [("lib.blend", True)]
