# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers: who comes, who goes, what the administrator wants of them, and when their leases end."""

from collections.abc import Callable

from msgspec.structs import replace

from brender.core import commands as c
from brender.core.changes import Changes, Discard, Presence, Row
from brender.core.farm import Farm
from brender.core.live import LiveWorker, Now
from brender.core.messages import PROTOCOL, Hello, Host, Refused, Welcome
from brender.core.nouns import RunState, TokenKind, Wish, Worker
from brender.core.rules import orders
from brender.core.rules.runs import give_back, lose

NewId = Callable[[], str]

HEARTBEAT_S = 1.0

_ANOTHER = "Make another on the manager: `brender tokens join`."


def hello(farm: Farm, command: c.WorkerHello, now: Now, new_id: NewId) -> Changes:
    """Known by its key alone (C06). What it no longer holds is known not to run, and is requeued (C05)."""
    if command.hello.protocol != PROTOCOL:
        spoken = f"This manager speaks protocol {PROTOCOL}, the worker {command.hello.protocol}"
        return Changes(answer=Refused(reason=f"{spoken}: install the same brender on both."))
    if (id_ := farm.by_key.get(command.key_hash)) is None:
        if command.joined:
            return Changes(answer=Refused(reason="It was removed from the farm. To come again, it joins again."))
        return _newcomer(farm, command, now, new_id)
    worker = farm.workers[id_]
    if reason := _elsewhere(worker.record, command.hello.host):
        return Changes(answer=Refused(reason=reason))
    if refused := _still_there(worker, command.hello, now):
        return Changes(answer=refused)
    changes = _requeue_forgotten(farm, worker, command.hello, now)
    record = _connected(farm, worker.record, command.hello)
    if record != worker.record:
        changes.rows.append(record)
    if worker.connection:
        changes.effects.append(Discard(id_, worker.connection))
    adopted = _adopted(farm, worker, command.hello)
    changes.effects += orders.again(farm, record, adopted)
    return _welcome(farm, changes, record, command, adopted)


def _connected(farm: Farm, record: Worker, said: Hello) -> Worker:
    """A known worker as it is now. An administrator's wish survives, unless `enable_on_connect` is set (R16)."""
    wish = Wish.ENABLED if farm.setting("enable_on_connect") else record.wish
    return replace(record, host=said.host, wish=wish)


def _elsewhere(record: Worker, said: Host) -> str | None:
    """A copy of a worker's files on another machine is not that worker (C13)."""
    if not record.host.machine or record.host.machine == said.machine:
        return None
    return (
        f"Worker {record.name} is the machine {record.host.hostname}, and its key came from another, {said.hostname}: "
        "its files were copied. Remove key.json and joined.json from the folder of the copy, and have it join; or, "
        f"where this is the machine now, delete worker {record.name} here first."
    )


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
            ended = give_back if run.state is RunState.ASSIGNED or run.stop else lose
            changes.rows += ended(farm, run, now, "Its worker came back without it.")
    return changes


def _adopted(farm: Farm, worker: LiveWorker, said: Hello) -> tuple[str, ...]:
    """Held runs that are still live: also those rendered, whose reports the worker has not seen acknowledged."""
    live = (farm.runs.get(id_) for id_ in said.held)
    return tuple(run.id for run in live if run and run.worker == worker.record.id)


def _newcomer(farm: Farm, command: c.WorkerHello, now: Now, new_id: NewId) -> Changes:
    """Whoever is on the manager's own machine needs no token."""
    said = command.hello
    record = _taken_in(farm, command.key_hash, said.name, said.host, now, new_id)
    return _welcome(farm, Changes([record]), record, command, ())


def _taken_in(farm: Farm, key_hash: str, name: str, host: Host, now: Now, new_id: NewId) -> Worker:
    """A prepared worker of its name is taken up; otherwise it is a new one."""
    prepared = farm.workers.get(farm.by_name.get(name, ""))
    if prepared is not None and prepared.record.prepared:
        return replace(prepared.record, key_hash=key_hash, host=host)
    return new_worker(farm, key_hash, name, host, now, new_id)


