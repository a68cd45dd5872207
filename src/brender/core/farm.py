# SPDX-License-Identifier: GPL-3.0-or-later
"""The live farm in memory: unfinished jobs, workers, live runs. Changed only by `apply`, which takes saved rows.

A step holds a byte a task, a cursor in render order, a small heap of tasks to do again, and counters; picking is
never a search, and no command costs more for a larger job. Finished jobs leave for the store.
"""

import heapq
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from brender.core import order, pathmap, seen
from brender.core.changes import Presence, Proving, Row
from brender.core.content import content_key
from brender.core.lifecycle import JOB_ENDED, RUN_LIVE
from brender.core.messages import Progress
from brender.core.nouns import (
    AuditEntry,
    Connection,
    Gone,
    Job,
    Mapping,
    Run,
    RunState,
    SessionRecord,
    Setting,
    Share,
    Step,
    Tag,
    Task,
    TaskState,
    Token,
    User,
    Verdict,
    Wish,
    Worker,
)
from brender.core.scene import Blender
from brender.core.settings import SETTINGS
from brender.core.shares import Shares

StepKey = tuple[int, int]  # job id, index of the step in the job
LATEST = 32  # ends of runs that a step remembers


class Now(msgspec.Struct, frozen=True):
    """One moment on two clocks, in seconds: `wall` for records, `mono` for leases and limits."""

    wall: float
    mono: float


class Needs(msgspec.Struct, frozen=True):
    """What a worker must have for a step. Steps with equal needs wait in one queue."""

    blender: Blender
    tags: tuple[str, ...]
    folders: tuple[Mapping, ...] = ()  # the shared ones that it is in
    system: str = ""  # the manager's, where it is somewhere else too: that means nothing to another kind of system
    python: str = ""  # the option by which it asks for Python of its own to run
    forbidden: bool = False  # that, by the farm


class LiveStep:
    """A step's tasks: a byte each, and what picking needs."""

    __slots__ = ("again", "counts", "cursor", "ends", "frame_s", "job", "live", "number", "spec", "states", "tries")

    def __init__(self, job: int, number: int, spec: Step) -> None:
        self.job = job
        self.number = number
        self.spec = spec
        self.states = bytearray(spec.tasks)
        self.counts = [0] * len(TaskState)
        self.counts[TaskState.READY] = spec.tasks
        self.cursor = 0  # position in render order; all before it have been touched
        self.again: list[int] = []  # heap of positions before the cursor that are ready again
        self.tries: dict[int, tuple[int, int]] = {}  # failures and losses, of tasks that have any
        self.live: dict[int, str] = {}  # index to live run
        self.frame_s: float | None = None  # a run's time, smoothed; memory alone
        self.ends: deque[float] = deque(maxlen=LATEST)  # when the latest accepted runs ended, wall clock; memory alone

    @property
    def key(self) -> StepKey:
        return self.job, self.number

    @property
    def ready(self) -> int:
        """How many tasks could be assigned now."""
        return self.counts[TaskState.READY]

    def state(self, index: int) -> TaskState:
        return TaskState(self.states[index])

    def task(self, index: int) -> Task:
        """Task `index` as the row it has, or would have."""
        failures, losses = self.tries.get(index, (0, 0))
        return Task(
            job=self.job,
            step=self.number,
            index=index,
            state=self.state(index),
            failures=failures,
            losses=losses,
            run=self.live.get(index),
        )

    def put(self, task: Task) -> None:
        """Take a task's new row. What is ready again before the cursor goes on the heap."""
        index, new = task.index, task.state
        self.counts[self.states[index]] -= 1
        self.counts[new] += 1
        self.states[index] = new
        self._note_tries(task)
        if new is TaskState.READY:
            self._ready_again(order.position(self.spec.order, self.spec.tasks, index))
        else:
            self._advance()

    def took(self, seconds: float, ended_at: float) -> None:
        """Note how long a run took, so that workers are given about as much as they can use, and when it ended."""
        self.ends.append(ended_at)
        self.frame_s = seconds if self.frame_s is None else 0.7 * self.frame_s + 0.3 * seconds

    def next_ready(self, most: int) -> list[int]:
        """The next tasks to assign, at most `most`, those to do again first. Changes nothing that shows."""
        picked = self._again_ready(most)
        position = self.cursor
        while len(picked) < most and position < self.spec.tasks:
            index = order.at(self.spec.order, self.spec.tasks, position)
            if self.states[index] == TaskState.READY:
                picked.append(index)
            position += 1
        return picked

    def _note_tries(self, task: Task) -> None:
        if task.failures or task.losses:
            self.tries[task.index] = (task.failures, task.losses)
        else:
            self.tries.pop(task.index, None)

    def _ready_again(self, position: int) -> None:
        if position < self.cursor:
            heapq.heappush(self.again, position)

    def _advance(self) -> None:
        n = self.spec.tasks
        while self.cursor < n and self.states[order.at(self.spec.order, n, self.cursor)] != TaskState.READY:
            self.cursor += 1

    def _again_ready(self, most: int) -> list[int]:
        """The first ready ones of the heap; entries that are no longer ready, or stand twice, are dropped."""
        kept: list[int] = []
        picked: list[int] = []
        while self.again and len(picked) < most:
            position = heapq.heappop(self.again)
            index = order.at(self.spec.order, self.spec.tasks, position)
            if self.states[index] == TaskState.READY and (not kept or kept[-1] != position):
                kept.append(position)
                picked.append(index)
        for position in kept:
            heapq.heappush(self.again, position)
        return picked


