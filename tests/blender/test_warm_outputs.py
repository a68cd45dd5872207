# SPDX-License-Identifier: GPL-3.0-or-later
"""All files of a frame are written under its run, and belong where a bare Blender would have put them."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import OpenImageIO as oiio
import pytest

from brender.blendfile import scan
from brender.core.failures import Kind
from brender.core.outputs import BY_RNA, Output, movie_path
from brender.core.scene import Script, Settings
from brender.worker.blender import Failure, FrameFile

pytestmark = pytest.mark.slow

SMALL = Settings(engine="CYCLES", samples=1, width=32, height=18, percent=100)

BARE = """
import bpy, os, sys
blend, frame, code = sys.argv[-3:]
bpy.ops.wm.open_mainfile(filepath=blend, load_ui=True)
scene = bpy.context.scene
scene.cycles.samples = 1
scene.render.resolution_x, scene.render.resolution_y = 32, 18
exec(code)
own = scene.frame_start, scene.frame_end
def back(*_):
    scene.frame_start, scene.frame_end = own
bpy.app.handlers.render_init.append(back)
scene.frame_start = scene.frame_end = int(frame)
scene.frame_start = scene.frame_end = int(frame)
bpy.ops.render.render(animation=True)
sys.stdout.flush()
os._exit(0)
"""


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def both_ways(kit: Any, blend: Path, folder: Path, code: str = "pass") -> tuple[set[str], set[str]]:
    """The files of frame 7, rendered by a bare Blender and by brender, relative to the scene's folder."""
    bare = files_of_bare(kit, blend, folder, code)
    own = shutil.copy(blend, folder / "scene.blend")
    scripts = (Script(kind="expr", source=f"import bpy\nscene = bpy.context.scene\n{code}"),)
    warm = await kit.open(kit.scene(own, settings=SMALL, scripts=scripts), folder)
    rendered = await warm.render("r7", (7,), str(folder / "r7.log"))
    await warm.close()
    assert all(is_whole_and_apart(file) for file in rendered.files)
    return bare, {str(Path(file.final).relative_to(folder)) for file in rendered.files}


def files_of_bare(kit: Any, blend: Path, folder: Path, code: str) -> set[str]:
    bare, script = folder / "bare", folder / "bare.py"
    bare.mkdir()
    shutil.copy(blend, bare / "scene.blend")
    script.write_text(BARE)
    said = kit.run(str(script), str(bare / "scene.blend"), "7", code)
    found = files_in(bare) - {"scene.blend"}
    assert found, said
    return found


def is_whole_and_apart(file: FrameFile) -> bool:
    """Under its run, and nothing under its final name."""
    temporary = Path(file.temporary)
    return temporary.stat().st_size > 0 and ".brender-r7" in temporary.parts and not Path(file.final).exists()


def size(path: str) -> int:
    return Path(path).stat().st_size


async def test_every_slot_of_file_output_nodes_is_reported(kit: Any, made: Path, tmp_path: Path) -> None:
    bare, warm = await both_ways(kit, made / "file_output.blend", tmp_path)
    assert warm == bare
    assert len(warm) == 4


PLACES = {
    "//": "",
    "//out/passes": "out/passes",
    "//out/../passes/": "passes",
    "//../renders/": "outside/renders",
    "//a/../../../renders": "outside/renders",
    "/home/ann/passes": "outside/home/ann/passes",
    "/home/../../etc": "outside/etc",
    "C:\\renders\\z": "outside/C/renders/z",
    "//a\\..\\..\\z": "outside/z",
}

MOVED = """
import bpy
scene = bpy.context.scene
tree = scene.compositing_node_group if hasattr(scene, "compositing_node_group") else scene.node_tree
for node in tree.nodes:
    name = "directory" if hasattr(node, "directory") else "base_path"
    if node.bl_idname == "CompositorNodeOutputFile" and "passes" in getattr(node, name):
        setattr(node, name, PLACE)
"""


