# SPDX-License-Identifier: GPL-3.0-or-later
"""The live farm in memory: unfinished jobs, workers, live runs. Changed only by `apply`, which takes saved rows.

Its parts are in `live`. No command costs more for a larger job. Finished jobs leave for the store.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from brender.core import pathmap, seen
from brender.core.changes import Presence, Proving, Row
from brender.core.content import content_key
from brender.core.lifecycle import JOB_ENDED, RUN_LIVE
from brender.core.live import LiveStep, LiveWorker, Needs, Now, OpenSteps, StepKey
from brender.core.messages import Progress
from brender.core.nouns import (
    AuditEntry,
    Gone,
    Job,
    Mapping,
    Run,
    RunState,
    SessionRecord,
    Setting,
    Share,
    Tag,
    Task,
    Token,
    User,
    Verdict,
    Worker,
)
from brender.core.settings import SETTINGS
from brender.core.shares import Shares


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
