# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared folders in the farm: each worker is told its own paths, and the farm keeps those of the manager (C33)."""

from typing import Any

import pytest
from msgspec.structs import replace

from brender.core import commands as c
from brender.core import messages as m
from brender.core.changes import Publish
from brender.core.failures import Kind
from brender.core.frames import FrameSet
from brender.core.kinds import KINDS
from brender.core.nouns import JobState, Run, RunState, Step, StepKind, TaskState
from brender.core.scene import Scene, Script, Settings
from brender.scheduler.eligible import eligible
from tests.farm_builder import BLENDER, World, host

SCENE = Scene(
    blend="/mnt/show/a.blend",
    blender=BLENDER,
    scripts=(
        Script(kind="file", source="/mnt/show/s.py", before=Settings(output="/mnt/show/x_")),
        Script(kind="expr", source="/mnt/show/is.code"),
    ),
    settings=Settings(output="/mnt/show/out/####"),
    hashes=(("/mnt/show/a.blend", "ab"), ("/mnt/show/lib/b.blend", "cd")),
)


@pytest.fixture
def world() -> World:
    """A farm with one mapping: /mnt/show is P:\\show on Windows, and nothing on a Mac."""
    world = World()
    create(world, "mapping", name="show", linux="/mnt/show", windows="P:\\show")
    return world


def create(world: World, kind: str, **values: Any) -> Any:
    return world.do(c.CreateObject(kind=kind, values=KINDS[kind].checked(values, creating=True)))


def put(world: World, kind: str, *keys: str, **values: Any) -> Any:
    return world.do(c.SetAttributes(kind=kind, keys=keys, values=KINDS[kind].checked(values)))


def worker_on(world: World, system: str, name: str = "w") -> str:
    return world.join(name, host=replace(host(BLENDER), system=system))


def submitted(world: World, scene: Scene = SCENE, outputs: str = "/mnt/show/out/####.png") -> Any:
    step = Step(name="render", kind=StepKind.FRAMES, frames=FrameSet.parse("1-10"))
    given = {"name": "a", "owner": "", "scene": scene, "steps": (step,), "outputs": outputs}
    return world.do(c.SubmitJob(request_id=world.new_id(), **given))


def given(world: World, worker: str, job: Any) -> tuple[Run, Scene]:
    """A frame that is given to a worker, and the scene as it is told."""
    (run,) = world.give(worker, job, 0)
    return run, world.told(m.Assign)[-1].scene


def rendered(world: World, run: Run, *files: tuple[str, str]) -> Run:
    """The run, after its worker has reported these files: temporary, final."""
    made = tuple(m.File(temporary=temporary, final=final, size=1, sha256="ab") for temporary, final in files)
    report = m.Rendered(id=f"of {run.id}", run=run.id, result=m.Result(files=made, render_s=1.0))
    ack = world.do(c.TakeReport(worker=run.worker, report=report))
    assert ack == m.Ack(report=report.id)
    rows = [row for row in world.rows if isinstance(row, Run) and row.id == run.id]
    return rows[-1]


# --- what a worker is told


def test_a_worker_of_another_system_is_told_its_own_paths(world: World) -> None:
    job = submitted(world)
    _, scene = given(world, worker_on(world, "Windows"), job)
    assert scene.blend == "P:\\show\\a.blend"
    assert scene.hashes == (("P:\\show\\a.blend", "ab"), ("P:\\show\\lib\\b.blend", "cd"))
    assert scene.settings.output == "P:\\show\\out\\####"
    assert [s.source for s in scene.scripts] == ["P:\\show\\s.py", "/mnt/show/is.code"]
    assert scene.scripts[0].before.output == "P:\\show\\x_"
    assert world.farm.jobs[job.id].scene is job.scene


def test_a_worker_may_have_the_folder_elsewhere(world: World) -> None:
    worker, job = worker_on(world, "Linux"), submitted(world)
    put(world, "worker", worker, mappings="show=/srv/my show")
    assert given(world, worker, job)[1].blend == "/srv/my show/a.blend"


