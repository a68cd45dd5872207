# SPDX-License-Identifier: GPL-3.0-or-later
"""What one worker should do next: tasks to take, or runs to ask back from others. Proposes; changes nothing.

Warm first: a worker stays in the step whose scene it has open, unless something of higher priority waits.
A worker holds what it renders and about `AHEAD_S` of queued work, so that no frame waits for the manager.
Cost: the number of different needs and of users, not of jobs or tasks.
"""

import itertools
import math
from collections.abc import Iterator

import msgspec

from brender.core.farm import Farm
from brender.core.live import LiveStep, LiveWorker, Rank, StepKey
from brender.core.nouns import RunState, StepKind
from brender.scheduler.eligible import lacks, refuses, unavailable

AHEAD_S = 2.0
MOST_AHEAD = 32


class Plan(msgspec.Struct, frozen=True):
    """Tasks of one step for a worker, in order, and queued runs (of any worker) to ask back."""

    step: StepKey | None = None
    indexes: tuple[int, ...] = ()
    recall: tuple[str, ...] = ()


NOTHING = Plan()


def plan(farm: Farm, id_: str) -> Plan:
    """The next for worker `id_`; `NOTHING` where it has enough, or nothing is for it."""
    worker = farm.workers[id_]
    if unavailable(worker):
        return NOTHING
    best = _best(farm, worker)
    if worker.runs:
        return _go_on(farm, worker, best)
    if best is None:
        return _steal(farm, worker)
    return _take(farm, worker, farm.steps[_choose(farm, worker, best)])


def _best(farm: Farm, worker: LiveWorker) -> Rank | None:
    """The open step that comes first of those this worker may take: by priority, then by shares, then by age."""
    stays = _stays_for(farm, worker)
    found = [
        (rank[0], farm.shares.load(owner, 1 if owner == stays else 0), farm.shares.served.get(owner, 0.0), rank)
        for needs, queues in farm.open.queues.items()
        if lacks(worker, needs) is None
        for owner, queue in queues.items()
        for rank in _first(worker, queue)
    ]
    return min(found)[-1] if found else None


def _stays_for(farm: Farm, worker: LiveWorker) -> str | None:
    """For whom a worker that holds nothing goes on, unless it is another's turn: it counts as that user's already."""
    if worker.user is not None or worker.step is None or worker.step not in farm.open:
        return None
    return farm.jobs[worker.step[0]].owner


def _first(worker: LiveWorker, queue: list[Rank]) -> Iterator[Rank]:
    return itertools.islice((rank for rank in queue if refuses(worker, rank[1]) is None), 1)


def _choose(farm: Farm, worker: LiveWorker, best: Rank) -> StepKey:
    """The step it is warm in, unless `best` is of higher priority, or it is another user's turn."""
    warm = worker.step
    if warm is None or warm not in farm.open or refuses(worker, warm[0]):
        return best[1:]
    here, there = farm.jobs[warm[0]], farm.jobs[best[1]]
    if there.priority != here.priority:
        return best[1:] if there.priority > here.priority else warm
    floor_s = float(farm.setting("share_floor_s"))
    held = worker.user is not None
    return best[1:] if farm.shares.moves(here.owner, there.owner, held=held, floor_s=floor_s) else warm


def _go_on(farm: Farm, worker: LiveWorker, best: Rank | None) -> Plan:
    """More of the step it holds; or its queued runs back, where something more urgent waits."""
    assert worker.step is not None  # who holds runs is in a step
    if best is not None and _choose(farm, worker, best) != worker.step:
        urgent = -best[0] > farm.jobs[worker.step[0]].priority
        return Plan(recall=_queued(farm, worker)) if urgent else NOTHING
    if worker.step not in farm.open:
        return NOTHING
    return _take(farm, worker, farm.steps[worker.step])


def _queued(farm: Farm, worker: LiveWorker) -> tuple[str, ...]:
    return tuple(r for r in worker.runs if farm.runs[r].state is RunState.ASSIGNED and r not in worker.asked)


def _take(farm: Farm, worker: LiveWorker, step: LiveStep) -> Plan:
    room = _wanted(farm, step) - len(worker.runs)
    if room <= 0:
        return NOTHING
    return Plan(step.key, tuple(step.next_ready(room)))


def _wanted(farm: Farm, step: LiveStep) -> int:
    """How many runs a worker should hold: the one it renders and what lasts for `AHEAD_S`, fewer towards the end."""
    if step.spec.kind is StepKind.MOVIE:
        return 1
    ahead = 1 if step.frame_s is None else max(1, min(MOST_AHEAD, math.ceil(AHEAD_S / max(step.frame_s, 1e-3))))
    share = math.ceil(step.ready / max(1, len(farm.workers)))
    most = step.spec.batch or ahead + 1
    return min(ahead + 1, most, max(1 if len(farm.workers) > 1 else 2, share))


def _steal(farm: Farm, worker: LiveWorker) -> Plan:
    """Nothing is ready: ask a queued run back from who has most of them, in a step that this worker may take."""
    for key, queued in farm.queued.items():
        job = farm.jobs[key[0]]
        if queued and not job.pause and not lacks(worker, farm.needs(job)) and not refuses(worker, job.id):
            owners = {farm.runs[run].worker for run in queued}
            most = max(owners, key=lambda owner: (len(_queued(farm, farm.workers[owner])), owner))
            if len(farm.workers[most].runs) > 1 and (theirs := _queued(farm, farm.workers[most])):
                return Plan(recall=theirs[-1:])
    return NOTHING
