# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell around the session: brings it events, does what it says, and knows nothing of why.

One task takes one event after the other, so that the session, the outbox and the connection see the same order.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil
import structlog

from brender.core import messages as m
from brender.core.failures import Kind
from brender.worker.connection import Connection
from brender.worker.delivery import Brought, Delivery, is_carried
from brender.worker.link import Link
from brender.worker.looking import look
from brender.worker.outbox import Outbox
from brender.worker.proofs import Proofs
from brender.worker.runfolders import RunFolders
from brender.worker.runlogs import RunLogs
from brender.worker.session import Session
from brender.worker.session import events as e
from brender.worker.session import instructions as i
from brender.worker.slot import Slot

log = structlog.get_logger()
T = TypeVar("T")

TICK_S = 1.0
LOG_EVERY_S = 0.5
PICTURES_WITHIN_S = 1.0  # from the first signal: what is being verified then is given back
LEAVE_WITHIN_S = 1.9  # from the first signal, whatever is left to do
IDLE_S = 5.0  # without anything to do, until a worker that is to exit when idle does

Heard = e.Event | m.Ack | m.Refused | m.Ping | Brought
Seen = e.Verified | e.NotVerified | e.Compared | e.NotCompared
Final = m.Rendered | m.Failed | m.Unstarted | m.Stopped


@dataclass
class Stores:
    """What the worker keeps on its disk."""

    outbox: Outbox
    folders: RunFolders
    logs: RunLogs
    proofs: Proofs


