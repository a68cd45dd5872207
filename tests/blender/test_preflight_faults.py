# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender renders wrong and calls a success is refused when the scene is opened, by kind and in words."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brender.core.failures import Kind
from brender.core.scene import Allow, Launch, Script, Settings
from brender.worker.blender import Failure, Opened

HERE = Path(__file__).parent
OTHER_VIEW = "Nobody's View"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def broken(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the scenes that make_broken.py makes with this Blender."""
    folder = tmp_path_factory.mktemp("broken")
    kit.run(str(HERE / "make_broken.py"), str(folder), OCIO=other_configuration(kit, folder))
    return folder


def other_configuration(kit: Any, folder: Path) -> str:
    """A copy of Blender's own colour configuration, with one view more."""
    script = folder / "where.py"
    script.write_text(
        "import bpy, os, sys\nprint('AT', bpy.utils.system_resource('DATAFILES'))\nsys.stdout.flush()\nos._exit(0)\n"
    )
    line = next(line for line in kit.run(str(script)).splitlines() if line.startswith("AT "))
    shutil.copytree(Path(line[3:]) / "colormanagement", folder / "ocio")
    config = folder / "ocio" / "config.ocio"
    lines = config.read_text().splitlines()
    at = next(i for i, text in enumerate(lines) if "name: Standard," in text and "<View>" in text)
    lines.insert(at, lines[at].replace("Standard", OTHER_VIEW))
    text = "\n".join(lines).replace("active_views: [", f"active_views: [{OTHER_VIEW}, ")
    config.write_text(text)
    return str(config)


@pytest.fixture
def opened(kit: Any, tmp_path: Path) -> Callable[..., Any]:
    """A function that opens a scene and closes it, and returns its facts or raises Failure."""

    async def open_it(blend: Path, **changes: Any) -> Opened:
        warm = await kit.open(kit.scene(blend, tmp_path / "out" / "####", **changes), tmp_path)
        await warm.close()
        return warm.opened

    return open_it


REFUSED = {
    "texture_missing": (Kind.MISSING_FILE, "bricks.png"),
    "tiles_missing": (Kind.MISSING_FILE, "tile.1001.png"),
    "world_missing": (Kind.MISSING_FILE, "sky.png"),
    "compositor_missing": (Kind.MISSING_FILE, "overlay.png"),
    "font_missing": (Kind.MISSING_FILE, "face"),
    "volume_missing": (Kind.MISSING_FILE, "smoke.vdb"),
    "cache_missing": (Kind.MISSING_FILE, "cube.pc2"),
    "library_missing": (Kind.MISSING_LIBRARY, "library.blend"),
    "nodes_missing": (Kind.MISSING_NODES, "Material"),
    "no_camera": (Kind.NO_CAMERA, "Scene"),
    "wants_gpu": (Kind.MISSING_GPU, "--allow-cpu"),
    "script_registered": (Kind.SCRIPTS_BLOCKED, "startup.py"),
    "driver_python": (Kind.SCRIPTS_BLOCKED, "bpy.context"),
    "view_missing": (Kind.MISSING_VIEW, OTHER_VIEW),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_fault_is_refused_by_its_kind_and_named(broken: Path, opened: Any, name: str) -> None:
    """C16: a fault that no retry can mend."""
    kind, word = REFUSED[name]
    with pytest.raises(Failure) as failed:
        await opened(broken / f"{name}.blend")
    assert failed.value.kind == kind
    assert word in failed.value.message


@pytest.mark.parametrize("name", ["texture_of_backdrop", "texture_hidden", "texture_unused", "library_unused"])
async def test_what_the_picture_does_not_need_is_a_warning(broken: Path, opened: Any, name: str) -> None:
    facts = await opened(broken / f"{name}.blend")
    assert "not used" in " ".join(facts.warnings)


@pytest.mark.parametrize("name", ["texture_packed", "driver_harmless"])
async def test_what_is_in_order_gives_no_warning(broken: Path, opened: Any, name: str) -> None:
    assert (await opened(broken / f"{name}.blend")).warnings == ()


@pytest.mark.parametrize("name", ["texture_missing", "library_missing", "nodes_missing"])
async def test_what_is_allowed_to_be_missing_is_a_warning(broken: Path, opened: Any, name: str) -> None:
    facts = await opened(broken / f"{name}.blend", allow=Allow(missing=True))
    assert "allow" in " ".join(facts.warnings)


async def test_an_engine_that_is_not_there_is_named(broken: Path, opened: Any, kit: Any) -> None:
    small = Settings(width=64, height=36)
    with pytest.raises(Failure) as failed:
        await opened(broken / "engine_missing.blend", settings=small)
    assert failed.value.kind == Kind.MISSING_ENGINE
    assert "NOBODY_RENDER" in failed.value.message


async def test_another_engine_may_take_its_place(broken: Path, opened: Any) -> None:
    assert (await opened(broken / "engine_missing.blend")).engine == "CYCLES"


async def test_a_scene_for_a_gpu_renders_on_the_cpu_where_that_is_allowed(broken: Path, opened: Any) -> None:
    facts = await opened(broken / "wants_gpu.blend", allow=Allow(cpu=True))
    assert facts.device == "CPU"
    assert "GPU" in facts.warnings[0]


async def test_a_device_that_is_not_there_is_refused(broken: Path, opened: Any) -> None:
    with pytest.raises(Failure) as failed:
        await opened(broken / "texture_packed.blend", launch=Launch(device="OPTIX"))
    assert failed.value.kind == Kind.MISSING_GPU


@pytest.mark.parametrize("name", ["script_registered", "driver_python"])
async def test_python_of_the_file_runs_where_it_is_asked_for(broken: Path, opened: Any, name: str) -> None:
    await opened(broken / f"{name}.blend", launch=Launch(autoexec=True))


async def test_python_that_was_forbidden_in_so_many_words_is_a_warning(broken: Path, opened: Any) -> None:
    facts = await opened(broken / "script_registered.blend", launch=Launch(autoexec=False))
    assert "startup.py" in facts.warnings[0]


async def test_an_error_in_a_script_of_the_file_ends_it(broken: Path, opened: Any) -> None:
    with pytest.raises(Failure) as failed:
        await opened(broken / "script_broken.blend", launch=Launch(autoexec=True))
    assert failed.value.kind == Kind.PYTHON_ERROR
    assert "line 3" in failed.value.message
    assert "broken on purpose" in failed.value.message


async def test_denoising_is_refused_where_blender_is_built_without(broken: Path, opened: Any, kit: Any) -> None:
    if kit.kind == "bpy":
        assert (await opened(broken / "denoised.blend")).engine == "CYCLES"
        return
    with pytest.raises(Failure) as failed:
        await opened(broken / "denoised.blend")
    assert failed.value.kind == Kind.BAD_SETTING


SETTINGS = {
    "scene": (Settings(scene="Other"), Kind.MISSING_SCENE, '"Scene"'),
    "engine": (Settings(engine="LUXCORE"), Kind.MISSING_ENGINE, "CYCLES"),
    "format": (Settings(format="PNGG"), Kind.UNKNOWN_FORMAT, "OPEN_EXR"),
    "percent": (Settings(percent=0), Kind.BAD_SETTING, "0"),
    "width": (Settings(width=1), Kind.BAD_SETTING, "4 to 65536"),
    "start": (Settings(start=9_999_999), Kind.BAD_SETTING, "1048574"),
    "samples": (Settings(engine="CYCLES", samples=0), Kind.BAD_SETTING, "0"),
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_setting_that_blender_does_not_take_is_refused(broken: Path, opened: Any, name: str) -> None:
    settings, kind, word = SETTINGS[name]
    with pytest.raises(Failure) as failed:
        await opened(broken / "texture_packed.blend", settings=settings)
    assert failed.value.kind == kind
    assert word in failed.value.message


async def test_an_addon_that_is_not_there_is_named(broken: Path, opened: Any) -> None:
    with pytest.raises(Failure) as failed:
        await opened(broken / "texture_packed.blend", launch=Launch(addons=("nobody_s_addon",)))
    assert failed.value.kind == Kind.MISSING_ADDON
    assert "nobody_s_addon" in failed.value.message


async def test_an_addon_that_is_there_is_enabled(broken: Path, opened: Any) -> None:
    check = Script(kind="expr", source="import addon_utils; assert addon_utils.check('node_wrangler')[1]")
    await opened(broken / "texture_packed.blend", launch=Launch(addons=("node_wrangler",)), scripts=(check,))


async def test_an_error_in_a_script_names_file_and_line(broken: Path, opened: Any, tmp_path: Path) -> None:
    script = tmp_path / "Стул é.py"
    script.write_text("import bpy\n\n\nbpy.nothing\n")
    with pytest.raises(Failure) as failed:
        await opened(broken / "texture_packed.blend", scripts=(Script(kind="file", source=str(script)),))
    assert failed.value.kind == Kind.PYTHON_ERROR
    assert f'"{script}", line 4' in failed.value.message


async def test_scripts_run_in_order_each_after_its_settings(broken: Path, opened: Any, tmp_path: Path) -> None:
    note = tmp_path / "note"
    said = "f'{bpy.context.scene.frame_end} {sys.argv[-1]} {__name__};'"
    tell = f"import bpy, sys; open({str(note)!r}, 'a').write({said})"
    scripts = (
        Script(kind="expr", source=tell, before_open=True),
        Script(kind="expr", source=tell, before=Settings(end=7)),
        Script(kind="expr", source=tell, before=Settings(end=9)),
    )
    facts = await opened(
        broken / "texture_packed.blend", scripts=scripts, settings=Settings(end=11), launch=Launch(script_args=("one",))
    )
    assert note.read_text() == "250 one __main__;7 one __main__;9 one __main__;"
    assert facts.frame_end == 11


SHARED = {
    "missing/01_cs_rotate.blend": Kind.MISSING_LIBRARY,
    "missing/01_missing_textures.blend": Kind.MISSING_FILE,
    "missing/corrupt_only_magic.blend": Kind.FILE_UNREADABLE,
    "missing/no_camera_ñønæščii.blend": Kind.NO_CAMERA,
    "newer_than_34.blend": Kind.FILE_NEWER,
    "absent.blend": Kind.FILE_ABSENT,
}


@pytest.mark.parametrize("name", SHARED)
async def test_a_strangers_broken_file_gets_its_kind(scenes: Path, opened: Any, name: str) -> None:
    """C34, and the files of shared/scenes/missing."""
    with pytest.raises(Failure) as failed:
        await opened(scenes / name)
    assert failed.value.kind == SHARED[name]


async def test_a_file_that_would_end_an_older_blender_is_refused_before(scenes: Path, opened: Any, kit: Any) -> None:
    if kit.version < "4":
        with pytest.raises(Failure) as failed:
            await opened(scenes / "instancing.blend")
        assert failed.value.kind == Kind.FILE_NEWER
    else:
        facts = await opened(scenes / "instancing.blend", allow=Allow(missing=True))  # nodes of an engine for games
        assert facts.engine == "CYCLES"


async def test_a_truncated_file_is_unreadable(scenes: Path, opened: Any, tmp_path: Path) -> None:
    whole = (scenes / "animation_actions.blend").read_bytes()
    cut = tmp_path / "cut.blend"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Failure) as failed:
        await opened(cut)
    assert failed.value.kind == Kind.FILE_UNREADABLE


async def test_a_changed_file_is_not_opened(broken: Path, opened: Any) -> None:
    blend = broken / "texture_packed.blend"
    with pytest.raises(Failure) as failed:
        await opened(blend, hashes=((str(blend), "0" * 64),))
    assert failed.value.kind == Kind.SCENE_CHANGED
    assert blend.name in failed.value.message


async def test_a_blender_that_is_gone_is_an_error_of_that_run(kit: Any, broken: Path, tmp_path: Path) -> None:
    """C20."""
    gone = type(kit).__new__(type(kit))
    gone.__dict__.update(kit.__dict__, program=str(tmp_path / "no" / "blender"))
    with pytest.raises(Failure) as failed:
        await gone.open(kit.scene(broken / "texture_packed.blend"), tmp_path)
    assert failed.value.kind == Kind.BLENDER_MISSING
