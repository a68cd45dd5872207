# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the farm by reading: what lives from memory, what is over from the store, history from the store.

Memory is read first and the store after it, so that a job that ends in between is seen twice rather than not at all.
Everything pages; none of it walks a whole job but `states`, a byte a task.
"""

import asyncio
import heapq
from collections.abc import Iterable

from brender.core.commands import Refusal
from brender.core.content import content_key
from brender.core.farm import Farm
from brender.core.lifecycle import JOB_ENDED, after_the_end
from brender.core.live import LiveWorker
from brender.core.nouns import Job, JobState, Run, SessionRecord, TaskState
from brender.core.scene import Blender
from brender.core.views import FailureView, FramePage, FrameRecord, JobPage, JobView, WhyView, WorkerPage, WorkerView
from brender.manager import shown, why
from brender.manager.engine import Engine
from brender.store import Store

MOST_FAILURES = 100
LAST_ID = 2**31 - 1
ENDED_STATES = tuple(state for state in JobState if state in JOB_ENDED)

State = tuple[TaskState, tuple[int, int]]  # of one task: its state, its failures and losses


class Views:
    """The questions. Each raises `Refusal` ("not_found") about what is not there."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    # --- jobs ------------------------------------------------------------------------------------------------

    async def job(self, id_: int) -> JobView:
        """One job, with its failures."""
        live = await self._engine.read(lambda farm: self._live(farm, id_))
        if live is None:
            live = await self._ended_view(await self._ended(id_))
        return await asyncio.to_thread(self._with_history, live)

    async def job_of_request(self, request_id: str) -> int | None:
        """The job that was submitted under this id of the asker's."""
        known = await self._engine.read(lambda farm: farm.by_request.get(request_id))
        return known or await asyncio.to_thread(self._store.job_by_request, request_id)

    async def jobs(self, limit: int, before: int | None = None, state: JobState | None = None) -> JobPage:
        """A page, the newest first. History is not in it: no failures, and `opened` of live jobs alone."""
        below = LAST_ID if before is None else before
        views = {v.id: v for v in await self._engine.read(lambda farm: self._newest(farm, limit + 1, below, state))}
        if state is None or state in JOB_ENDED:
            wanted = (state,) if state else ENDED_STATES
            ended = await asyncio.to_thread(self._store.jobs, limit + 1, before=below, states=wanted)
            views |= {job.id: shown.ended_job(job) for job in ended}
        page = tuple(views[id_] for id_ in sorted(views, reverse=True)[:limit])
        return JobPage(jobs=page, before=page[-1].id if len(views) > limit else None)

    async def why(self, id_: int) -> WhyView:
        """Why a job is where it is."""
        live = await self._engine.read(lambda farm: why.of_live(farm, job) if (job := farm.jobs.get(id_)) else None)
        return live or why.of_ended(await self._ended(id_))

    def _live(self, farm: Farm, id_: int) -> JobView | None:
        job = farm.jobs.get(id_)
        return shown.live_job(farm, job, self._engine.clock()) if job else None

    def _newest(self, farm: Farm, limit: int, below: int, state: JobState | None) -> list[JobView]:
        ids = (id_ for id_, job in farm.jobs.items() if id_ < below and state in (None, job.state))
        return [shown.live_job(farm, farm.jobs[id_], self._engine.clock()) for id_ in heapq.nlargest(limit, ids)]

    async def _ended(self, id_: int) -> Job:
        """A job from the store; one that has just been retried is as it was saved."""
        job = await asyncio.to_thread(self._store.job, id_) if 0 < id_ <= LAST_ID else None
        if job is None:
            raise Refusal(f"There is no job {id_}.", "not_found")
        return job

    async def _ended_view(self, job: Job) -> JobView:
        content = content_key(job.scene)
        verdict = await self._engine.read(lambda farm: farm.verdicts.get(content))
        return shown.with_proof(shown.ended_job(job), verdict)

    def _with_history(self, view: JobView) -> JobView:
        """Add the failures, and what Blender said when it first opened the scene. Called in a thread."""
        job = self._store.job(view.id)
        assert job is not None  # shown, so it was saved
        first: SessionRecord | None = next(iter(self._store.sessions_of(view.id, 1)), None)
        failed = self._store.failed_runs(view.id, MOST_FAILURES)
        count = len(failed) if len(failed) < MOST_FAILURES else self._store.count_failed_runs(view.id)
        return shown.with_history(view, first, self._failures(job, failed), count)

    def _failures(self, job: Job, failed: Iterable[Run]) -> tuple[FailureView, ...]:
        return tuple(
            shown.failure(run, job.steps[run.step].frames.frame(run.index), self._name(run.worker)) for run in failed
        )

    def _name(self, worker: str) -> str:
        known = self._engine.farm.workers.get(worker)
        return known.record.name if known else worker

    # --- frames ----------------------------------------------------------------------------------------------

    async def frames(self, id_: int, first: int, count: int) -> FramePage:
        """The records of some tasks, in the order of their index."""
        job, states = await self._states(id_, first, count)
        runs = await asyncio.to_thread(self._store.latest_runs, id_, first, len(states))
        by_index = {run.index: run for run in runs}
        records = (self._record(job, index, at, by_index.get(index)) for index, at in enumerate(states, first))
        return FramePage(first=first, total=job.steps[0].tasks, frames=tuple(records))

    def _record(self, job: Job, index: int, at: State, run: Run | None) -> FrameRecord:
        frame = job.steps[0].frames.frame(index)
        return shown.frame_record(job, index, frame, *at, run, self._name(run.worker) if run else "")

    async def _states(self, id_: int, first: int, count: int) -> tuple[Job, list[State]]:
        live = await self._engine.read(lambda farm: _live_states(farm, id_, first, count))
        if live is not None:
            return live
        job = await self._ended(id_)
        rows = {t.index: t for t in await asyncio.to_thread(self._store.task_page, id_, 0, first, count)}
        indexes = range(first, min(first + count, job.steps[0].tasks))
        untouched = (after_the_end(job.state, TaskState.READY), (0, 0))
        return job, [
            (after_the_end(job.state, row.state), (row.failures, row.losses)) if (row := rows.get(i)) else untouched
            for i in indexes
        ]

    async def states(self, id_: int) -> bytes:
        """The state of every task, a byte each."""
        live = await self._engine.read(lambda farm: bytes(farm.steps[id_, 0].states) if id_ in farm.jobs else None)
        if live is not None:
            return live
        job = await self._ended(id_)
        return await asyncio.to_thread(self._ended_states, job)

    def _ended_states(self, job: Job) -> bytes:
        states = bytearray([after_the_end(job.state, TaskState.READY)]) * job.steps[0].tasks
        for index, state in self._store.task_states(job.id, 0):
            states[index] = after_the_end(job.state, state)
        return bytes(states)

    async def index_of(self, id_: int, frame: int) -> int:
        """The task of a frame."""
        job = await self.row(id_)
        index = 0 if job.steps[0].tasks == 1 and frame in job.steps[0].frames else job.steps[0].frames.index(frame)
        if index is None:
            raise Refusal(f"Job {id_} has no frame {frame}; it renders {job.steps[0].frames}.", "not_found")
        return index

    async def row(self, id_: int) -> Job:
        """The job itself, live or ended."""
        return await self._engine.read(lambda farm: farm.jobs.get(id_)) or await self._ended(id_)

    async def run(self, id_: int, run: str) -> Run:
        """A run of a job, live or ended."""
        found = await self._engine.read(lambda farm: farm.runs.get(run))
        found = found or await asyncio.to_thread(self._store.run, run)
        if found is None or found.job != id_:
            raise Refusal(f"Job {id_} has no run {run}.", "not_found")
        return found

    async def latest_run(self, id_: int, frame: int) -> Run:
        """A frame's last run, or the accepted one."""
        index = await self.index_of(id_, frame)
        runs = await asyncio.to_thread(self._store.latest_runs, id_, index, 1)
        if not runs:
            raise Refusal(f"Frame {frame} of job {id_} has not run yet. `brender why {id_}` says why.", "not_found")
        return runs[0]

    # --- workers ---------------------------------------------------------------------------------------------

    async def workers(self) -> WorkerPage:
        """All workers, by name."""
        return WorkerPage(workers=await self._engine.read(self._all_workers))

    def _all_workers(self, farm: Farm) -> tuple[WorkerView, ...]:
        now = self._engine.clock()
        known = sorted(farm.workers.values(), key=lambda worker: (worker.record.name, worker.record.id))
        return tuple(shown.worker(farm, worker, now) for worker in known)

    async def worker(self, key: str) -> WorkerView:
        """One worker, by id or name."""
        return await self._engine.read(lambda farm: shown.worker(farm, _worker(farm, key), self._engine.clock()))

    async def blenders(self) -> tuple[Blender, ...]:
        """What the workers that are there have, each once."""
        return await self._engine.read(lambda farm: tuple(dict.fromkeys(_blenders(farm))))

    async def unfinished(self) -> tuple[int, int]:
        """How many workers are online, and how many jobs are unfinished."""
        return await self._engine.read(_unfinished)


def _unfinished(farm: Farm) -> tuple[int, int]:
    return sum(worker.connection is not None for worker in farm.workers.values()), len(farm.jobs)


def _live_states(farm: Farm, id_: int, first: int, count: int) -> tuple[Job, list[State]] | None:
    if (job := farm.jobs.get(id_)) is None:
        return None
    step = farm.steps[id_, 0]
    indexes = range(first, min(first + count, step.spec.tasks))
    return job, [(step.state(i), step.tries.get(i, (0, 0))) for i in indexes]


def _worker(farm: Farm, key: str) -> LiveWorker:
    known = farm.workers.get(key) or farm.workers.get(farm.by_name.get(key, ""))
    if known is None:
        raise Refusal(f"There is no worker {key}.", "not_found")
    return known


def _blenders(farm: Farm) -> Iterable[Blender]:
    online = (worker for worker in farm.workers.values() if worker.connection is not None)
    return (found.blender for worker in online for found in worker.record.host.blenders)
