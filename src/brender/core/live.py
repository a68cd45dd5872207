# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the live farm: a step with a byte a task, a worker as it is now, and the queues of steps with work.

A step holds a cursor in render order, a small heap of tasks to do again, and counters; picking is never a search.
"""

import heapq
from bisect import bisect_left, insort
from collections import deque

import msgspec

from brender.core import order, pathmap
from brender.core.messages import Progress
from brender.core.nouns import (
    Connection,
    Mapping,
    Step,
    Task,
    TaskState,
    Wish,
    Worker,
)
from brender.core.scene import Blender
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
