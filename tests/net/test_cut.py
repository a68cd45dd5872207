# SPDX-License-Identifier: GPL-3.0-or-later
"""The cable is pulled for a minute in the middle of an upload, of a frame, and of a download, all at once."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.net.farm import Farm, pixels, render, until
from tests.net.hosts import SCENES, Host, Lan, copied

pytestmark = [
    pytest.mark.slow,
    pytest.mark.bpy,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not SCENES.is_dir(), reason="the shared scenes are not here"),
]

CUT_S = 60.0
MEGABITS = 60  # so that what is tens of megabytes takes seconds
WASTE_MB = 40  # the largest piece of a transfer that is sent again: one request's

BIG = """
import bpy, random, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
scene.collection.objects.link(scene.camera)
mesh = bpy.data.meshes.new("noise")
mesh.vertices.add(3_000_000)
values = random.Random(1)
mesh.vertices.foreach_set("co", [values.random() for _ in range(9_000_000)])
scene.collection.objects.link(bpy.data.objects.new("noise", mesh))
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
"""


def _received(host: Host) -> int:
    """Bytes that have come in from the network so far."""
    shown = subprocess.run(
        host.command("cat", "/sys/class/net/eth0/statistics/rx_bytes"), capture_output=True, text=True
    )
    return int(shown.stdout)


def _size(folder: Path, pattern: str) -> int:
    sizes = []
    for path in folder.rglob(pattern):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:
            continue
    return max(sizes, default=0)


def test_a_minute_without_network_costs_nothing_but_the_minute(lan: Lan) -> None:
    """C03, C07: nothing is lost, and nothing is sent twice beyond a piece."""
    farm = Farm(lan)
    ash = farm.worker("ash")
    giver, taker, waiter = (farm.artist(name) for name in ("anna", "bert", "cleo"))
    big = giver.folder / "big.blend"
    subprocess.run([sys.executable, "-c", BIG, str(big)], check=True, capture_output=True, timeout=200)
    copied(["animation_movebone.blend"], taker.folder)
    copied(["animation_movebone.blend"], waiter.folder)

    # a large frame to download, and a long one to render
    large = ("-E", "CYCLES", "--size", "2600x1800", "--samples", "1", "-F", "OPEN_EXR", "--blender", "bpy")
    done = int(render(taker, farm, taker.folder / "animation_movebone.blend", *large, "-f", "1", "--detach"))
    until(lambda: farm.job(done)["state"] == "completed", 200)
    slow = ("-E", "CYCLES", "--size", "960x540", "--samples", "64", "--blender", "bpy")
    waiting = int(render(waiter, farm, waiter.folder / "animation_movebone.blend", *slow, "-f", "1", "--detach"))
    until(lambda: farm.job(waiting)["runs"])

    for host in (giver, taker):
        host.slow_down(MEGABITS)
    before = _received(farm.hub), _received(taker)
    sending = giver.start("render", big, "--blender", "bpy", "-f", "1", "--detach", environ=farm.at(giver))
    fetching = taker.start("fetch", str(done), "--to", taker.folder / "got", environ=farm.at(taker))
    until(lambda: _size(farm.hub.data / "incoming", "*") > 2**20)
    until(lambda: _size(taker.folder / "got", "*") > 2**20)
    assert sending.poll() is None
    assert fetching.poll() is None
    for host in (giver, taker, ash):
        host.cut()
    time.sleep(CUT_S)
    for host in (giver, taker, ash):
        host.mend()
    assert sending.wait(200) == 0, giver.said()
    assert fetching.wait(200) == 0, taker.said()
    until(lambda: farm.job(waiting)["state"] == "completed", 200)

    assert re.search(r"^\d+$", giver.said(), re.MULTILINE), "the job was submitted"
    (got,) = (taker.folder / "got").rglob("*.exr")
    assert pixels(got)
    assert farm.job(waiting)["failure_count"] == 0
    sent, size = _received(farm.hub) - before[0], big.stat().st_size
    assert sent < 1.15 * size + WASTE_MB * 2**20
    fetched = _received(taker) - before[1]
    assert fetched < 1.15 * got.stat().st_size + WASTE_MB * 2**20
