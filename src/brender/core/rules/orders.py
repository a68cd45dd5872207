# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders to workers about what they hold: give back, stop, stand still, go on.

What is wanted is saved with the worker or the run, and told again whenever the worker comes back; so an order that
was lost on its way, or with its manager, is obeyed all the same.
"""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from brender.core import commands as c
from brender.core.changes import Changes, Effect, Row, Tell
from brender.core.farm import Farm
from brender.core.live import LiveWorker, Now
from brender.core.messages import PauseWork, Recall, ResumeWork, Stop
from brender.core.nouns import Run, RunState, Wish, Worker
from brender.core.rules.jobs import by_worker

NewId = Callable[[], str]


def worker_of(farm: Farm, id_: str) -> LiveWorker:
    """The worker, or a refusal."""
    if worker := farm.workers.get(id_):
        return worker
    raise c.Refusal(f"There is no worker {id_}.", "not_found")


def kill(farm: Farm, command: c.KillRuns, now: Now, new_id: NewId) -> Changes:
    """Their tasks are ready again once they are known to have ended, and nothing is counted (C17)."""
    ids = [*command.runs, *(run for worker in command.workers for run in worker_of(farm, worker).runs)]
    changes = stop(farm, dict.fromkeys(ids), "it was killed")
    changes.answer = [farm.runs[id_] for id_ in dict.fromkeys(ids)]
    return changes


def stop(farm: Farm, ids: Iterable[str], reason: str) -> Changes:
    """End runs, begun or not. Each stays its worker's until that says that it has stopped."""
    runs = [_run_of(farm, id_) for id_ in ids]
    rows: list[Row] = [replace(run, stop=reason) for run in runs if not run.stop]
    told = by_worker(runs)
    return Changes(rows, [Tell(w, Stop(runs=tuple(r.id for r in theirs), reason=reason)) for w, theirs in told.items()])


def _run_of(farm: Farm, id_: str) -> Run:
    if (run := farm.runs.get(id_)) is None:
        raise c.Refusal(f"There is no run {id_} that goes on.", "not_found")
    if run.state is RunState.RENDERED:
        raise c.Refusal(f"Run {id_} has rendered already: there is nothing left to end.")
    return run


def follow(farm: Farm, worker: LiveWorker, record: Worker) -> list[Effect]:
    """What follows for a worker whose record is to be `record` from now on."""
    effects: list[Effect] = []
    if record.paused is not worker.record.paused:
        effects.append(Tell(record.id, PauseWork() if record.paused else ResumeWork()))
    if record.paused or record.wish is Wish.DISABLED:
        effects += recall(worker.record.id, _queued(farm, worker.runs))
    return effects


def again(farm: Farm, record: Worker, held: Iterable[str]) -> list[Effect]:
    """What a worker that comes back with these runs may not have heard."""
    runs = [farm.runs[id_] for id_ in held if farm.runs[id_].state is not RunState.RENDERED]
    gives_back = record.paused or record.wish is Wish.DISABLED
    wanted = [run.id for run in _unbegun(runs) if gives_back or farm.jobs[run.job].pause]
    stops = {run.id: run.stop for run in runs if run.stop}
    told: list[Effect] = [Tell(record.id, Stop(runs=(run,), reason=reason)) for run, reason in stops.items()]
    return told + recall(record.id, [run for run in wanted if run not in stops])


def recall(worker: str, runs: Iterable[str]) -> list[Effect]:
    """Ask for these back."""
    asked = tuple(runs)
    return [Tell(worker, Recall(runs=asked))] if asked else []


def _queued(farm: Farm, ids: Iterable[str]) -> list[str]:
    return [run.id for run in _unbegun(farm.runs[id_] for id_ in ids)]


def _unbegun(runs: Iterable[Run]) -> Iterable[Run]:
    return (run for run in runs if run.state is RunState.ASSIGNED)