def join(farm: Farm, command: c.Join, now: Now, new_id: NewId) -> Changes:
    """A use of the token for a worker that is new; the same key again is the same worker, and spends nothing."""
    token = farm.tokens.get(command.token)
    if token is None or token.kind is not TokenKind.JOIN:
        raise c.Refusal("This join token is not known here any more: it was revoked.", "forbidden")
    if known := farm.workers.get(farm.by_key.get(command.key_hash, "")):
        if reason := _elsewhere(known.record, command.host):
            raise c.Refusal(reason)
        return _came_again(known.record, command.host)
    if token.expires_at is not None and token.expires_at <= now.wall:
        raise c.Refusal(f"This join token has run out. {_ANOTHER}", "forbidden")
    if token.uses == 0:
        raise c.Refusal(
            f"This join token is used up: as many machines as it was for have joined. {_ANOTHER}", "forbidden"
        )
    record = _taken_in(farm, command.key_hash, command.name, command.host, now, new_id)
    spent = replace(token, uses=None if token.uses is None else token.uses - 1, used_at=now.wall)
    return Changes([record, spent], answer=record)


def _came_again(record: Worker, host: Host) -> Changes:
    changed = replace(record, host=host)
    return Changes([] if changed == record else [changed], answer=changed)


def new_worker(farm: Farm, key_hash: str, name: str, host: Host, now: Now, new_id: NewId) -> Worker:
    """A worker nobody knew, under a name that is free."""
    return Worker(id=new_id(), key_hash=key_hash, name=_free_name(farm, name), created_at=now.wall, host=host)


def legacy_hello(farm: Farm, command: c.LegacyHello, now: Now, new_id: NewId) -> Changes:
    """A client of 2013: known by its MAC address, takes no render tasks. Answer: its `Worker`."""
    if not farm.setting("legacy_clients"):
        raise c.Refusal("Clients of 2013 are not taken here: `set setting legacy_clients value=true` takes them.")
    key = f"mac {command.mac}"
    if known := farm.workers.get(farm.by_key.get(key, "")):
        record = replace(known.record, wish=Wish.ENABLED if farm.setting("enable_on_connect") else known.record.wish)
        rows: list[Row] = [] if record == known.record else [record]
    else:
        host = Host(hostname=command.origin, system="", cores=0, memory_mb=0, mac=command.mac)
        record = replace(new_worker(farm, key, command.origin, host, now, new_id), legacy=True)
        rows = [record]
    return Changes(rows, answer=record, presence=Presence(worker=record.id, connection=command.connection))


def _free_name(farm: Farm, wanted: str) -> str:
    name, n = wanted, 1
    while name in farm.by_name:
        n += 1
        name = f"{wanted}-{n}"
    return name


def _welcome(farm: Farm, changes: Changes, record: Worker, command: c.WorkerHello, adopted: tuple[str, ...]) -> Changes:
    said = command.hello
    changes.presence = Presence(worker=record.id, connection=command.connection, boot=said.boot, only_job=said.only_job)
    changes.answer = Welcome(
        worker=record.id,
        name=record.name,
        heartbeat_s=HEARTBEAT_S,
        lease_s=lease(farm),
        adopted=adopted,
        paused=record.paused,
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
    answer: list[Worker] = []
    changes = Changes(answer=answer)
    for id_ in command.workers:
        worker = orders.worker_of(farm, id_)
        record = replace(worker.record, wish=command.wish)
        answer.append(record)
        changes.rows.append(record)
        if command.now and command.wish is Wish.DISABLED:
            stopped = orders.stop(farm, worker.runs, "the worker was disabled")
            changes.rows += stopped.rows
            changes.effects += stopped.effects
        else:
            changes.effects += orders.follow(farm, worker, record)
    return changes


def set_paused(farm: Farm, command: c.SetPaused, now: Now, new_id: NewId) -> Changes:
    """Kept with the worker, and told again whenever it comes back: the pause survives every restart."""
    changes = Changes()
    for id_ in command.workers:
        worker = orders.worker_of(farm, id_)
        record = replace(worker.record, paused=command.paused)
        changes.rows.append(record)
        changes.effects += orders.follow(farm, worker, record)
    changes.answer = list(changes.rows)
    return changes


def tick(farm: Farm, command: c.Tick, now: Now, new_id: NewId) -> Changes:
    """Runs whose lease has run out are lost: from now on a report about them is answered "stop" (C01)."""
    lease_s = lease(farm)
    silent = [w for w in farm.workers.values() if w.runs and now.mono - w.seen > lease_s]
    rows = [row for worker in silent for row in _lost(farm, worker, now, lease_s)]
    return Changes(rows, silent=tuple(worker.record.id for worker in silent))


def lease(farm: Farm) -> float:
    """Seconds without a sign of life after which a worker's runs are lost."""
    return float(farm.setting("lease_s"))


def _lost(farm: Farm, worker: LiveWorker, now: Now, lease_s: float) -> list[Row]:
    text = f"Nothing was heard of worker {worker.record.name} for {lease_s:.0f} s."
    return [row for id_ in worker.runs for row in lose(farm, farm.runs[id_], now, text)]
