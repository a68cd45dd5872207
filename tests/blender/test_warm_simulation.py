# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulation that is not baked is stepped from its start: in any order its frames are those of the baked one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from brender.core.failures import Kind
from brender.core.scene import Settings
from brender.worker.blender import Failure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# what an artist does to see the frames as they will be: bake, or step through all frames, in a bare Blender
TRUTH = """
import bpy, os, sys
blend, folder, frames, how = sys.argv[-4:]
bpy.ops.wm.open_mainfile(filepath=blend, load_ui=True)
scene = bpy.context.scene
scene.cycles.samples = 2
for thing in bpy.data.objects:
    thing.hide_viewport = False
    for modifier in thing.modifiers:
        if hasattr(modifier, "render_levels") and modifier.levels != modifier.render_levels:
            modifier.levels = modifier.render_levels
if how == "bake":
    bpy.ops.ptcache.bake_all(bake=True)
for frame in map(int, frames.split(",")):
    for step in range(scene.frame_start if how == "step" else frame, frame + 1):
        scene.frame_set(step)
    scene.render.filepath = os.path.join(folder, f"{frame:04}.png")
    bpy.ops.render.render(write_still=True)
sys.stdout.flush()
os._exit(0)
"""

SIMULATED = {
    "cloth": "bake",
    "cloth_levels": "bake",
    "soft_body": "bake",
    "rigid_body": "bake",
    "falling": "bake",
    "dynamic_paint": "bake",
    "simulation_zone": "step",
}


@pytest.fixture
def truth(kit: Any, made: Path, tmp_path: Path) -> Any:
    """A function that renders the frames of a scene as an artist sees them."""

    def pictures(name: str, frames: Sequence[int]) -> dict[int, Path]:
        script = tmp_path / "truth.py"
        script.write_text(TRUTH)
        folder = tmp_path / "truth"
        kit.run(str(script), str(made / f"{name}.blend"), str(folder), ",".join(map(str, frames)), SIMULATED[name])
        return {frame: folder / f"{frame:04}.png" for frame in frames}

    return pictures


@pytest.mark.parametrize("order", [(6, 7, 17), (17, 6)], ids=["forward", "back"])
@pytest.mark.parametrize("name", SIMULATED)
async def test_frames_are_what_the_artist_saw(
    kit: Any,
    made: Path,
    tmp_path: Path,
    render_all: Any,
    same_pixels: Any,
    truth: Any,
    name: str,
    order: tuple[int, ...],
) -> None:
    blend = made / f"{name}.blend"
    if not blend.exists():
        pytest.skip("this Blender has no such simulation")
    warm = await kit.open(kit.scene(blend, tmp_path / "out" / "####"), tmp_path)
    assert warm.opened.simulation
    rendered = dict(zip(order, await render_all(warm, order, tmp_path), strict=True))
    await warm.close()
    pictures = truth(name, (6, 17))
    for frame in (6, 17):
        assert same_pixels(rendered[frame].files[0].temporary, pictures[frame]), frame


async def test_a_later_start_does_not_start_a_node_simulation_later(
    kit: Any, made: Path, tmp_path: Path, render_all: Any, same_pixels: Any, truth: Any
) -> None:
    blend = made / "simulation_zone.blend"
    if not blend.exists():
        pytest.skip("this Blender has no such simulation")
    settings = Settings(samples=2, start=15, format="PNG")
    warm = await kit.open(kit.scene(blend, tmp_path / "out" / "####", settings=settings), tmp_path)
    (rendered,) = await render_all(warm, (17,), tmp_path)
    await warm.close()
    assert warm.opened.frame_start == 15
    assert same_pixels(rendered.files[0].temporary, truth("simulation_zone", (17,))[17])


@pytest.mark.parametrize("name", ["fluid", "hair_dynamics"])
async def test_what_cannot_be_stepped_is_refused_until_it_is_baked(
    kit: Any, made: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(Failure) as failed:
        await kit.open(kit.scene(made / f"{name}.blend", tmp_path / "####"), tmp_path)
    assert failed.value.kind == Kind.SIMULATION_UNBAKED
    assert "Bake" in failed.value.message
