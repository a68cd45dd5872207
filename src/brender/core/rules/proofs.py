# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether warm frames are right is proven once for a scene's content: who is to find it out, and what follows.

A verdict is kept for good, and counts for every job of that content. An unequal one is never taken back by an equal
one: what differed once may differ again.
"""

from msgspec.structs import replace

from brender.core import messages as m
from brender.core.changes import Changes, Proving
from brender.core.failures import Kind
from brender.core.farm import Farm
from brender.core.live import LiveStep, Now
from brender.core.nouns import StepKind, Verdict
from brender.core.rules.jobs import recalls
from brender.core.verdicts import proven

FROM_TASKS = 50  # where a job is shorter, rendering a frame twice costs more than it is worth


def wanted(farm: Farm, worker: str, step: LiveStep) -> Proving | None:
    """What this worker is to prove while it renders the step; None where nothing, or another one does."""
    if step.spec.kind is not StepKind.FRAMES or step.spec.tasks < FROM_TASKS:
        return None
    content = farm.contents[step.job]
    if content in farm.verdicts or _is_proven_elsewhere(farm, worker, content):
        return None
    return Proving(content=content, worker=worker)


def _is_proven_elsewhere(farm: Farm, worker: str, content: str) -> bool:
    """Another worker was asked, and is still there and in a step of that content."""
    asked = farm.workers.get(farm.proving.get(content, worker))
    if asked is None or asked.record.id == worker or asked.connection is None or asked.step is None:
        return False
    return farm.contents.get(asked.step[0]) == content


def is_cold(farm: Farm, job: int) -> bool:
    """Whether the job's content is known to render otherwise when it is warm."""
    verdict = farm.verdicts.get(farm.contents[job])
    return verdict is not None and not verdict.equal


def take(farm: Farm, worker: str, report: m.Proved, now: Now) -> Changes:
    """Keep the verdict, whatever became of the run and the job; a job that lives pauses where it is unequal."""
    ack = m.Ack(report=report.id)
    known = farm.verdicts.get(report.content)
    if known is not None and (report.equal or not known.equal):
        return Changes(answer=ack)
    found = {field: getattr(report, field) for field in Verdict.__struct_fields__ if hasattr(report, field)}
    verdict = Verdict(worker=worker, at=now.wall, **found)
    changes = Changes([verdict], answer=ack)
    job = farm.jobs.get(report.job)
    if not report.equal and job is not None and job.kind is None:
        message = f"{proven(verdict)} {_WHAT_TO_DO.format(job=job.id)}"
        changes.rows.append(replace(job, pause=True, message=message, kind=Kind.WARM_DIFFERS))
        changes.effects += recalls(farm.runs_of(job.id))
    return changes


_WHAT_TO_DO = (
    "`brender resume {job}` renders the rest cold, each frame in a Blender started anew. To have all frames so, "
    "cancel the job and submit it again: from now on its scene is rendered cold."
)
