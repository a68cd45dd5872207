# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a worker may take a job's tasks: None, or the reason why not, in words that reach the artist."""

from brender.core.farm import Farm
from brender.core.live import LiveWorker, Needs
from brender.core.nouns import Job, Wish
from brender.core.scene import Blender


def eligible(worker: LiveWorker, job: Job, needs: Needs) -> str | None:
    """None where `worker` may take tasks of `job`, else the first reason why not."""
    return unavailable(worker) or lacks(worker, needs) or refuses(worker, job.id)


def unavailable(worker: LiveWorker) -> str | None:
    """Why the worker takes no work at all now."""
    if worker.record.legacy:
        return "is a client of 2013, which renders nothing"
    if worker.connection is None:
        return "is offline"
    if worker.silent:
        return "is connected, and nothing was heard of it for as long as its lease lasts"
    if worker.record.wish is Wish.DISABLED:
        return "is disabled"
    if worker.record.wish is Wish.DRAINING:
        return "is draining: it finishes what it holds, and takes nothing new"
    if worker.record.paused:
        return "is paused"
    return None


def lacks(worker: LiveWorker, needs: Needs) -> str | None:
    """What the worker would have to have."""
    host = worker.record.host
    if not any(same(found.blender, needs.blender) for found in host.blenders):
        has = ", ".join(str(found.blender) for found in host.blenders) or "none"
        return f"has no {needs.blender}, to which the job is bound (it has {has})"
    if missing := [tag for tag in needs.tags if tag not in worker.tags]:
        return f"lacks the tag {', '.join(missing)}"
    return sealed(worker, needs) or blind(worker, needs)


def sealed(worker: LiveWorker, needs: Needs) -> str | None:
    """Why Python of the job's own does not run there."""
    if needs.forbidden:
        return (
            f"is on a farm that runs no Python of jobs (allow_scripts is off), and the job asks for it ({needs.python})"
        )
    if needs.python and worker.record.host.no_scripts:
        return f"was started with --no-scripts, and the job asks for Python to run ({needs.python})"
    return None


def blind(worker: LiveWorker, needs: Needs) -> str | None:
    """Which files of the job the worker cannot have, as its machine does not see their folder."""
    system = worker.record.host.system
    if needs.folders:
        view = worker.view
        if unseen := [mapping.name for mapping in needs.folders if not view.of(mapping)]:
            return f"sees no folder for the mapping {', '.join(unseen)}, in which the job's files are"
    if needs.system and system and (system == "Windows") != (needs.system == "Windows"):
        return f"runs {system}, and files of the job are in no folder that is mapped for it"
    return None


def same(one: Blender, other: Blender) -> bool:
    """The same program, so that one job's pixels come from one Blender."""
    return (one.kind, one.version, one.build) == (other.kind, other.version, other.build)


def refuses(worker: LiveWorker, job: int) -> str | None:
    """Why a worker that was started for one job leaves this one alone."""
    if worker.only_job in (None, job):
        return None
    return f"was started for job {worker.only_job} alone"


def why(farm: Farm, job: Job) -> list[tuple[str, str | None]]:
    """Every worker's name, and why it does not take the job's tasks; None where it may."""
    needs = farm.needs(job)
    return [(worker.record.name, eligible(worker, job, needs)) for worker in farm.workers.values()]