def test_where_a_worker_sees_what_the_manager_sees_the_very_same_scene_is_sent(world: World) -> None:
    job = submitted(world)
    assert given(world, worker_on(world, "Linux"), job)[1] is world.farm.jobs[job.id].scene


@pytest.mark.parametrize("output", ["//out/####", None])
def test_an_output_beside_the_blend_stays_so(world: World, output: str | None) -> None:
    scene = Scene(blend="/mnt/show/a.blend", blender=BLENDER, settings=Settings(output=output))
    assert given(world, worker_on(world, "Windows"), submitted(world, scene))[1].settings.output == output


def test_the_scene_of_a_carried_job_is_nobodys_path(world: World) -> None:
    scene = Scene(blend="mnt/show/a.blend", blender=BLENDER, manifest="ab" * 32)
    job = submitted(world, scene, outputs="output/{job}/####.png")
    assert given(world, worker_on(world, "Windows"), job)[1] is world.farm.jobs[job.id].scene


# --- what it reports


def test_the_files_of_a_frame_are_published_as_the_manager_has_them(world: World) -> None:
    run, _ = given(world, worker_on(world, "Windows"), submitted(world))
    out = "P:\\show\\out\\"
    after = rendered(world, run, (f"{out}.brender-{run.id}\\0001.png", f"{out}0001.png"))
    assert after.result is not None
    (file,) = after.result.files
    assert (file.temporary, file.final) == (f"/mnt/show/out/.brender-{run.id}/0001.png", "/mnt/show/out/0001.png")
    assert [effect.run for effect in world.effects if isinstance(effect, Publish)] == [after]


def test_files_of_a_worker_with_the_managers_view_are_not_touched(world: World) -> None:
    run, _ = given(world, worker_on(world, "Linux"), submitted(world))
    after = rendered(world, run, ("/elsewhere//x/0001.png", "/mnt/show//out/0001.png"))
    assert after.result is not None
    assert after.result.files[0].final == "/mnt/show//out/0001.png"


@pytest.mark.parametrize("final", ["C:\\out\\0001.png", "/mnt/show/out/0001.png", "P:\\showreel\\0001.png"])
def test_a_file_that_the_manager_cannot_have_is_a_failure_that_says_so(world: World, final: str) -> None:
    run, _ = given(world, worker_on(world, "Windows"), submitted(world))
    after = rendered(world, run, (final, final))
    assert (after.state, after.kind) == (RunState.FAILED, Kind.WORKER_ERROR)
    assert f"Worker w rendered {final}, which is in no shared folder that the manager has too." in after.message
    assert not [effect for effect in world.effects if isinstance(effect, Publish)]


def test_an_output_that_nobody_has_mapped_is_known_by_one_name_to_machines_of_one_kind(world: World) -> None:
    worker = worker_on(world, "Linux")
    put(world, "worker", worker, mappings="show=/srv/show")
    scene = Scene(blend="/mnt/show/a.blend", blender=BLENDER, settings=Settings(output="/render/####"))
    job = submitted(world, scene, outputs="/render/####.png")
    run, _ = given(world, worker, job)
    after = rendered(world, run, (f"/render/.brender-{run.id}/0001.png", "/render/0001.png"))
    assert after.state is RunState.RENDERED
    (other,) = world.give(worker, job, 1)
    assert rendered(world, other, ("/tmp/x", "/tmp/0002.png")).state is RunState.FAILED


# --- who may take it


def reason(world: World, worker: str, job: Any) -> str | None:
    job = world.farm.jobs[job.id]
    return eligible(world.farm.workers[worker], job, world.farm.needs(job))


