# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers: who comes, who goes, what the administrator wants of them, and when their leases end."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from brender.core import commands as c
from brender.core.changes import Changes, Discard, Effect, Presence, Row, Tell
from brender.core.farm import Farm, LiveWorker, Now
from brender.core.messages import PROTOCOL, Hello, Recall, Refused, Stop, Welcome
from brender.core.nouns import RunState, Wish, Worker
from brender.core.rules.runs import give_back, lose

NewId = Callable[[], str]

HEARTBEAT_S = 1.0
LEASE_S = 60.0


def hello(farm: Farm, command: c.WorkerHello, now: Now, new_id: NewId) -> Changes:
    """Known by its key alone (C06). What it no longer holds is known not to run, and is requeued (C05)."""
    if command.hello.protocol != PROTOCOL:
        spoken = f"This manager speaks protocol {PROTOCOL}, the worker {command.hello.protocol}"
        return Changes(answer=Refused(reason=f"{spoken}: install the same brender on both."))
    if (id_ := farm.by_key.get(command.key_hash)) is None:
        return _newcomer(farm, command, now, new_id)
    worker = farm.workers[id_]
    if refused := _still_there(worker, command.hello, now):
        return Changes(answer=refused)
    changes = _requeue_forgotten(farm, worker, command.hello, now)
    record = replace(worker.record, host=command.hello.host)
    if record != worker.record:
        changes.rows.append(record)
    if worker.connection:
        changes.effects.append(Discard(id_, worker.connection))
    return _welcome(changes, record, command, _adopted(farm, worker, command.hello))


def _still_there(worker: LiveWorker, said: Hello, now: Now) -> Refused | None:
    """The written rule for two with one identity: who is there stays, while it is heard."""
    if worker.connection is None or worker.boot == said.boot or now.mono - worker.seen > 3 * HEARTBEAT_S:
        return None
    name, hostname = worker.record.name, worker.record.host.hostname
    return Refused(reason=f"A worker with this identity, {name}, is already connected from {hostname}.", again=True)


def _requeue_forgotten(farm: Farm, worker: LiveWorker, said: Hello, now: Now) -> Changes:
    changes = Changes()
    for id_ in worker.runs:
        if id_ not in said.held:
            run = farm.runs[id_]
            ended = give_back if run.state is RunState.ASSIGNED else lose
            changes.rows += ended(farm, run, now, "Its worker came back without it.")
    return changes


def _adopted(farm: Farm, worker: LiveWorker, said: Hello) -> tuple[str, ...]:
    """Held runs that are still live: also those rendered, whose reports the worker has not seen acknowledged."""
    live = (farm.runs.get(id_) for id_ in said.held)
    return tuple(run.id for run in live if run and run.worker == worker.record.id)


def _newcomer(farm: Farm, command: c.WorkerHello, now: Now, new_id: NewId) -> Changes:
    record = Worker(
        id=new_id(),
        key_hash=command.key_hash,
        name=_free_name(farm, command.hello.name),
        created_at=now.wall,
        host=command.hello.host,
    )
    return _welcome(Changes([record]), record, command, ())


def _free_name(farm: Farm, wanted: str) -> str:
    name, n = wanted, 1
    while name in farm.by_name:
        n += 1
        name = f"{wanted}-{n}"
    return name


def _welcome(changes: Changes, record: Worker, command: c.WorkerHello, adopted: tuple[str, ...]) -> Changes:
    said = command.hello
    changes.presence = Presence(worker=record.id, connection=command.connection, boot=said.boot, only_job=said.only_job)
    changes.answer = Welcome(
        worker=record.id, name=record.name, heartbeat_s=HEARTBEAT_S, lease_s=LEASE_S, adopted=adopted
    )
    return changes


def gone(farm: Farm, command: c.WorkerGone, now: Now, new_id: NewId) -> Changes:
    """A closed connection is not a death: its runs are kept for their lease, unless it signed off."""
    worker = farm.workers.get(command.worker)
    if worker is None or worker.connection != command.connection:
        return Changes()
    rows = _signed_off(farm, worker, now) if command.goodbye else []
    return Changes(rows, presence=Presence(worker=command.worker, connection=None))


def _signed_off(farm: Farm, worker: LiveWorker, now: Now) -> list[Row]:
    return [row for id_ in worker.runs for row in give_back(farm, farm.runs[id_], now, "Its worker signed off.")]


def set_wish(farm: Farm, command: c.SetWish, now: Now, new_id: NewId) -> Changes:
    """The wish is the manager's, and survives every restart (C12)."""
    if (worker := farm.workers.get(command.worker)) is None:
        raise c.Refusal(f"There is no worker {command.worker}.", "not_found")
    record = replace(worker.record, wish=command.wish)
    return Changes([record], _take_back(farm, worker, command), record)


def _take_back(farm: Farm, worker: LiveWorker, command: c.SetWish) -> list[Effect]:
    """Disabled, it gives its queued runs back; `now`, the running one too."""
    if command.wish is not Wish.DISABLED or not worker.runs:
        return []
    if command.now:
        return [Tell(command.worker, Stop(runs=tuple(worker.runs), reason="the worker was disabled"))]
    queued = _queued(farm, worker.runs)
    return [Tell(command.worker, Recall(runs=queued))] if queued else []


def _queued(farm: Farm, runs: Iterable[str]) -> tuple[str, ...]:
    return tuple(id_ for id_ in runs if farm.runs[id_].state is RunState.ASSIGNED)


def tick(farm: Farm, command: c.Tick, now: Now, new_id: NewId) -> Changes:
    """Runs whose lease has run out are lost: from now on a report about them is answered "stop" (C01)."""
    rows: list[Row] = []
    for worker in farm.workers.values():
        if worker.runs and now.mono - worker.seen > LEASE_S:
            rows += _lost(farm, worker, now)
    return Changes(rows)


def _lost(farm: Farm, worker: LiveWorker, now: Now) -> list[Row]:
    text = f"Nothing was heard of worker {worker.record.name} for {LEASE_S:.0f} s."
    return [row for id_ in worker.runs for row in lose(farm, farm.runs[id_], now, text)]
