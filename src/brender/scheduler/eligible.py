# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a worker may take a job's tasks: None, or the reason why not, in words that reach the artist."""

from brender.core.farm import Farm, LiveWorker, Needs
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
