# SPDX-License-Identifier: GPL-3.0-or-later
"""The session itself: `handle(event, now)` changes what it holds, and says what to do about it.

`now` is any monotonic clock, in seconds.
"""

from collections.abc import Iterable
from dataclasses import replace

from brender.core import messages as m
from brender.core.failures import Kind, is_fatal
from brender.worker.session import events as e
from brender.worker.session import instructions as i
from brender.worker.session import reports
from brender.worker.session.proving import Proving
from brender.worker.session.state import Blender, Checking, Clock, Habits, Phase, Queue

_ENDS_STEP = frozenset((Kind.SCENE_CHANGED, Kind.BLENDER_MISSING))  # like a fatal kind: the others would fare alike


class Session:
    """A worker's slot: what it holds, and its one Blender."""

    def __init__(self, boot: str, habits: Habits | None = None) -> None:
        """`boot` makes the names of its Blenders and sessions unique."""
        self._boot = boot
        self._habits = habits or Habits()
        self._queues: dict[tuple[int, int], Queue] = {}
        self._blender: Blender | None = None
        self._blenders = 0
        self._checking: dict[str, Checking] = {}
        self._proof = Proving(self._habits)
        self._begun: set[str] = set()  # handed to some Blender, and not concluded
        self._clock = Clock()
        self._leaving = False
        self._left = False
        self._out: list[i.Instruction] = []

    @property
    def held(self) -> tuple[str, ...]:
        """Every run of the manager's that is not concluded."""
        waiting = [order.run for queue in self._queues.values() for order in queue.orders]
        held = dict.fromkeys([*self._in_blender(), *self._checking, *waiting])
        return tuple(run for run in held if run != self._proof.run)

    @property
    def proving(self) -> bool:
        """Whether a frame is being rendered a second time."""
        return self._proof.run is not None

    @property
    def running(self) -> str | None:
        """The run that Blender renders, or opens the scene for."""
        blender = self._blender
        if blender is None or not blender.alive:
            return None
        if blender.handed:
            return blender.handed[0].run
        return blender.run if blender.phase is Phase.OPENING else None

    @property
    def paused(self) -> bool:
        """Whether all work stands still."""
        return self._clock.stopped_at is not None

    def handle(self, event: e.Event, now: float) -> list[i.Instruction]:
        """What to do about `event`, in this order."""
        if not self._is_stale(event):
            self._take(event, now)
            self._go_on(self._clock.at(now))
        out, self._out = self._out, []
        return out

    # --- events

    def _is_stale(self, event: e.Event) -> bool:
        """An event of a Blender that has been replaced."""
        return isinstance(event, e.BlenderEvent) and (self._blender is None or self._blender.id != event.blender)

    def _take(self, event: e.Event, now: float) -> None:
        match event:
            case m.Message():
                self._obey(event, now)
            case e.Dismissed():
                self._dismiss(event.run)
            case e.Verified():
                self._verified(event)
            case e.NotVerified():
                self._not_verified(event)
            case e.Compared() | e.NotCompared():
                self._compared(event)
            case e.SignOff():
                self._sign_off(event)
            case e.Tick():
                self._look_at_clock(event, self._clock.at(now))
            case _:
                self._take_blender_event(event, self._the_blender, self._clock.at(now))

    def _take_blender_event(self, event: e.BlenderEvent, blender: Blender, now: float) -> None:
        blender.sign = now
        match event:
            case e.BlenderOpened():
                self._opened(blender, event.opened, now)
            case e.FrameStarted():
                blender.since, blender.lost_s = now, self._clock.lost_s
            case e.FrameRendered():
                self._rendered(blender, event, now)
            case e.FrameFailed():
                blender.peak_mb = max(blender.peak_mb, event.peak_mb)
                self._fail(blender, event.kind, event.message)
            case e.BlenderEnded():
                self._ended(blender, event)

    @property
    def _the_blender(self) -> Blender:
        assert self._blender is not None  # or the event was stale
        return self._blender

    # --- the manager's

    def _obey(self, order: e.FromManager, now: float) -> None:
        match order:
            case m.Assign():
                self._assign(order)
            case m.Recall():
                self._recall(order.runs)
            case m.Stop():
                self._end({run: reports.stopped(run) for run in order.runs})
                self._drop_lonely_proof()
            case m.PauseWork():
                self._pause(now)
            case m.ResumeWork():
                self._resume(now)
            case m.Welcome():
                self._end({run: None for run in self.held if run not in order.adopted})
                self._pause(now) if order.paused else self._resume(now)

    def _pause(self, now: float) -> None:
        if self._clock.stop(now) and self._blender is not None and self._blender.phase is not Phase.KILLED:
            self._do(i.PauseBlender(self._blender.id))

    def _resume(self, now: float) -> None:
        if self._clock.go_on(now) and self._blender is not None and self._blender.phase is not Phase.KILLED:
            self._do(i.ResumeBlender(self._blender.id))

    def _assign(self, assign: m.Assign) -> None:
        held = set(self.held)
        orders = [order for order in assign.orders if order.run not in held]
        if self._leaving:
            for order in orders:
                self._do(i.Send(reports.unstarted(order.run, "the worker is signing off")))
            return
        key = (assign.job, assign.step)
        queue = self._queues.setdefault(key, Queue(assign.job, assign.step, assign.scene, assign.bounds))
        queue.prove, queue.cold = assign.prove, assign.cold
        queue.orders.extend(orders)

    def _recall(self, runs: Iterable[str]) -> None:
        for run in runs:
            if run not in self._begun and self._take_waiting(run):
                self._conclude(run, reports.unstarted(run, "recalled"))

    def _dismiss(self, run: str) -> None:
        if run in self.held:
            self._end({run: None})
        else:
            self._do(i.RemoveFiles(run))

    def _end(self, verdicts: dict[str, m.Report | None]) -> None:
        """End these runs wherever they are; what Blender was handed is concluded when its tree is gone."""
        in_blender = set(self._in_blender())
        for run, report in verdicts.items():
            if run in in_blender:
                self._the_blender.verdicts[run] = report
            elif self._take_waiting(run) or self._checking.pop(run, None) is not None:
                self._conclude(run, report)
            elif report is not None:
                self._do(i.Send(report))  # never heard of it: then it is stopped
        if in_blender & verdicts.keys():
            self._kill(self._the_blender)

    def _sign_off(self, event: e.SignOff) -> None:
        self._leaving = True
        pictures = () if event.at_once else self._checking
        self._end({run: reports.unstarted(run, "the worker signed off") for run in self.held if run not in pictures})
        self._drop_proof()
        if self._blender is not None:
            self._kill(self._blender)

    # --- Blender's

    def _opened(self, blender: Blender, opened: m.Opened, now: float) -> None:
        if blender.phase is Phase.OPENING:
            blender.phase, blender.opened, blender.since = Phase.OPEN, opened, now
            self._tell_opened(blender, opened)

    def _tell_opened(self, blender: Blender, opened: m.Opened) -> None:
        blender.stays += 1
        if blender.queue.orders:
            blender.run = blender.queue.orders[0].run  # the one it was opened for may have been recalled
        if blender.run == self._proof.run:
            return  # no run that the manager knows
        session = f"{blender.id}.{blender.stays}"
        self._do(i.Send(m.SceneOpened(id=f"{session}.opened", run=blender.run, session=session, opened=opened)))

    def _rendered(self, blender: Blender, event: e.FrameRendered, now: float) -> None:
        order = next((order for order in blender.handed if order.run == event.run), None)
        if order is None or blender.opened is None:
            return  # being killed for something else: it counts as not rendered
        blender.handed.remove(order)
        event = replace(event, render_s=max(0.0, event.render_s - (self._clock.lost_s - blender.lost_s)))
        if event.run == self._proof.run:
            self._do(self._proof.rendered_again(event, blender.opened.open_s))
        else:
            self._look(Checking(event, blender.opened, order, blender.queue, blender.frames))
        blender.frames += 1
        blender.render_s = event.render_s + event.write_s
        blender.first_mb = event.memory_mb if blender.first_mb is None else blender.first_mb
        blender.last_mb, blender.peak_mb, blender.since = event.memory_mb, 0.0, now

    def _look(self, checking: Checking) -> None:
        order, rendered = checking.order, checking.rendered
        self._checking[order.run] = checking
        frames = len(range(order.start, order.end + 1, order.step))
        self._do(i.Verify(order.run, rendered.files, checking.opened, frames))

    def _fail(self, blender: Blender, kind: Kind, message: str) -> None:
        """The run that it renders, or opens for, has failed. A Blender that failed at something is not used again."""
        if not blender.alive:
            return
        self._blame(blender, kind, message)
        self._kill(blender)

    def _blame(self, blender: Blender, kind: Kind, message: str) -> None:
        orders = blender.queue.orders
        if not blender.handed and blender.phase is Phase.OPENING and orders:
            blender.handed.append(orders.pop(0))
        if blender.handed:
            run = blender.handed[0].run
            if run == self._proof.run:
                blender.verdicts[run] = None
                return  # the others are none the worse for it
            result = m.Result(
                blender=blender.opened.blender if blender.opened else blender.queue.scene.blender.version,
                device=blender.opened.device if blender.opened else "",
                peak_memory_mb=blender.peak_mb,
            )
            blender.verdicts[run] = reports.failed(run, kind, message, result)
        if is_fatal(kind) or kind in _ENDS_STEP:
            self._give_back(blender, message)

    def _give_back(self, blender: Blender, reason: str) -> None:
        ahead = [order.run for order in blender.handed if order.run not in blender.verdicts]
        blender.verdicts.update({run: reports.unstarted(run, reason) for run in ahead})
        self._end({order.run: reports.unstarted(order.run, reason) for order in blender.queue.orders})

    def _ended(self, blender: Blender, event: e.BlenderEnded) -> None:
        if blender.alive:
            self._blame(blender, event.kind, event.message)
            self._requeue(blender)
        self._blender = None
        for run, report in blender.verdicts.items():
            self._conclude(run, report)

    def _kill(self, blender: Blender) -> None:
        if blender.phase is not Phase.KILLED:
            blender.phase = Phase.KILLED
            self._do(i.KillBlender(blender.id))
        self._requeue(blender)

    def _requeue(self, blender: Blender) -> None:
        """What was handed ahead, and has no verdict, is rendered first by the next Blender."""
        blender.queue.orders[:0] = [order for order in blender.handed if order.run not in blender.verdicts]
        blender.handed = []

    # --- the picture

    def _verified(self, event: e.Verified) -> None:
        checking = self._checking.pop(event.run, None)
        if checking is None:
            self._do(i.RemoveFiles(event.run))  # ended while it was looked at
        else:
            self._prove(checking)
            result = reports.result(checking, event)
            report = m.Rendered(id=f"{event.run}.rendered", run=event.run, result=result, thumbnail=event.thumbnail)
            self._conclude(event.run, report)

    def _not_verified(self, event: e.NotVerified) -> None:
        checking = self._checking.pop(event.run, None)
        if checking is not None:
            result = reports.result(checking, None)
            self._conclude(event.run, reports.failed(event.run, event.kind, event.message, result))

    # --- the proof that warm is right

    def _prove(self, checking: Checking) -> None:
        """Have the frame rendered again, before all else, if it is the one to prove by."""
        key = (checking.queue.job, checking.queue.step)
        queue = self._queues.get(key, checking.queue)
        checking = replace(checking, queue=queue)
        idle = not queue.orders and not self._in_blender()
        if self._leaving or not self._proof.wants(checking, idle=idle):
            return
        keep, again = self._proof.begin(checking)
        self._do(keep)
        queue.prove = False  # once; with the next orders it is said whether it is wanted still
        queue.orders.insert(0, again)
        self._queues[key] = queue

    def _compared(self, event: e.Compared | e.NotCompared) -> None:
        if not self._proof.is_about(event):
            return
        if isinstance(event, e.Compared):
            self._do(i.Send(self._proof.report(event)))
        self._drop_proof()

    def _drop_lonely_proof(self) -> None:
        """Where a stop has left nothing else of its step, nobody waits for it."""
        queue, blender = self._proof.queue, self._blender
        if queue is None:
            return
        orders = [*queue.orders, *(blender.handed if blender is not None and blender.queue is queue else [])]
        if all(order.run == self._proof.run for order in orders):
            self._drop_proof()

    def _drop_proof(self) -> None:
        """Over, wherever it is. Nothing is lost: the frame was rendered and reported the first time."""
        if self._proof.run is None:
            return
        self._end({self._proof.run: None})
        if self.proving and self._proof.run not in self._in_blender():
            self._do(self._proof.forget())

    # --- what comes next

    def _look_at_clock(self, tick: e.Tick, now: float) -> None:
        blender = self._blender
        if blender is None:
            return
        blender.peak_mb = max(blender.peak_mb, tick.peak_mb)
        lasted = now - blender.since
        if blender.alive and (blender.handed or blender.phase is Phase.OPENING):
            self._hold_to_bounds(blender, blender.queue.bounds, now)
        elif blender.phase is Phase.OPEN and not blender.queue.orders and lasted > self._habits.idle_close_s:
            self._close(blender, now)
        elif blender.phase is Phase.CLOSING and lasted > self._habits.close_grace_s:
            self._kill(blender)

    def _hold_to_bounds(self, blender: Blender, bounds: m.Bounds, now: float) -> None:
        if now - blender.since > bounds.max_run_s:
            self._fail(blender, Kind.TIME_LIMIT, f"The run took longer than its limit of {bounds.max_run_s:g} s.")
        elif now - blender.sign > bounds.silence_s:
            self._fail(blender, Kind.SILENT, f"Blender gave no sign of life for {bounds.silence_s:g} s.")

    def _go_on(self, now: float) -> None:
        if self.paused:
            pass
        elif self._blender is None:
            self._open(now)
        elif self._blender.phase is Phase.OPEN:
            self._feed(self._blender, now)
        if self._leaving and not self._left and self._blender is None and not self.held:
            self._left = True
            self._do(i.Leave())

    def _next_queue(self) -> Queue | None:
        self._queues = {key: queue for key, queue in self._queues.items() if queue.orders or self._is_open(queue)}
        return next((queue for queue in self._queues.values() if queue.orders), None)

    def _is_open(self, queue: Queue) -> bool:
        return self._blender is not None and self._blender.queue is queue

    def _open(self, now: float) -> None:
        queue = self._next_queue()
        if queue is not None:
            self._blenders += 1
            name = f"{self._boot}.{self._blenders}"
            self._blender = Blender(name, queue, run=queue.orders[0].run, since=now, sign=now)
            self._do(i.OpenScene(name, queue.scene, self._blender.run))

    def _feed(self, blender: Blender, now: float) -> None:
        if not blender.handed and not self._settle(blender, now):
            return
        while blender.queue.orders and self._may_hand(blender):
            self._hand_over(blender, blender.queue.orders.pop(0), now)

    def _settle(self, blender: Blender, now: float) -> bool:
        """See to it that an idle Blender is fit for the next order; False where it is not, and was closed."""
        following = blender.queue if blender.queue.orders else self._next_queue()
        if following is None:
            return True
        if self._is_worn(blender, following) or following.scene != blender.queue.scene:
            self._close(blender, now)
            return False
        if following is not blender.queue and blender.opened is not None:
            blender.queue = following
            self._tell_opened(blender, blender.opened)
        return True

    def _is_worn(self, blender: Blender, queue: Queue) -> bool:
        """Unfit for the next order of the queue: one that is to be cold is the first of its Blender."""
        cold = queue.cold or (blender.opened is not None and not blender.opened.warm)
        cold = cold or (bool(queue.orders) and queue.orders[0].run == self._proof.run)
        return blender.frames >= (1 if cold else self._habits.renew_frames) or self._has_grown(blender)

    def _has_grown(self, blender: Blender) -> bool:
        return blender.first_mb is not None and blender.last_mb - blender.first_mb > self._habits.renew_growth_mb

    def _may_hand(self, blender: Blender) -> bool:
        """One at a time; one more where frames are short, and this Blender is not to be renewed before it."""
        if not blender.handed:
            return True
        short = blender.render_s is not None and blender.render_s < self._habits.ahead_below_s
        lasts = blender.frames + 1 < self._habits.renew_frames and not self._is_worn(blender, blender.queue)
        return len(blender.handed) == 1 and short and lasts

    def _hand_over(self, blender: Blender, order: m.Order, now: float) -> None:
        if not blender.handed:
            blender.since = blender.sign = now
        blender.handed.append(order)
        if order.run not in self._begun and order.run != self._proof.run:
            self._begun.add(order.run)
            self._do(i.Send(m.Started(id=f"{order.run}.started", run=order.run)))
        self._do(i.HandOver(blender.id, order))

    def _close(self, blender: Blender, now: float) -> None:
        blender.phase, blender.since = Phase.CLOSING, now
        self._do(i.CloseBlender(blender.id))

    # --- small steps

    def _do(self, instruction: i.Instruction) -> None:
        self._out.append(instruction)

    def _in_blender(self) -> list[str]:
        if self._blender is None:
            return []
        return [*(order.run for order in self._blender.handed), *self._blender.verdicts]

    def _take_waiting(self, run: str) -> bool:
        for queue in self._queues.values():
            for order in queue.orders:
                if order.run == run:
                    queue.orders.remove(order)
                    return True
        return False

    def _conclude(self, run: str, report: m.Report | None) -> None:
        if run == self._proof.run:
            self._do(self._proof.forget())
            return
        if report is not None:
            self._do(i.Send(report))
        if run in self._begun and not isinstance(report, m.Rendered):
            self._do(i.RemoveFiles(run))
        self._begun.discard(run)