class LiveWorker:
    """A worker, and what is known of it at this moment."""

    __slots__ = (
        "asked", "boot", "connection", "load", "memory_used_mb", "only_job", "paused", "progress", "record", "runs",
        "seen", "silent", "step", "user",
    )  # fmt: skip

    def __init__(self, record: Worker, seen: float) -> None:
        self.record = record
        self.connection: str | None = None
        self.boot = ""
        self.only_job: int | None = None
        self.seen = seen  # monotonic seconds of its last sign of life
        self.silent = False  # its lease ran out, and nothing was heard of it since: its socket may be dead
        self.runs: dict[str, None] = {}  # live runs that it holds, in the order they were assigned
        self.asked: set[str] = set()  # runs it has been asked to give back
        self.step: StepKey | None = None  # the step its session is in
        self.user: str | None = None  # for whom it renders now
        self.progress: dict[str, Progress] = {}
        self.load = 0.0
        self.memory_used_mb = 0
        self.paused = False  # it says so itself; what is wanted of it is in its record

    @property
    def online(self) -> Connection:
        return Connection.ONLINE if self.connection else Connection.OFFLINE

    @property
    def tags(self) -> tuple[str, ...]:
        """Its own, and those it was given."""
        return tuple(dict.fromkeys(self.record.host.tags + self.record.tags))

    @property
    def view(self) -> pathmap.View:
        """Where it has the shared folders."""
        return pathmap.view(self.record.host.system, self.record.mappings)

    @property
    def takes_work(self) -> bool:
        return self.connection is not None and self.record.wish is Wish.ENABLED and not self.record.paused


Rank = tuple[int, int, int]  # priority (negated), job, step: the order in which open steps are served


