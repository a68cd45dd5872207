# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame rendered warm, ten frames and more into a session or after a jump, has the pixels of one rendered cold.

Each scene of make_scenes.py is about one thing that moves; those whose frames depend on the ones before are in
test_warm_simulation.py. The cold ones come from a bare Blender, `blender -b FILE ... -f N`, and a bare bpy.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from brender.core.scene import Launch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ORDER = (*range(1, 12), 17, 4)
COMPARED = (11, 17, 4)

# name -> True where persistent data must be off, as it is in inblender/unsafe.py
SCENES = {
    "adaptive_subdivision": True,
    "armature": False,
    "attributes": False,
    "cameras": False,
    "collections": False,
    "compositing": False,
    "constraints": False,
    "curves": False,
    "displacement": False,
    "drivers": False,
    "driver_python": False,
    "hair": True,
    "instances": False,
    "materials": False,
    "metaballs": False,
    "modifiers": False,
    "motion_blur": False,
    "motion_blur_visibility": False,
    "particles": False,
    "scene_settings": False,
    "shape_keys": False,
    "textures": False,
    "view_layers": False,
    "visibility": False,
    "volume": False,
    "volume_mesh": False,
    "world": False,
}
SHARED = ("animation_movebone", "animation_actions", "animation_instanced", "textures/light_area")


@pytest.mark.parametrize("name", SCENES)
async def test_warm_pixels_are_cold_pixels(
    kit: Any, made: Path, tmp_path: Path, render_all: Any, same_pixels: Any, name: str
) -> None:
    scene = kit.scene(made / f"{name}.blend", tmp_path / "out" / "####", launch=Launch(autoexec=True))
    warm = await kit.open(scene, tmp_path)
    rendered = dict(zip(ORDER, await render_all(warm, ORDER, tmp_path), strict=True))
    await warm.close()
    assert warm.opened.persistent_data != SCENES[name], warm.opened.persistent_reason
    different = {
        frame
        for frame in COMPARED
        if not same_pixels(
            rendered[frame].files[0].temporary, kit.cold(made / f"{name}.blend", tmp_path / "cold", frame, scripts=True)
        )
    }
    assert different == set()


@pytest.mark.parametrize("name", SHARED)
async def test_warm_pixels_are_cold_pixels_in_a_strangers_scene(
    kit: Any, scenes: Path, tmp_path: Path, render_all: Any, same_pixels: Any, name: str
) -> None:
    order = (*range(1, 11), 26, 7)
    warm = await kit.open(kit.scene(scenes / f"{name}.blend", tmp_path / "out" / "####"), tmp_path)
    rendered = dict(zip(order, await render_all(warm, order, tmp_path), strict=True))
    await warm.close()
    for frame in (10, 26, 7):
        cold = kit.cold(scenes / f"{name}.blend", tmp_path / "cold", frame)
        assert same_pixels(rendered[frame].files[0].temporary, cold), frame


async def test_ten_frames_of_a_moving_scene_are_ten_pictures(
    kit: Any, made: Path, tmp_path: Path, render_all: Any, same_pixels: Any
) -> None:
    """C28."""
    warm = await kit.open(kit.scene(made / "armature.blend", tmp_path / "out" / "####"), tmp_path)
    rendered = await render_all(warm, range(1, 11), tmp_path)
    await warm.close()
    files = [each.files[0] for each in rendered]
    assert len({file.final for file in files}) == 10
    pairs = [(a, b) for i, a in enumerate(files) for b in files[:i]]
    assert not any(same_pixels(a.temporary, b.temporary) for a, b in pairs)


def test_every_unsafe_entry_has_a_scene_that_proves_it() -> None:
    source = (Path(__file__).parents[2] / "src/brender/inblender/unsafe.py").read_text()
    assert len(re.findall(r'^        "no persistent data",$', source, re.MULTILINE)) == sum(SCENES.values())
