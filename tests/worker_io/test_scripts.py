# SPDX-License-Identifier: GPL-3.0-or-later
"""Python of a job runs where the job asks for it, the farm allows it, and the worker does."""

from typing import Any

import pytest
from msgspec.structs import replace

from brender.core import commands as c
from brender.core.frames import FrameSet
from brender.core.nouns import Job, Step, StepKind
from brender.core.scene import Launch, Scene, Script
from brender.manager.why import of_live
from brender.scheduler.eligible import eligible
from brender.worker.blender import command
from brender.worker.limits import Limits
from tests.farm_builder import BLENDER, World, host

ASKING = {
    "-y": {"launch": Launch(autoexec=True)},
    "-P": {"scripts": (Script(kind="file", source="/s/a.py"),)},
    "--python-expr": {"scripts": (Script(kind="expr", source="1"),)},
    "--python-text": {"scripts": (Script(kind="text", source="a"),)},
}


def submit(world: World, **of_scene: Any) -> Job:
    step = Step(name="render", kind=StepKind.FRAMES, frames=FrameSet.parse("1-3"))
    scene = Scene(blend="/s/a.blend", blender=BLENDER, **of_scene)
    id_ = world.new_id()
    return world.do(  # type: ignore[no-any-return]
        c.SubmitJob(request_id=id_, name="a", owner="", scene=scene, steps=(step,), outputs=f"/out/{id_}_####")
    )


def allow(world: World, value: bool) -> None:
    world.do(c.SetAttributes(kind="setting", keys=("allow_scripts",), values={"value": value}))


@pytest.mark.parametrize("option", ASKING)
def test_a_farm_that_allows_no_python_refuses_the_job_by_its_option(option: str) -> None:
    world = World()
    assert submit(world, **ASKING[option]).scene.python == option
    allow(world, False)
    with pytest.raises(c.Refusal, match=f"{option} asks for it.*allow_scripts"):
        submit(world, **ASKING[option])


def test_on_a_farm_that_allows_no_python_preferences_of_a_worker_have_no_say() -> None:
    world = World()
    assert not submit(world).scene.launch.sealed
    allow(world, False)
    scene = submit(world).scene
    assert scene.launch.sealed
    assert "-Y" in command(scene, "/usr/bin/blender")


def test_a_job_from_before_waits_until_python_is_allowed_again() -> None:
    world = World()
    allow(world, True)
    job = submit(world, **ASKING["-P"])
    allow(world, False)
    worker = world.join("w")
    assert not world.take(worker)
    reason = eligible(world.farm.workers[worker], job, world.farm.needs(job))
    assert reason is not None
    assert "allow_scripts is off" in reason
    assert any("allow_scripts is off" in each for each in of_live(world.farm, job).sentences)
    allow(world, True)
    assert world.take(worker)


def test_a_worker_without_scripts_takes_the_others_jobs_alone() -> None:
    world = World()
    job, plain = submit(world, **ASKING["-y"]), submit(world)
    worker = world.join("w", host=replace(host(), no_scripts=True))
    live = world.farm.workers[worker]
    reason = eligible(live, job, world.farm.needs(job))
    assert reason is not None
    assert "--no-scripts" in reason
    assert eligible(live, plain, world.farm.needs(plain)) is None


def test_a_worker_without_scripts_lets_none_run_whatever_it_is_told() -> None:
    scene = Scene(blend="/s/a.blend", blender=BLENDER, launch=Launch(autoexec=True))
    sealed = Limits(no_scripts=True).sealed(scene)
    assert "-Y" in command(sealed, "/usr/bin/blender")
    assert "-y" not in command(sealed, "/usr/bin/blender")