@pytest.mark.parametrize("place", PLACES)
async def test_nodes_of_a_carried_scene_write_into_its_own_folder(
    kit: Any, made: Path, tmp_path: Path, place: str
) -> None:
    """What the artist's machine calls its folders is nothing on a worker, and nobody's file there is touched."""
    (tmp_path / "tree" / "scene").mkdir(parents=True)
    blend = shutil.copy(made / "file_output.blend", tmp_path / "tree" / "scene" / "scene.blend")
    own = tmp_path / "carried"
    scripts = (Script(kind="expr", source=MOVED.replace("PLACE", repr(place))),)
    settings = msgspec.structs.replace(SMALL, output=str(own / "f_####"))
    before = files_in(tmp_path / "tree")
    scene = kit.scene(blend, settings=settings, scripts=scripts, manifest="a" * 64)
    warm = await kit.open(scene, tmp_path)
    rendered = await warm.render("r7", (7,), str(tmp_path / "r7.log"))
    await warm.close()
    assert all(is_whole_and_apart(file) for file in rendered.files)
    found = {Path(file.final).relative_to(own).as_posix() for file in rendered.files}
    folder = PLACES[place] and PLACES[place] + "/"
    layers = next(name for name in found if "layers/" in name)
    assert found == {"f_0007.png", f"{folder}colour_0007.png", f"{folder}alpha_0007.png", layers}
    assert layers.startswith("out/layers/all_")
    assert files_in(tmp_path / "tree") == before


VIEWS = {
    "individual": "scene.render.image_settings.views_format = 'INDIVIDUAL'",
    "one picture": "scene.render.image_settings.views_format = 'STEREO_3D'",
    "nodes": "pass",
}


@pytest.mark.parametrize("name", VIEWS)
async def test_both_views_of_a_stereo_scene_are_reported(kit: Any, made: Path, tmp_path: Path, name: str) -> None:
    scene = "file_output" if name == "nodes" else "stereo"
    code = "scene.render.use_multiview = True\n" + VIEWS[name]
    bare, warm = await both_ways(kit, made / f"{scene}.blend", tmp_path, code)
    assert warm == bare
    assert len(warm) == {"individual": 2, "one picture": 1, "nodes": 8}[name]


FORMATS = {
    "PNG": "png",
    "JPEG": "jpg",
    "TIFF": "tif",
    "OPEN_EXR": "exr",
    "OPEN_EXR_MULTILAYER": "exr",
    "TGA": "tga",
    "WEBP": "webp",
}


@pytest.mark.parametrize("name", FORMATS)
async def test_each_format_has_blenders_name_and_pixels(
    kit: Any, made: Path, tmp_path: Path, same_pixels: Any, name: str
) -> None:
    settings = msgspec.structs.replace(SMALL, format=name)
    blend = made / "armature.blend"
    warm = await kit.open(kit.scene(blend, tmp_path / "warm" / "f", settings=settings), tmp_path)
    rendered = await warm.render("r", (7,), str(tmp_path / "log"))
    await warm.close()
    (file,) = rendered.files
    assert Path(file.final) == tmp_path / "warm" / f"f0007.{FORMATS[name]}"
    if kit.kind == "blender":
        bare = bare_command(kit, blend, tmp_path / "bare" / "f", name)
        assert same_pixels(bare, file.temporary)
        assert depth(bare) == depth(Path(file.temporary))


def bare_command(kit: Any, blend: Path, output: Path, name: str) -> Path:
    small = (
        "import bpy; s = bpy.context.scene; r = s.render; s.cycles.samples = 1; r.resolution_x, r.resolution_y = 32, 18"
    )
    command = [kit.program, "-b", "--factory-startup", str(blend), "-o", str(output), "-F", name]
    subprocess.run([*command, "--python-expr", small, "-f", "7"], check=True, capture_output=True, timeout=100)
    return next(output.parent.iterdir())


