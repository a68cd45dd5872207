# SPDX-License-Identifier: GPL-3.0-or-later
"""Which table keeps which noun, and the way there and back. A column's name is the name of the noun's field."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Row, Table

from brender.core import changes, nouns
from brender.store import tables

Noun = TypeVar("Noun", bound=changes.Row)

Fields = Callable[[Any], tuple[Any, ...]]

_encode = msgspec.json.Encoder().encode


class DamagedError(ValueError):
    """A stored row that is no longer the noun it was: says which and why."""


class Kept(Generic[Noun]):
    """A noun and its table."""

    def __init__(self, table: Table, noun: type[Noun]) -> None:
        self.table = table
        self.name = noun.__name__.lower()
        columns = [column.name for column in table.columns if column.name != "body"]
        assert list(table.columns.keys()) == [*columns, "body"]
        self._key = [column.name for column in table.primary_key]
        self.of_job = "job" in columns  # a job's part, that goes with it
        self.key = attrgetter(*self._key)
        self._columns = _fields(columns)
        self._decode = msgspec.json.Decoder(noun).decode

    def values(self, noun: Noun) -> tuple[Any, ...]:
        """The noun as a row, in the order of the table's columns."""
        return (*self._columns(noun), _encode(noun))

    def noun(self, row: Row[Any]) -> Noun:
        """The noun of a row that holds all columns; DamagedError where the row is not whole."""
        try:
            noun = self._decode(row[-1])
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
            raise DamagedError(f"{self._called(row)} is damaged: {error}") from error
        if self._columns(noun) != tuple(row[:-1]):
            raise DamagedError(f"{self._called(row)} is damaged: its columns and its body say different things")
        return noun

    def owner(self, row: Row[Any]) -> Any:
        """The key of what a row belongs to: the job of a job's part, else itself."""
        return row._mapping["job" if self.of_job else self._key[0]]

    def _called(self, row: Row[Any]) -> str:
        """Which row it is, for a person."""
        key = [row._mapping[name] for name in self._key]
        if len(key) == 1:
            return f"{self.name} {key[0]}"
        job, step, index = key
        return f"{self.name} {index} of step {step} of job {job}"


def _fields(names: list[str]) -> Fields:
    if len(names) > 1:
        return attrgetter(*names)
    (name,) = names
    return lambda noun: (getattr(noun, name),)


JOBS = Kept(tables.jobs, nouns.Job)
TASKS = Kept(tables.tasks, nouns.Task)
RUNS = Kept(tables.runs, nouns.Run)
WORKERS = Kept(tables.workers, nouns.Worker)
SESSIONS = Kept(tables.sessions, nouns.SessionRecord)
TAGS = Kept(tables.tags, nouns.Tag)
SHARES = Kept(tables.shares, nouns.Share)
SETTINGS = Kept(tables.settings, nouns.Setting)
MAPPINGS = Kept(tables.mappings, nouns.Mapping)
VERDICTS = Kept(tables.verdicts, nouns.Verdict)
USERS = Kept(tables.users, nouns.User)
TOKENS = Kept(tables.tokens, nouns.Token)
AUDIT = Kept(tables.audit, nouns.AuditEntry)

# in the order to write them: what others refer to comes first
KEPT: dict[type[changes.Row], Kept[Any]] = {
    nouns.Setting: SETTINGS,
    nouns.Share: SHARES,
    nouns.Tag: TAGS,
    nouns.Mapping: MAPPINGS,
    nouns.Job: JOBS,
    nouns.Worker: WORKERS,
    nouns.SessionRecord: SESSIONS,
    nouns.Task: TASKS,
    nouns.Run: RUNS,
    nouns.Verdict: VERDICTS,
    nouns.User: USERS,
    nouns.Token: TOKENS,
    nouns.AuditEntry: AUDIT,
}

# what can be deleted, by the kind's name, and how its key is read from the text in a `Gone`
DELETED: dict[str, tuple[type[changes.Row], Callable[[str], Any]]] = {
    "worker": (nouns.Worker, str),
    "job": (nouns.Job, int),
    "tag": (nouns.Tag, str),
    "share": (nouns.Share, str),
    "mapping": (nouns.Mapping, str),
    "user": (nouns.User, str),
    "token": (nouns.Token, str),
}
