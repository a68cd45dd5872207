# SPDX-License-Identifier: GPL-3.0-or-later
"""Builders: nouns as a farm saves them, each whole; a test names only what it is about."""

from typing import Any

from brender.core.frames import FrameSet
from brender.core.messages import File, Host, Result
from brender.core.nouns import (
    AuditEntry,
    Gone,
    Job,
    JobState,
    Limits,
    Mapping,
    Role,
    Run,
    RunState,
    SessionRecord,
    Setting,
    Share,
    Step,
    StepKind,
    Tag,
    Task,
    TaskState,
    Token,
    TokenKind,
    User,
    Verdict,
    Worker,
)
from brender.core.scene import Blender, Scene
from tests import samples

PICTURE = File(temporary="/out/.r1/0001.png", final="/out/0001.png", size=1234, sha256="ab" * 32, width=64, height=36)
RESULT = Result(
    files=(PICTURE,),
    blender="4.5.15",
    device="CPU",
    peak_memory_mb=512.25,
    render_s=1.25,
)


def job(id: int = 1, *, frames: str = "1-250", state: JobState = JobState.QUEUED, **fields: Any) -> Job:
    scene = Scene(blend="/a b/c'd Стул é 日本.blend", blender=Blender(kind="bpy", version="4.5.15"))
    step = Step(name="frames", kind=StepKind.FRAMES, frames=FrameSet(frames))
    given: dict[str, Any] = {"request_id": f"request-{id}", "name": "Стул", "owner": "ada", "priority": 50, "tags": ()}
    given |= {"scene": scene, "steps": (step,), "limits": Limits(), "outputs": "/out/####.png", "submitted_at": 1000.0}
    return Job(id=id, state=state, **given | fields)


def task(index: int = 0, state: TaskState = TaskState.RUNNING, *, job: int = 1, **fields: Any) -> Task:
    return Task(job=job, index=index, state=state, **{"step": 0} | fields)


def run(id: str = "r1", state: RunState = RunState.RUNNING, *, job: int = 1, index: int = 0, **fields: Any) -> Run:
    given: dict[str, Any] = {"step": 0, "worker": "w1", "assigned_at": 2000.0}
    return Run(id=id, job=job, index=index, state=state, **given | fields)


def worker(id: str = "w1", name: str = "north", *, created_at: float = 500.0, **fields: Any) -> Worker:
    host = Host(hostname="north.local", system="Linux", cores=2, memory_mb=4096)
    return Worker(id=id, key_hash="cd" * 32, name=name, created_at=created_at, host=host, **fields)


def session(id: str = "s1", *, job: int = 1, opened_at: float = 2001.0) -> SessionRecord:
    opened = samples.opened(frame_end=250)
    return SessionRecord(id=id, job=job, step=0, worker="w1", opened_at=opened_at, opened=opened)


def tag(name: str = "gpu", note: str = "has a GPU") -> Tag:
    return Tag(name=name, note=note)


def mapping(name: str = "show", **fields: str) -> Mapping:
    return Mapping(name=name, **{"linux": "/mnt/show", "windows": "P:\\show", "note": "Стул"} | fields)


def share(user: str = "ada", weight: float = 2.0) -> Share:
    return Share(user=user, weight=weight)


def setting(name: str = "lease_s", value: str | int | float | bool = 30.0) -> Setting:
    return Setting(name=name, value=value)


def entry(id: str = "e1", at: float = 3000.0, kind: str = "worker", who: str = "ada", **fields: Any) -> AuditEntry:
    given: dict[str, Any] = {"door": "console", "origin": "127.0.0.1", "verb": "set", "keys": ("w1",), "count": 1}
    return AuditEntry(id=id, at=at, kind=kind, who=who, **given | {"values": {"tags": ("a", "b")}} | fields)


def verdict(content: str = "c1", **fields: Any) -> Verdict:
    return Verdict(content=content, **{"job": 1, "frame": 12, "equal": True} | fields)


def user(name: str = "ada", **fields: Any) -> User:
    return User(name=name, **{"role": Role.ADMIN, "password_hash": "$argon2id$v=19$x", "created_at": 900.0} | fields)


def token(id: str = "t1", **fields: Any) -> Token:
    given: dict[str, Any] = {"kind": TokenKind.API, "secret_hash": "ab" * 32, "user": "ada", "created_at": 901.0}
    return Token(id=id, **given | {"expires_at": 5000.0} | fields)


def gone(kind: str, key: str) -> Gone:
    return Gone(kind=kind, key=key)