def test_a_worker_that_does_not_see_the_folder_takes_nothing_of_it_and_says_so(world: World) -> None:
    job = submitted(world)
    mac = worker_on(world, "Darwin", "mac")
    assert reason(world, mac, job) == "sees no folder for the mapping show, in which the job's files are"
    assert world.plan(mac).step is None
    put(world, "mapping", "show", macos="/Volumes/show")
    assert reason(world, mac, job) is None
    assert world.plan(mac).step == (job.id, 0)
    put(world, "mapping", "show", macos="")
    put(world, "worker", mac, mappings="show=/Users/ada/show")
    assert reason(world, mac, job) is None


def test_a_scene_in_no_mapped_folder_is_for_machines_of_the_managers_kind(world: World) -> None:
    job = submitted(world, Scene(blend="/home/ada/a.blend", blender=BLENDER))
    windows, linux = worker_on(world, "Windows", "windows"), worker_on(world, "Linux", "linux")
    assert reason(world, windows, job) == "runs Windows, and files of the job are in no folder that is mapped for it"
    assert reason(world, linux, job) is None
    create(world, "mapping", name="home", linux="/home/ada", windows="H:")
    assert reason(world, windows, job) is None
    assert world.plan(windows).step == (job.id, 0)


def test_a_carried_job_is_for_everybody(world: World) -> None:
    job = submitted(world, Scene(blend="a.blend", blender=BLENDER, manifest="ab"), outputs="output/1/####.png")
    assert reason(world, worker_on(world, "Windows"), job) is None


# --- the objects


def test_a_folder_is_one_mappings(world: World) -> None:
    for values in ({"linux": "/mnt/show/"}, {"windows": "p:/SHOW"}):
        with pytest.raises(c.Refusal, match="is that of the mapping show already"):
            create(world, "mapping", name="other", **values)
    create(world, "mapping", name="other", linux="/mnt/show/assets")
    with pytest.raises(c.Refusal, match="is that of the mapping show already"):
        put(world, "mapping", "other", linux="/mnt/show")
    with pytest.raises(c.Refusal, match="There is a mapping show already: set its folders"):
        create(world, "mapping", name="show")


def test_a_mapping_in_which_a_job_is_stays_until_the_job_has_ended(world: World) -> None:
    job = submitted(world)
    assert KINDS["mapping"].show(world.farm, world.farm.mappings["show"])["jobs"] == 1
    with pytest.raises(c.Refusal, match=f"The mapping show is in use by job {job.id}"):
        world.do(c.DeleteObjects(kind="mapping", keys=("show",)))
    world.do(c.CancelJob(job=job.id))
    world.do(c.DeleteObjects(kind="mapping", keys=("show",)))
    assert world.farm.mappings == {}
    with pytest.raises(c.Refusal, match="There is no mapping show"):
        world.do(c.DeleteObjects(kind="mapping", keys=("show",)))


def test_a_workers_folder_is_one_of_a_mapping(world: World) -> None:
    worker = worker_on(world, "Linux")
    with pytest.raises(c.Refusal, match="There is no mapping shoe: create it first"):
        put(world, "worker", worker, mappings="shoe=/x")
    with pytest.raises(c.Refusal, match="There is no mapping shoe"):
        create(world, "worker", name="new", mappings="shoe=/x")
    for text, why in (("show", "each is NAME=PATH"), ("show=x", "is an absolute path"), ("show=", "absolute path")):
        with pytest.raises(ValueError, match=why):
            put(world, "worker", worker, mappings=text)
    assert create(world, "worker", name="new", mappings="show=Q:\\my show").mappings == ("show=Q:\\my show",)


def test_the_whole_job_goes_well_on_a_worker_of_another_system(world: World) -> None:
    job = submitted(world)
    worker = worker_on(world, "Windows")
    for index in range(10):
        (run,) = world.give(worker, job, index)
        rendered(world, run, (f"P:\\show\\out\\.{run.id}\\x.png", f"P:\\show\\out\\{index}.png"))
        world.do(c.Published(run=run.id))
    assert world.job(job).state is JobState.COMPLETED
    assert world.job(job).counts[TaskState.SUCCEEDED] == 10
