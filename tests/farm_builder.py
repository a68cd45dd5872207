# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a farm for tests by driving the real rules, with a pretend clock and counted ids. No mocks, no I/O."""

from collections.abc import Sequence
from typing import Any

from brender.core import commands as c
from brender.core import messages as m
from brender.core.changes import Changes, Effect, Publish, Row, Tell
from brender.core.failures import Kind
from brender.core.farm import Farm
from brender.core.frames import FrameSet
from brender.core.live import LiveStep, Now
from brender.core.nouns import Job, JobState, Limits, Run, RunState, Step, StepKind, TaskState, Wish
from brender.core.rules import assign, decide, settle
from brender.core.scene import Blender, FoundBlender, Scene
from brender.scheduler import Plan, plan

BLENDER = Blender(kind="blender", version="3.4.1")
BPY = Blender(kind="bpy", version="4.5.15")


def host(*blenders: Blender, tags: tuple[str, ...] = ()) -> m.Host:
    """A machine with these Blenders."""
    found = tuple(FoundBlender(blender=b, path=f"/opt/{b.version}/blender") for b in blenders or (BLENDER,))
    return m.Host(hostname="here", system="Linux", cores=2, memory_mb=8000, blenders=found, tags=tags)


class World:
    """A farm, its clock, and all that was decided."""

    def __init__(self) -> None:
        self.farm = Farm()
        self.mono = 1000.0
        self.rows: list[Row] = []
        self.effects: list[Effect] = []
        self._ids = 0

    @property
    def now(self) -> Now:
        return Now(1_700_000_000.0 + self.mono, self.mono)

    def new_id(self) -> str:
        self._ids += 1
        return f"id{self._ids}"

    def do(self, command: c.Command) -> Any:
        """Decide, apply, settle, as the engine does; the answer."""
        changes = decide(self.farm, command, self.now, self.new_id)
        self._take(changes)
        if changes.presence:
            self.farm.appear(changes.presence, self.now)
        self.settle()
        return changes.answer

    def settle(self) -> None:
        while self.farm.unsettled:
            job = next(iter(self.farm.unsettled))
            del self.farm.unsettled[job]
            self._take(settle(self.farm, job, self.now))

    def _take(self, changes: Changes) -> None:
        self.farm.apply(changes.rows, self.now)
        if changes.proving:
            self.farm.ask_proof(changes.proving)
        self.rows += changes.rows
        self.effects += changes.effects

    # --- things people and workers do ---

    def submit(self, frames: str = "1-10", **fields: Any) -> Job:
        kind = fields.pop("kind", StepKind.FRAMES)
        order = fields.pop("order", "sequence")
        batch = fields.pop("batch", 0)
        step = Step(name="render", kind=kind, frames=FrameSet.parse(frames), order=order, batch=batch)
        scene = Scene(blend="/s/a.blend", blender=fields.pop("blender", BLENDER))
        n = self.new_id()
        given = {"name": "a", "owner": "", "outputs": f"/out/{n}_####.png", "request_id": f"r{n}"} | fields
        return self.do(c.SubmitJob(scene=scene, steps=(step,), **given))

    def join(self, name: str = "w", *, host: m.Host = host(), **fields: Any) -> str:  # noqa: B008
        given = {"boot": "b1", "key": name} | fields
        hello = m.Hello(protocol=m.PROTOCOL, name=name, host=host, **given)
        answer = self.do(c.WorkerHello(connection=self.new_id(), hello=hello, key_hash=f"hash of {given['key']}"))
        return answer.worker if isinstance(answer, m.Welcome) else answer

    def leave(self, worker: str, *, goodbye: bool = False) -> None:
        connection = self.farm.workers[worker].connection
        assert connection
        self.do(c.WorkerGone(worker=worker, connection=connection, goodbye=goodbye))

    def give(self, worker: str, job: Job, *indexes: int) -> list[Run]:
        """Assign tasks, whatever the scheduler thinks."""
        changes = assign(self.farm, worker, self.step(job), indexes, self.now, self.new_id)
        self._take(changes)
        return [row for row in changes.rows if isinstance(row, Run)]

    def plan(self, worker: str) -> Plan:
        return plan(self.farm, worker)

    def take(self, worker: str) -> list[Run]:
        """Assign what the scheduler proposes."""
        proposed = self.plan(worker)
        if proposed.step is None:
            return []
        return self.give(worker, self.farm.jobs[proposed.step[0]], *proposed.indexes)

    def report(self, run: Run, report: type[m.Report], **fields: Any) -> m.Ack:
        return self.do(c.TakeReport(worker=run.worker, report=report(id=self.new_id(), run=run.id, **fields)))

    def start(self, run: Run) -> m.Ack:
        return self.report(run, m.Started)

    def finish(self, run: Run, seconds: float = 1.0) -> m.Ack:
        """Rendered, and published."""
        ack = self.report(run, m.Rendered, result=m.Result(render_s=seconds))
        self.do(c.Published(run=run.id))
        return ack

    def fail(self, run: Run, kind: Kind = Kind.BLENDER_CRASHED, message: str = "it crashed") -> m.Ack:
        return self.report(run, m.Failed, kind=kind, message=message)

    # --- looking ---

    def step(self, job: Job) -> LiveStep:
        return self.farm.steps[job.id, 0]

    def job(self, job: Job) -> Job:
        """The newest row of a job, ended or not."""
        return [row for row in self.rows if isinstance(row, Job) and row.id == job.id][-1]

    def states(self, job: Job) -> list[TaskState]:
        return [TaskState(byte) for byte in self.step(job).states]

    def told(self, kind: type[m.Message]) -> Sequence[Any]:
        return [e.message for e in self.effects if isinstance(e, Tell) and isinstance(e.message, kind)]

    def published(self) -> list[str]:
        return [e.run.id for e in self.effects if isinstance(e, Publish)]


__all__ = ["BLENDER", "BPY", "JobState", "Kind", "Limits", "RunState", "TaskState", "Wish", "World", "host"]