class Agent:
    """One worker, from its start to its leaving."""

    def __init__(
        self,
        session: Session,
        stores: Stores,
        connection: Connection,
        *,
        exit_when_idle: bool = False,
    ) -> None:
        self._session = session
        self._outbox, self._folders, self._logs = stores.outbox, stores.folders, stores.logs
        self._proofs = stores.proofs
        self._connection = connection
        self._delivery = Delivery(connection, self.tell_from_thread)
        self._there: set[str] = set()  # runs of carried scenes whose files the manager has
        self._exit_when_idle = exit_when_idle
        self._events: asyncio.Queue[Heard] = asyncio.Queue()
        self._looker = ThreadPoolExecutor(1, "look")  # one at a time: the cores are Blender's
        self._looking: set[Future[Seen]] = set()
        self._progress: dict[str, m.Progress] = {}
        self._heartbeat_s = 1.0
        self._busy_at = time.monotonic()
        self._leaving = self._left = False
        self._leave_by: float | None = None
        self.refusal = ""  # the manager's, where it will never have this worker

    async def run(self, link: Link, slot: Slot) -> None:
        """Until it is told to leave, and has left in good order. `link` and `slot` tell their events to `tell`."""
        self._link, self._slot, self._loop = link, slot, asyncio.get_running_loop()
        rounds = (link.run(), self._every_tick(), self._every_heartbeat(), self._every_log())
        tasks = [asyncio.ensure_future(_never_silent(each)) for each in rounds]
        try:
            await self._live()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._delivery.end()
            self._connection.close()
            self._looker.shutdown(wait=False, cancel_futures=True)

    def tell(self, event: Heard) -> None:
        """Something has happened."""
        self._events.put_nowait(event)

    def tell_from_thread(self, event: Heard) -> None:
        """The same, from any thread."""
        _call(self._loop, lambda: self.tell(event))

    def note_progress(self, progress: m.Progress) -> None:
        """How far a run is, for the next heartbeat."""
        self._progress[progress.run] = progress

    def sign_off(self) -> None:
        """Leave: at the first call in good order and soon, at the second at once."""
        loop = asyncio.get_running_loop()
        if self._leaving:
            self._leave_by = loop.time()
            self.tell(e.SignOff(at_once=True))
            return
        self._leaving, self._leave_by = True, loop.time() + LEAVE_WITHIN_S
        self.tell(e.SignOff())
        loop.call_later(PICTURES_WITHIN_S, self.tell, e.SignOff(at_once=True))

    @property
    def held(self) -> tuple[str, ...]:
        """What the manager must hear of: runs in work, and those whose end it has not acknowledged.

        Not one that only began: where it is not in work any more, a process that was killed had begun it.
        """
        ended = [report.run for report in self._outbox.reports if isinstance(report, Final)]
        return tuple(dict.fromkeys([*self._session.held, *ended]))

    @property
    def looking(self) -> bool:
        """Whether a thread still looks at a picture, or is at a file, that nobody waits for."""
        return any(not future.done() for future in self._looking) or self._delivery.busy or self._slot.busy

    # --- events

    async def _live(self) -> None:
        while not self._left and not self._is_late():
            await self._take_next()
        while self._outbox.reports and self._link.connected and not self._is_late():
            await self._take_next()
        if not self._outbox.reports and not self.refusal:
            self._link.send(m.Goodbye())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._link.flush()

    def _is_late(self) -> bool:
        return self._leave_by is not None and asyncio.get_running_loop().time() >= self._leave_by

    async def _take_next(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_S if self._leave_by is None else 0.1):
                event = await self._events.get()
            await self._take(event)

    async def _take(self, event: Heard) -> None:
        match event:
            case m.Ack():
                await self._acknowledged(event)
            case m.Refused():
                self._refused(event)
            case m.Ping():
                self._link.send(m.Pong(id=event.id))
            case Brought():
                await self._brought(event)
            case m.Welcome():
                self._heartbeat_s = event.heartbeat_s
                await self._handle(event)
                self._transmit(self._outbox.reports)
                self._beat()
            case m.PauseWork() | m.ResumeWork():
                await self._handle(event)
                self._beat()  # the manager need not wait to know that it is done
            case _:
                await self._handle(event)

    async def _handle(self, event: e.Event) -> None:
        for instruction in self._session.handle(event, time.monotonic()):
            await self._obey(instruction)

    async def _acknowledged(self, ack: m.Ack) -> None:
        if ack.verdict == "bring":
            self._bring_again(ack.report)
            return
        report = self._outbox.acknowledge(ack.report)
        if report is None:
            return
        self._there.discard(report.run)
        if isinstance(report, Final):
            self._logs.forget(report.run)
        if ack.verdict == "stop":
            self._delivery.forget(report.run)
            await self._handle(e.Dismissed(report.run))
        elif is_carried(report):
            await asyncio.to_thread(self._folders.remove, report.run)  # the manager has its own
        elif isinstance(report, m.Rendered):
            self._folders.forget(report.run)

    # --- files of carried scenes

    async def _brought(self, brought: Brought) -> None:
        """The report may go now; or it never will, and the frame is rendered once more."""
        report = next((each for each in self._outbox.reports if each.id == f"{brought.run}.rendered"), None)
        if not isinstance(report, m.Rendered):
            return
        if brought.lost:
            self._outbox.acknowledge(report.id)
            text = f"The rendered files could not be brought to the manager: {brought.lost}"
            lost = m.Failed(id=f"{brought.run}.lost", run=brought.run, kind=Kind.WORKER_ERROR, message=text)
            await self._report(lost)
            await asyncio.to_thread(self._folders.remove, brought.run)
            return
        self._there.add(brought.run)
        self._transmit([report])

    def _bring_again(self, id_: str) -> None:
        """The manager has not got the files: it lost them."""
        report = next((each for each in self._outbox.reports if each.id == id_), None)
        if isinstance(report, m.Rendered):
            self._there.discard(report.run)
            self._transmit([report])

    def _refused(self, refused: m.Refused) -> None:
        if refused.again:
            log.warning("the manager refused this worker; trying again", reason=refused.reason)
            return
        self.refusal = refused.reason
        if not self._leaving:
            self.sign_off()

    # --- instructions

    async def _obey(self, instruction: i.Instruction) -> None:
        match instruction:
            case i.Verify():
                self._look(look, instruction)
            case i.Keep():
                await self._keep(instruction)
            case i.Compare():
                self._look(self._proofs.compare, instruction)
            case i.ForgetProof():
                await self._forget(instruction)
            case i.Send(report):
                await self._report(report)
            case i.RemoveFiles(run):
                await asyncio.to_thread(self._folders.remove, run)
            case i.Leave():
                self._left = True
            case _:
                await self._slot.obey(instruction)

    def _look(self, how: Callable[[T], Seen], asked: T) -> None:
        loop = asyncio.get_running_loop()
        future = self._looker.submit(how, asked)
        self._looking.add(future)

        def looked() -> None:
            self._looking.discard(future)
            if not future.cancelled():
                self.tell(future.result())

        future.add_done_callback(lambda _: _call(loop, looked))

    async def _keep(self, asked: i.Keep) -> None:
        """Waits: what follows is the report with which the manager may take the files."""
        if failed := await asyncio.to_thread(self._proofs.keep, asked):
            self.tell(failed)

    async def _forget(self, proof: i.ForgetProof) -> None:
        self._progress.pop(proof.again, None)
        self._logs.forget(proof.again)
        await asyncio.to_thread(self._proofs.forget, proof.run)
        await asyncio.to_thread(self._folders.remove, proof.again)

    async def _report(self, report: m.Report) -> None:
        if isinstance(report, Final):
            self._progress.pop(report.run, None)
        try:
            if isinstance(report, m.Started):
                self._outbox.put(report)  # is not brought to the disk, and must not wait for a thread
            else:
                await asyncio.to_thread(self._outbox.put, report)
        except OSError as error:
            log.error("a report could not be kept on the disk", report=report.id, reason=str(error))
        self._transmit([report])

    def _transmit(self, reports: Iterable[m.Report]) -> None:
        """Send reports, each with what is left of its run's log before it: after it nobody would want that.

        That a carried scene's frame is rendered is told when its files are there; they are on their way from now on.
        """
        if not self._link.connected:
            return
        for report in reports:
            if isinstance(report, m.Rendered) and is_carried(report) and report.run not in self._there:
                self._delivery.bring(report)
                continue
            if isinstance(report, Final):
                for piece in self._logs.rest(report.run):
                    self._link.send(piece)
            self._link.send(report)

    # --- rounds

    async def _every_tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.tell(e.Tick(self._slot.peak_mb if self._session.running else 0.0))
            self._look_if_idle()

    def _look_if_idle(self) -> None:
        now = time.monotonic()
        if self.held or self._session.proving or not self._link.connected:
            self._busy_at = now
        elif self._exit_when_idle and now - self._busy_at > IDLE_S and not self._leaving:
            log.info("nothing to do: leaving")
            self.sign_off()

    async def _every_heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            self._beat()

    def _beat(self) -> None:
        self._link.send(
            m.Heartbeat(
                runs=tuple(self._progress.values()),
                load=psutil.getloadavg()[0],
                memory_mb=int(psutil.virtual_memory().used / 2**20),
                paused=self._session.paused,
            )
        )

    async def _every_log(self) -> None:
        while True:
            await asyncio.sleep(LOG_EVERY_S)
            if self._link.connected:
                for piece in self._logs.pieces():
                    self._link.send(piece)


async def _never_silent(round_: Coroutine[Any, Any, None]) -> None:
    """A round that ends by an error would leave a worker that looks alive and is not."""
    try:
        await round_
    except Exception:
        log.exception("a part of the worker failed")
        raise


def _call(loop: asyncio.AbstractEventLoop, what: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: the worker has left
        loop.call_soon_threadsafe(what)
