# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes too late over the network disturbs nobody."""

import pytest

from tests.net.farm import Farm, pixels, render, until
from tests.net.hosts import SCENES, Lan, copied

pytestmark = [
    pytest.mark.slow,
    pytest.mark.bpy,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not SCENES.is_dir(), reason="the shared scenes are not here"),
]

SCENE = "animation_movebone.blend"


def test_a_worker_that_was_cut_off_for_too_long_does_not_disturb_the_one_that_has_its_frame(lan: Lan) -> None:
    """C01, C02: its run is lost with its lease; its late report stops nothing, and its file is not published."""
    farm = Farm(lan)
    workers = {name: farm.worker(name) for name in ("ash", "oak")}
    desk = farm.artist("anna")
    copied([SCENE], desk.folder)
    farm.hub.brender("set", "setting", "lease_s", "value=5")
    long = ("-E", "CYCLES", "--size", "960x540", "--samples", "40", "--blender", "bpy", "-f", "1", "--detach")
    job = int(render(desk, farm, desk.folder / SCENE, *long))
    first = until(lambda: [run["worker"] for run in farm.job(job)["runs"]])[0]
    workers[first].cut()
    (second,) = set(workers) - {first}
    (taken,) = until(lambda: [run for run in farm.job(job)["runs"] if run["worker"] == second])
    workers[first].mend()
    until(lambda: farm.job(job)["state"] == "completed", 200)
    assert farm.job(job)["failure_count"] == 0
    shown = farm.hub.brender("get", "task", f"job={job}", "--json").stdout.replace(" ", "")
    assert f'"losses":1,\n"run":"{taken["run"]}"' in shown
    desk.brender("fetch", str(job), "--to", desk.folder / "got", environ=farm.at(desk))
    (got,) = (desk.folder / "got").rglob("*.png")
    assert pixels(got)
    until(lambda: farm.worker_view(first)["connection"] == "online")
    until(lambda: not farm.worker_view(first)["runs"])
