# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's attributes."""

from typing import Any

from msgspec.structs import replace

from brender.core.attributes import Attribute, Kind
from brender.core.farm import Farm
from brender.core.kinds.fields import field, of, plain_name
from brender.core.live import LiveWorker
from brender.core.nouns import Condition, Wish
from brender.core.pathmap import wrong_folder
from brender.core.settings import TypeName


def condition(worker: LiveWorker) -> Condition:
    """What a worker is doing."""
    return Condition.BUSY if worker.runs else Condition.IDLE


def _worker_task(farm: Farm, worker: LiveWorker) -> str:
    run = farm.runs[next(iter(worker.runs))] if worker.runs else None
    return f"{run.job}/{run.step}/{run.index}" if run else ""


def _record_attribute(name: str, type_: TypeName, doc: str, **more: Any) -> Attribute:
    return Attribute(name=name, type=type_, doc=doc, read=of("record", name), write=field(name), **more)


def _host_attribute(name: str, type_: TypeName, doc: str) -> Attribute:
    return Attribute(name=name, type=type_, doc=doc, read=of("record", "host", name))


_WORDS = {
    "enabled": ("wish", "enabled"),
    "disabled": ("wish", "disabled"),
    "draining": ("wish", "draining"),
    "online": ("connection", "online"),
    "offline": ("connection", "offline"),
    "idle": ("condition", "idle"),
    "busy": ("condition", "busy"),
    "sick": ("condition", "sick"),
}


def _name(value: str) -> str | None:
    taken = f"`{value}` says which workers are meant: choose another name" if value.lower() in _WORDS else None
    return plain_name(value) or taken


def _mappings(texts: tuple[str, ...]) -> str | None:
    for text in texts:
        name, found, path = text.partition("=")
        if not found or plain_name(name):
            return f"each is NAME=PATH, with the name of a mapping, and not {text!r}"
        if (reason := wrong_folder(path, windows=False)) and wrong_folder(path, windows=True):
            return reason
    return None


WORKER = Kind(
    name="worker",
    plural="workers",
    doc="A machine that renders; the seed's client.",
    attributes=(
        _record_attribute("name", "text", "what it is called, unique", at_create=True, required=True, check=_name),
        Attribute(name="id", type="text", doc="its identity, for ever", read=of("record", "id")),
        Attribute(
            name="wish",
            type="choice",
            doc="what the administrator wants of it",
            choices=tuple(Wish),
            read=of("record", "wish"),
            write=lambda record, value: replace(record, wish=Wish(value)),
            at_create=True,
        ),
        Attribute(
            name="connection",
            type="choice",
            doc="whether its socket is open",
            choices=("online", "offline"),
            read=of("online"),
        ),
        Attribute(
            name="condition",
            type="choice",
            doc="what it is doing",
            choices=tuple(Condition),
            read=lambda _farm, worker: condition(worker),
        ),
        _record_attribute("paused", "bool", "whether it is to stand still, with what it renders"),
        _record_attribute("tags", "list", "tags given to it here, besides its own", at_create=True),
        _record_attribute("note", "text", "anything a person wants to say of it", at_create=True),
        _record_attribute(
            "mappings",
            "list",
            "where it has shared folders, if not where others of its system have them: NAME=PATH, commas between",
            at_create=True,
            spaced=True,
            check=_mappings,
        ),
        Attribute(name="task", type="text", doc="the task it renders: job/step/index", read=_worker_task),
        _host_attribute("hostname", "text", "the machine's name"),
        _host_attribute("mac", "text", "the machine's MAC address, as twelve hexadecimal digits"),
        _host_attribute("system", "text", "the operating system"),
        _host_attribute("cores", "int", "processor cores"),
        _host_attribute("memory_mb", "int", "memory, MB"),
        Attribute(
            name="blenders",
            type="list",
            doc="every Blender found on it",
            read=lambda _farm, worker: tuple(str(found.blender) for found in worker.record.host.blenders),
        ),
        Attribute(
            name="legacy",
            type="bool",
            doc="a client of 2013: it can take no render tasks",
            read=of("record", "legacy"),
        ),
        Attribute(name="created_at", type="float", doc="seconds since 1970", read=of("record", "created_at")),
    ),
    words=_WORDS,
)
