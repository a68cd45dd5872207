# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that share nothing but a network: one decides, others render, and from a third the scenes come.

What is set up here is set up by the very commands of docs/operators.md and docs/artists.md.
"""

import shutil
import signal
import unicodedata
from pathlib import Path

import pytest

from tests.net.farm import Farm, pixels, render, until
from tests.net.hosts import SCENES, Host, Lan, copied

pytestmark = [
    pytest.mark.slow,
    pytest.mark.bpy,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not SCENES.is_dir(), reason="the shared scenes are not here"),
]

# the linked scene has nodes of a renderer that is nowhere
SMALL = ("-E", "CYCLES", "--size", "64x36", "--samples", "1", "--blender", "bpy", "--allow-missing")
LINKED = "linked/01 - basic linking.blend"


@pytest.fixture
def farm(lan: Lan) -> Farm:
    return Farm(lan)


def _locally(host: Host, blend: Path, into: str, *arguments: str) -> list[bytes]:
    """The same frames, rendered by this machine alone."""
    folder = host.folder / into
    host.brender("render", blend, *SMALL, "-o", folder / "f_####", *arguments, timeout=280)
    return [pixels(path) for path in sorted(folder.iterdir())]


def test_scenes_of_every_kind_are_rendered_by_a_machine_that_shares_nothing(farm: Farm) -> None:
    """C31, C32: a linked scene, one with textures, and names with spaces, quotes and letters outside ASCII."""
    farm.worker("ash")
    desk = farm.artist("anna")
    copied(["linked", "textures", "animation_movebone.blend"], desk.folder)
    named = desk.folder / unicodedata.normalize("NFD", "c'd Стул é 日本") / "Стул é 日本.blend"
    named.parent.mkdir()
    shutil.copy2(desk.folder / "animation_movebone.blend", named)
    for index, blend in enumerate((desk.folder / LINKED, desk.folder / "textures/light_area.blend", named)):
        home = desk.folder / f"home {index}"
        said = render(desk, farm, blend, *SMALL, "-o", str(home / "f_####"), "-s", "1", "-e", "2", "-a")
        assert str(home) in said
        assert [path.name for path in sorted(home.iterdir())] == ["f_0001.png", "f_0002.png"]
        alone = _locally(desk, blend, f"alone {index}", "-s", "1", "-e", "2", "-a")
        assert [pixels(path) for path in sorted(home.iterdir())] == alone


def test_what_was_sent_is_sent_once_and_what_was_submitted_stays(farm: Farm) -> None:
    """The source is deleted after the submit; a second job of the same files sends and fetches nothing."""
    ash = farm.worker("ash")
    desk = farm.artist("anna")
    copied(["linked"], desk.folder)
    farm.hub.brender("pause", "ash")
    first = int(
        desk.brender("render", desk.folder / LINKED, *SMALL, "-f", "1", "--detach", environ=farm.at(desk)).stdout
    )
    second = int(
        desk.brender("render", desk.folder / LINKED, *SMALL, "-f", "2", "--detach", environ=farm.at(desk)).stdout
    )
    content = list((farm.hub.data / "storage/content").rglob("?" * 64))
    assert len(content) == len({path.name for path in content})
    shutil.rmtree(desk.folder / "linked")
    farm.hub.brender("resume", "ash")
    until(lambda: [farm.job(number)["state"] for number in (first, second)] == ["completed", "completed"])
    cached = [path for path in ash.folder.rglob("?" * 64) if path.is_file()]
    assert {path.name for path in cached} == {path.name for path in content}
    desk.brender("fetch", str(first), "--to", desk.folder / "got", environ=farm.at(desk))
    (got,) = (desk.folder / "got").rglob("*.png")
    assert pixels(got)


def test_a_manager_that_is_killed_and_a_worker_that_is_cut_off_lose_nothing(farm: Farm) -> None:
    """C01, C03, C07: the runs are adopted, each frame is rendered once, and its report comes in the end."""
    ash = farm.worker("ash")
    desk = farm.artist("anna")
    copied(["animation_movebone.blend"], desk.folder)
    blend = desk.folder / "animation_movebone.blend"
    job = int(
        desk.brender(
            "render", blend, "-E", "CYCLES", "--size", "640x360", "--samples", "24", "--blender", "bpy",
            "-s", "1", "-e", "4", "-a", "--detach", environ=farm.at(desk),
        ).stdout
    )  # fmt: skip
    until(lambda: farm.job(job)["runs"])
    farm.hub.kill(signal.SIGKILL)
    ash.cut()
    farm.start_manager()
    assert farm.job(job)["runs"], "the run is kept for its worker"
    ash.mend()
    until(lambda: farm.job(job)["state"] == "completed", 200)
    view = farm.job(job)
    assert (view["errors"], view["failure_count"]) == (0, 0)
    frames = farm.hub.brender("get", "task", f"job={job}", "--json").stdout
    assert '"losses":0' in frames.replace(" ", "")
    desk.brender("fetch", str(job), "--to", desk.folder / "got", environ=farm.at(desk))
    assert len({pixels(path) for path in (desk.folder / "got").rglob("*.png")}) == 4
