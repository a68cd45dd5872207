# SPDX-License-Identifier: GPL-3.0-or-later
"""What must come over the network as it was sent."""

import pytest

from tests.net.farm import Farm, pixels, render
from tests.net.hosts import SCENES, Lan, copied

pytestmark = [
    pytest.mark.slow,
    pytest.mark.bpy,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not SCENES.is_dir(), reason="the shared scenes are not here"),
]

SCENE = "animation_movebone.blend"


def test_what_is_no_mapped_path_arrives_byte_for_byte(lan: Lan) -> None:
    """C33: addresses, patterns and code that hold the names of mapped folders are nobody's paths."""
    farm = Farm(lan)
    farm.hub.brender("create", "mapping", "name=shots", "linux=/mnt/shots", "windows=S:\\")
    farm.worker("ash")
    desk = farm.artist("anna")
    copied([SCENE], desk.folder)
    code = r"print('KEPT http://s:80/mnt/shots//a S:\\x\\y //rel/#### s:/ /mnt/shotsX \\\\srv\\d')"
    told = r"KEPT http://s:80/mnt/shots//a S:\x\y //rel/#### s:/ /mnt/shotsX \\srv\d"
    home = desk.folder / "home" / "f_####"
    small = ("-E", "CYCLES", "--size", "64x36", "--samples", "1", "--blender", "bpy", "-o", str(home))
    render(desk, farm, desk.folder / SCENE, *small, "--python-expr", code, "-f", "1")
    assert told in desk.brender("logs", "1", environ=farm.at(desk)).stdout
    assert pixels(home.with_name("f_0001.png"))