def depth(path: Path) -> str:
    opened = oiio.ImageInput.open(str(path))
    try:
        return f"{opened.spec().format} {opened.spec().channelnames}"
    finally:
        opened.close()


async def test_any_name_of_file_and_folder_will_do(kit: Any, made: Path, tmp_path: Path) -> None:
    """C31, C32."""
    folder = tmp_path / "a b" / "c'd"
    folder.mkdir(parents=True)
    blend = shutil.copy(made / "armature.blend", folder / "Стул e\u0301 日本.blend")
    settings = msgspec.structs.replace(SMALL, output="//ö ut/é_###")
    warm = await kit.open(kit.scene(blend, settings=settings), tmp_path)
    rendered = await warm.render("r7", (7,), str(tmp_path / "log"))
    await warm.close()
    (file,) = rendered.files
    assert is_whole_and_apart(file)
    assert Path(file.final) == folder / "ö ut" / "é_007.png"


async def test_a_movie_is_one_file_with_blenders_name(kit: Any, made: Path, tmp_path: Path) -> None:
    """C30."""
    settings = msgspec.structs.replace(SMALL, format="FFMPEG", start=2, end=5, output=str(tmp_path / "out" / "film_"))
    warm = await kit.open(kit.scene(made / "armature.blend", settings=settings), tmp_path)
    assert warm.opened.movie
    rendered = await warm.render("r", (2, 3, 4, 5), str(tmp_path / "log"))
    await warm.close()
    (file,) = rendered.files
    expected = Output(pattern="film_", format=BY_RNA["FFMPEG"], blend=str(made / "armature.blend"), **contained(made))
    assert Path(file.final).name == Path(movie_path(expected, 2, 5)).name  # the container of the file, kept
    assert size(file.temporary) > 1000


def contained(made: Path) -> dict[str, str]:
    """The container that the file itself has for movies, though it is set to pictures."""
    return {"container": scan(str(made / "armature.blend")).active.container}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 128 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], check=False)
    if done.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_is_told_and_leaves_nothing(kit: Any, made: Path, tmp_path: Path, small_disk: Path) -> None:
    settings = msgspec.structs.replace(SMALL, width=640, height=360, format="OPEN_EXR")
    warm = await kit.open(kit.scene(made / "armature.blend", small_disk / "f", settings=settings), tmp_path)
    with pytest.raises(Failure) as failed:
        await warm.render("r", (7,), str(tmp_path / "log"))
    await warm.close()
    assert failed.value.kind == Kind.DISK_FULL
    assert files_in(small_disk) == set()


async def test_a_folder_that_cannot_be_written_is_named(kit: Any, made: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    warm = await kit.open(kit.scene(made / "armature.blend", tmp_path / "file" / "f"), tmp_path)
    with pytest.raises(Failure) as failed:
        await warm.render("r", (7,), str(tmp_path / "log"))
    await warm.close()
    assert failed.value.kind == Kind.OUTPUT_UNWRITABLE
    assert str(tmp_path / "file") in failed.value.message


async def test_a_script_that_moves_the_output_fails_the_frame(kit: Any, made: Path, tmp_path: Path) -> None:
    move = f"lambda scene, *_: setattr(scene.render, 'filepath', {str(tmp_path / 'else')!r})"
    scripts = (Script(kind="expr", source=f"import bpy\nbpy.app.handlers.render_init.append({move})"),)
    warm = await kit.open(kit.scene(made / "armature.blend", tmp_path / "f", scripts=scripts), tmp_path)
    with pytest.raises(Failure) as failed:
        await warm.render("r", (7,), str(tmp_path / "log"))
    await warm.close()
    assert failed.value.kind == Kind.NOTHING_RENDERED
    assert "f0007.png" in failed.value.message
    assert not any(".brender-" in name for name in files_in(tmp_path))