class OpenSteps:
    """Steps that have ready tasks, in queues by what they need and whose they are, each in the order to be served."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self.queues: dict[Needs, dict[str, list[Rank]]] = {}
        self._where: dict[StepKey, tuple[Needs, str, Rank]] = {}

    def put(self, key: StepKey, needs: Needs, owner: str, priority: int) -> bool:
        """Add or move a step; True where it is new to workers that fit `needs`."""
        rank, was = (-priority, *key), self._where.get(key)
        if was == (needs, owner, rank):
            return False
        self._shares.want(owner, 1)  # before the step is taken out, or its owner would be gone for that moment
        self.remove(key)
        insort(self.queues.setdefault(needs, {}).setdefault(owner, []), rank)
        self._where[key] = (needs, owner, rank)
        return was is None or was[0] != needs

    def remove(self, key: StepKey) -> None:
        """Take a step out, if it is in."""
        if key not in self._where:
            return
        needs, owner, rank = self._where.pop(key)
        queue = self.queues[needs][owner]
        del queue[bisect_left(queue, rank)]
        if not queue:
            del self.queues[needs][owner]
        if not self.queues[needs]:
            del self.queues[needs]
        self._shares.want(owner, -1)

    def __contains__(self, key: StepKey) -> bool:
        return key in self._where


class Farm:
    """All that is alive. Read it freely; change it through `apply`, `appear` and `heard` alone."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.steps: dict[StepKey, LiveStep] = {}
        self.runs: dict[str, Run] = {}
        self.workers: dict[str, LiveWorker] = {}
        self.opened: dict[StepKey, SessionRecord] = {}  # the newest session of each step
        self.next_job = 1
        self.by_key: dict[str, str] = {}  # key hash to worker
        self.by_name: dict[str, str] = {}
        self.names: list[str] = []  # of `by_name`, in order: lists of workers are never sorted anew
        self.by_request: dict[str, int] = {}
        self.outputs: dict[str, int] = {}  # pattern of final names to the unfinished job that owns it
        self.tags: dict[str, Tag] = {}
        self.settings: dict[str, Setting] = {}
        self.share_rows: dict[str, Share] = {}
        self.mappings: dict[str, Mapping] = {}
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.system = "Linux"  # the manager's; memory alone
        self.contents: dict[int, str] = {}  # unfinished job to its scene's content
        self.wants: dict[int, Needs] = {}  # unfinished job to what a worker must have for it
        self.verdicts: dict[str, Verdict] = {}  # by content; a few hundred bytes for each that was ever proven
        self.proving: dict[str, str] = {}  # content to the worker that was asked to prove it; memory alone
        self.shares = Shares()
        self.open = OpenSteps(self.shares)
        self.hungry: dict[str, None] = {}  # workers that may want work, to be looked at
        self.queued: dict[StepKey, dict[str, None]] = {}  # runs assigned and not begun
        self.unsettled: dict[int, None] = {}  # jobs whose state may follow from their tasks now

    # --- taking rows -------------------------------------------------------------------------------------------

    def apply(self, rows: Iterable[Row], now: Now) -> None:
        """Bring saved (or about to be saved) rows to memory, in their order."""
        for row in rows:
            match row:
                case Job():
                    self._put_job(row)
                case Task():
                    self._put_task(row)
                case Run():
                    self._put_run(row)
                case Worker():
                    self._put_worker(row, now)
                case SessionRecord():
                    self._put_session(row)
                case Tag() | Share() | Setting() | Mapping() | Verdict() | User() | Token():
                    self._put_keyed(row)
                case Gone():
                    self._take_away(row)
                case AuditEntry():
                    pass  # history: it is kept in the store alone

    def appear(self, presence: Presence, now: Now) -> None:
        """Take a worker's connection, or its end."""
        worker = self.workers[presence.worker]
        worker.connection = presence.connection
        if presence.connection is not None:
            worker.boot, worker.only_job, worker.seen = presence.boot, presence.only_job, now.mono
            worker.silent = False
            worker.asked.clear()
        self.hungry[presence.worker] = None

    def ask_proof(self, proving: Proving) -> None:
        """Take that a worker has been asked to prove a content."""
        self.proving[proving.content] = proving.worker

    def silence(self, workers: Iterable[str]) -> None:
        """Take that nothing was heard of these for their lease."""
        for id_ in workers:
            self.workers[id_].silent = True

    def heard(self, worker_id: str, progress: Iterable[Progress], now: Now) -> None:
        """A sign of life: renews every lease of the worker."""
        worker = self.workers[worker_id]
        worker.seen = now.mono
        if worker.silent:
            worker.silent = False
            self.hungry[worker_id] = None
        for each in progress:
            if each.run in worker.runs:
                worker.progress[each.run] = each

    def carry_presence(self, old: "Farm") -> None:
        """Take over the connections of a farm that this one replaces."""
        for id_, worker in self.workers.items():
            if was := old.workers.get(id_):
                worker.connection, worker.boot, worker.only_job = was.connection, was.boot, was.only_job
                worker.seen, worker.progress, worker.paused = was.seen, was.progress, was.paused
                worker.silent = was.silent
        self.hungry = dict.fromkeys(self.workers)
        self.proving = old.proving

    def setting(self, name: str) -> str | int | float | bool:
        """What a setting is set to."""
        return self.settings[name].value if name in self.settings else SETTINGS[name].default

    # --- looking things up -------------------------------------------------------------------------------------

    def steps_of(self, job: int) -> Iterator[LiveStep]:
        """The live steps of an unfinished job."""
        return (self.steps[job, n] for n in range(len(self.jobs[job].steps)))

    def runs_of(self, job: int) -> list[Run]:
        """The live runs of a job."""
        return [self.runs[run] for step in self.steps_of(job) for run in step.live.values()]

    def needs(self, job: Job) -> Needs:
        """What a worker must have for it; kept, as it is asked for with every task."""
        if (kept := self.wants.get(job.id)) is None:
            folders, elsewhere = seen.reach(job.scene, self.view, self.mappings.values())
            system, python = self.system if elsewhere else "", job.scene.python
            forbidden = bool(python) and not self.setting("allow_scripts")
            kept = self.wants[job.id] = Needs(job.blender, job.tags, folders, system, python, forbidden)
        return kept

    @property
    def view(self) -> pathmap.View:
        """Where the manager has the shared folders."""
        return pathmap.View(self.system)

    # --- the rows, one kind each -------------------------------------------------------------------------------

    def _put_job(self, job: Job) -> None:
        old = self.jobs.get(job.id)
        self.next_job = max(self.next_job, job.id + 1)
        if job.state in JOB_ENDED:
            self._drop_job(job)
            return
        self.jobs[job.id] = job
        self.wants.pop(job.id, None)
        if old is None or old.scene is not job.scene:
            self.contents[job.id] = content_key(job.scene)
        if old is None:
            for number, spec in enumerate(job.steps):
                self.steps[job.id, number] = LiveStep(job.id, number, spec)
            self.by_request[job.request_id] = job.id
            self.outputs[job.outputs] = job.id
        for step in self.steps_of(job.id):
            step.spec = job.steps[step.number]
            self._reopen(step)
        if old is not None and old.owner != job.owner:
            self._hand_over(job)
        self.unsettled[job.id] = None

    def _hand_over(self, job: Job) -> None:
        """Workers that hold runs of it render for its new owner."""
        for run in self.runs_of(job.id):
            worker = self.workers[run.worker]
            if run.id in worker.runs:
                self._count_user(worker, job.owner)

    def _drop_job(self, job: Job) -> None:
        if self.jobs.pop(job.id, None) is None:
            return
        for number in range(len(job.steps)):
            self.open.remove((job.id, number))
            self.steps.pop((job.id, number))
            self.queued.pop((job.id, number), None)
            self.opened.pop((job.id, number), None)
        self.proving.pop(self.contents.pop(job.id), None)
        self.wants.pop(job.id, None)
        self.by_request.pop(job.request_id, None)
        self.outputs.pop(job.outputs, None)
        self.unsettled.pop(job.id, None)

    def _put_task(self, task: Task) -> None:
        step = self.steps[task.job, task.step]
        step.put(task)
        self._reopen(step)
        self.unsettled[task.job] = None

    def _reopen(self, step: LiveStep) -> None:
        """Keep `open` true of a step; when it becomes so to a worker that takes work, that may want it."""
        job = self.jobs[step.job]
        if step.ready and not job.pause:
            if self.open.put(step.key, self.needs(job), job.owner, job.priority):
                self.hungry.update((id_, None) for id_, worker in self.workers.items() if worker.takes_work)
        else:
            self.open.remove(step.key)

    def _put_run(self, run: Run) -> None:
        step, worker = self.steps[run.job, run.step], self.workers[run.worker]
        queued = self.queued.setdefault(step.key, {})
        if run.state in RUN_LIVE:
            self.runs[run.id] = run
            step.live[run.index] = run.id
        else:
            self.runs.pop(run.id, None)
            if step.live.get(run.index) == run.id:
                del step.live[run.index]
        if run.state is RunState.RENDERED and run.result:
            seconds = run.result.render_s + run.result.write_s
            step.took(seconds, run.ended_at or run.assigned_at)
            self.shares.serve(self.jobs[run.job].owner, seconds)
        _keep(queued, run.id, run.state is RunState.ASSIGNED)
        self._hold(worker, run)
        self.unsettled[run.job] = None

    def _hold(self, worker: LiveWorker, run: Run) -> None:
        """A rendered run is off its worker's hands: only its publishing is left."""
        holds = run.state in (RunState.ASSIGNED, RunState.RUNNING)
        _keep(worker.runs, run.id, holds)
        self._count_user(worker, self.jobs[run.job].owner if worker.runs else None)
        if holds:
            worker.step = (run.job, run.step)
            return
        worker.asked.discard(run.id)
        worker.progress.pop(run.id, None)
        self.hungry[worker.record.id] = None

    def _count_user(self, worker: LiveWorker, user: str | None) -> None:
        """Keep `shares` true of a worker that begins or ends to render for a user."""
        if user == worker.user:
            return
        if worker.user is not None:
            self.shares.hold(worker.user, -1)
        if user is not None:
            self.shares.hold(user, 1)
        worker.user = user

    def _put_worker(self, worker: Worker, now: Now) -> None:
        old = self.workers.get(worker.id)
        if old is None:
            self.workers[worker.id] = LiveWorker(worker, now.mono)
        else:
            self._forget_name(old.record.name)
            old.record = worker
        if not worker.prepared:
            self.by_key[worker.key_hash] = worker.id
        if worker.name not in self.by_name:
            insort(self.names, worker.name)
        self.by_name[worker.name] = worker.id
        self.hungry[worker.id] = None

    def _forget_name(self, name: str) -> None:
        if self.by_name.pop(name, None) is not None:
            del self.names[bisect_left(self.names, name)]

    def _put_keyed(self, row: Tag | Share | Setting | Mapping | Verdict | User | Token) -> None:
        match row:
            case Tag():
                self.tags[row.name] = row
            case Share():
                self.share_rows[row.user] = row
                self.shares.weights[row.user] = row.weight
            case Setting():
                self.settings[row.name] = row
                if row.name == "allow_scripts":
                    self._look_again()
            case Mapping():
                self.mappings[row.name] = row
                self._look_again()
            case Verdict():
                self.verdicts[row.content] = row
                self.proving.pop(row.content, None)
            case User():
                self.users[row.name] = row
            case Token():
                self.tokens[row.id] = row

    def _take_away(self, gone: Gone) -> None:
        match gone.kind:
            case "worker":
                worker = self.workers.pop(gone.key)
                self.by_key.pop(worker.record.key_hash, None)
                self._forget_name(worker.record.name)
                self.hungry.pop(gone.key, None)
            case "tag":
                del self.tags[gone.key]
            case "share":
                del self.share_rows[gone.key], self.shares.weights[gone.key]
            case "mapping":
                del self.mappings[gone.key]
                self._look_again()
            case "user":
                del self.users[gone.key]
            case "token":
                del self.tokens[gone.key]

    def _look_again(self) -> None:
        """Other folders are shared, or other Python allowed: what the jobs need of a worker is worked out anew."""
        self.wants.clear()
        for job in self.jobs:
            for step in self.steps_of(job):
                self._reopen(step)

    def _put_session(self, session: SessionRecord) -> None:
        if (session.job, session.step) in self.steps:
            self.opened[session.job, session.step] = session


def _keep(keys: dict[str, None], key: str, wanted: bool) -> None:
    if wanted:
        keys[key] = None
    else:
        keys.pop(key, None)
