# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit log says of a command: who, what, to which objects. Only what a person asked for is in it."""

from collections.abc import Callable, Sequence
from typing import Any

from brender.core import commands as c
from brender.core.changes import Changes
from brender.core.farm import Farm
from brender.core.live import Now
from brender.core.nouns import AuditEntry, Gone, Job, Mapping, Run, Share, Tag, TokenKind, User, Value, Worker

MOST_KEYS = 100

Said = tuple[str, str, Sequence[str], dict[str, Value]]  # verb, kind, keys, values


def entry(farm: Farm, command: c.Command, changes: Changes, now: Now, id_: str) -> AuditEntry | None:
    """The entry to save with a command's changes; None where nothing changed, or nobody asked."""
    if command.by is None or not changes.rows or type(command) not in _SAID:
        return None
    verb, kind, keys, values = _SAID[type(command)](command, changes)
    return AuditEntry(
        id=id_,
        at=now.wall,
        who=command.by.who,
        door=command.by.door,
        origin=command.by.origin,
        verb=verb,
        kind=kind,
        keys=tuple(_called(farm, kind, key) for key in keys[:MOST_KEYS]),
        count=len(keys),
        values=values,
    )


def _called(farm: Farm, kind: str, key: str) -> str:
    """A worker is known to people by its name, also once it is deleted."""
    worker = farm.workers.get(key) if kind == "worker" else None
    return worker.record.name if worker else key


def _about_job(verb: str) -> Callable[[Any, Changes], Said]:
    return lambda command, _changes: (verb, "job", [str(command.job)], {})


def _submitted(command: c.SubmitJob, changes: Changes) -> Said:
    job = changes.answer
    assert isinstance(job, Job)
    return "submit", "job", [str(job.id)], {"name": job.name, "blend": job.scene.blend}


def _wished(command: c.SetWish, changes: Changes) -> Said:
    verb = {"enabled": "enable", "draining": "drain", "disabled": "disable"}[command.wish]
    names = [row.name for row in changes.rows if isinstance(row, Worker)]
    return verb, "worker", names, {"now": True} if command.now else {}


def _paused(command: c.SetPaused, changes: Changes) -> Said:
    names = [row.name for row in changes.rows if isinstance(row, Worker)]
    return "pause" if command.paused else "resume", "worker", names, {}


def _killed(_command: c.KillRuns, changes: Changes) -> Said:
    killed = [f"{row.job}/{row.step}/{row.index}" for row in changes.rows if isinstance(row, Run)]
    return "kill", "task", killed, {}


def _created(command: c.CreateObject, changes: Changes) -> Said:
    made = changes.answer
    key = made.user if isinstance(made, Share) else made.name if isinstance(made, Worker | Tag | Mapping | User) else ""
    return "create", command.kind, [key], dict(command.values)


def _accepted(_command: c.SpendToken, changes: Changes) -> Said:
    user = changes.answer
    assert isinstance(user, User)
    return "accept", "user", [user.name], {}


def _joined(command: c.Join, changes: Changes) -> Said:
    worker = changes.answer
    assert isinstance(worker, Worker)
    return "join", "worker", [worker.name], {"host": command.host.hostname}


def _token(command: c.PutToken, _changes: Changes) -> Said:
    """A login is a token of a session, or one for a command line."""
    token = command.token
    if token.kind is TokenKind.SESSION:
        return "login", "user", [token.user], {}
    values: dict[str, Value] = {
        name: getattr(token, name) for name in ("user", "scopes", "note") if getattr(token, name)
    }
    return "create", "token", [token.id], {"kind": token.kind.value, **values}


_SAID: dict[type[c.Command], Callable[[Any, Changes], Said]] = {
    c.SubmitJob: _submitted,
    c.PauseJob: _about_job("pause"),
    c.ResumeJob: _about_job("resume"),
    c.CancelJob: _about_job("cancel"),
    c.RetryJob: _about_job("retry"),
    c.SetPriority: lambda command, _: ("set", "job", [str(command.job)], {"priority": command.priority}),
    c.SetWish: _wished,
    c.SetPaused: _paused,
    c.KillRuns: _killed,
    c.CreateObject: _created,
    c.SetAttributes: lambda command, _: ("set", command.kind, command.keys, dict(command.values)),
    c.DeleteObjects: lambda command, changes: (
        "delete", command.kind, [row.key for row in changes.rows if isinstance(row, Gone) and row.kind == command.kind],
        {},
    ),
    c.SetPassword: lambda command, _: ("password", "user", [command.user], {}),
    c.PutToken: _token,
    c.Join: _joined,
    c.SpendToken: _accepted,
}  # fmt: skip
