# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs about workers, which the seed called clients."""

from typing import Any

from brender.core.commands import Refusal
from brender.core.farm import Farm
from brender.core.kinds import WORKER
from brender.core.live import LiveWorker
from brender.core.nouns import Wish
from brender.core.rules.jobs import job_of
from brender.manager.console.answer import Answer, Asked, changed, counted
from brender.manager.console.paging import paged

NOW = ("now", "--now")


async def clients(asked: Asked) -> Answer:
    """One line a worker: name, status, connection, task."""
    look: Any = WORKER.show if asked.json else _line
    return await paged(asked, "worker", asked.words, look)


def _line(farm: Farm, worker: LiveWorker) -> str:
    record = worker.record
    parts = [record.name, record.wish.value, worker.online.value]
    if record.legacy:
        parts.append("legacy")
    if record.paused:
        parts.append("paused")
    if worker.runs:
        parts.append(str(WORKER.attribute("task").read(farm, worker)))
    return "  ".join(parts)


async def enable(asked: Asked) -> Answer:
    """Let workers take work."""
    return changed(await asked.service.wish(asked.by, asked.words, Wish.ENABLED), "worker", "enabled")


async def drain(asked: Asked) -> Answer:
    """Let workers finish what they hold."""
    return changed(await asked.service.wish(asked.by, asked.words, Wish.DRAINING), "worker", "draining")


async def disable(asked: Asked) -> Answer:
    """Let workers take none; `now`, give back what they render too."""
    now = bool(asked.words) and asked.words[-1].lower() in NOW
    words = asked.words[:-1] if now else asked.words
    return changed(await asked.service.wish(asked.by, words, Wish.DISABLED, now), "worker", "disabled")


async def ping(asked: Asked) -> Answer:
    """Ask a worker whether it listens."""
    name = asked.one("WORKER")
    seconds = await asked.service.ping(name)
    said = f"{name} has answered after {1000 * seconds:.0f} ms."
    return Answer(lines=[said], data=[{"worker": name, "ms": round(1000 * seconds, 1)}])


async def orders(asked: Asked) -> Answer:
    """What workers have been told to render, and how far they are."""
    names = {named.id for named in await asked.service.select("worker", asked.words)} if asked.words else None
    rows = await asked.service.engine.read(lambda farm: _orders(farm, names))
    page = rows[asked.offset : asked.offset + asked.rows]
    if asked.json:
        return Answer(data=page, total=len(rows))
    lines = [f"{row['worker']}  {row['task']}  frame {row['frame']}  {row['state']}  {row['done']:.0%}" for row in page]
    return Answer(lines=lines or ["No worker renders anything now."], more=_next(asked, len(rows)))


def _next(asked: Asked, total: int) -> int | None:
    return asked.page + 1 if asked.offset + asked.rows < total else None


def _orders(farm: Farm, ids: set[str] | None) -> list[dict[str, Any]]:
    known = sorted(farm.workers.values(), key=lambda worker: worker.record.name)
    return [
        _order(farm, worker, run) for worker in known if ids is None or worker.record.id in ids for run in worker.runs
    ]


def _order(farm: Farm, worker: LiveWorker, id_: str) -> dict[str, Any]:
    run = farm.runs[id_]
    progress = worker.progress.get(id_)
    return {
        "worker": worker.record.name,
        "task": f"{run.job}/{run.step}/{run.index}",
        "frame": job_of(farm, run.job).steps[run.step].frames.frame(run.index),
        "state": run.state,
        "done": progress.fraction if progress else 0.0,
        "run": run.id,
    }


async def pause(asked: Asked) -> Answer:
    """Pause jobs (numbers) or workers (names)."""
    return await _jobs_or_workers(asked, paused=True)


async def resume(asked: Asked) -> Answer:
    """Let jobs (numbers) or workers (names) go on."""
    return await _jobs_or_workers(asked, paused=False)


async def _jobs_or_workers(asked: Asked, *, paused: bool) -> Answer:
    words = asked.some("JOB ... or WORKER ...")
    if all(word.isdecimal() for word in words):
        await asked.service.refuse_any(asked.by, map(int, words))
        for word in words:
            await (asked.service.pause if paused else asked.service.resume)(asked.by, int(word))
        return Answer(lines=[_paused_jobs(words, paused)], data=[int(word) for word in words])
    names = await asked.service.pause_workers(asked.by, words, paused)
    return changed(names, "worker", "paused" if paused else "resumed")


def _paused_jobs(words: tuple[str, ...], paused: bool) -> str:
    return f"{counted(len(words), 'job')} {'will start nothing more' if paused else 'resumed'}."


async def kill(asked: Asked) -> Answer:
    """End what workers render, or the runs of tasks, processes and all."""
    words = asked.some("WORKER ... or JOB/STEP/INDEX ...")
    tasks = [word for word in words if "/" in word]
    if tasks and len(tasks) < len(words):
        raise Refusal("Name workers, or tasks, not both at once.", "invalid")
    killed = await (asked.service.kill_tasks if tasks else asked.service.kill)(asked.by, words)
    return changed(killed, "run", "ended; their tasks are ready again once the workers say so")
