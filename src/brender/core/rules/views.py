# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes to a worker and comes from it, in the paths of its machine; the farm knows those of the manager's alone."""

from msgspec.structs import replace

from brender.core import messages as m
from brender.core import names
from brender.core.farm import Farm
from brender.core.manifest import SHA256
from brender.core.nouns import Job, Run
from brender.core.pathmap import shared_folder
from brender.core.scene import Scene
from brender.core.seen import lost, moved_file, moved_scene, mover


class OutOfSightError(Exception):
    """A file that the manager cannot have; the message says which and why."""


def scene_for(farm: Farm, worker: str, job: Job) -> Scene:
    """The job's scene as the worker has it: the very same one, where both have it alike."""
    if not farm.mappings:
        return job.scene
    return moved_scene(job.scene, mover(farm.view, farm.workers[worker].view, farm.mappings.values()))


def result_of(farm: Farm, run: Run, result: m.Result) -> m.Result:
    """What a worker rendered, as the manager has it. Raises OutOfSightError."""
    job, worker = farm.jobs[run.job], farm.workers[run.worker]
    here, there = worker.view, farm.view
    if job.carried:
        return _carried(result)
    if here.windows == there.windows and scene_for(farm, run.worker, job) is job.scene:
        return result
    mappings = farm.mappings.values()
    unmapped = here.windows == there.windows and shared_folder(job.outputs, there, mappings) is None
    if path := lost(result.files, here, there, mappings, (_folder(job.outputs),) if unmapped else ()):
        raise OutOfSightError(
            f"Worker {worker.record.name} rendered {path}, which is in no shared folder that the manager has too. "
            "Render into a mapped folder, or map this one (`brender create mapping`)."
        )
    move = mover(here, there, mappings)
    return replace(result, files=tuple(moved_file(file, move) for file in result.files))


def _carried(result: m.Result) -> m.Result:
    """What was brought, under names that every system has, and none of which leaves the job's folder."""
    for file in result.files:
        if reason := names.refusal(file.final):
            raise OutOfSightError(f"The frame has a file called {file.final!r}: {reason}.")
        if not SHA256.fullmatch(file.sha256):
            raise OutOfSightError(f"The file {file.final} was reported without a SHA-256.")
    if len({names.twin(file.final) for file in result.files}) < len(result.files):
        raise OutOfSightError("Two files of the frame have names that some systems take for one.")
    return result


def _folder(outputs: str) -> str:
    """The folder of the final names, with the slash behind it."""
    return outputs[: max(outputs.rfind("/"), outputs.rfind("\\")) + 1] or "/"


def proof_of(farm: Farm, worker: str, report: m.Proved) -> m.Proved:
    """A proof of the content as the farm calls it: a worker that has scripts elsewhere calls it otherwise."""
    job = farm.jobs.get(report.job)
    if job is None or worker not in farm.workers or scene_for(farm, worker, job) is job.scene:
        return report
    return replace(report, content=farm.contents[job.id])
