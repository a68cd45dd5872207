# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of who may do what. Every route and every verb names one right; nothing else decides.

`refusal` is asked in one place for each door (docs/decisions/0006-people.md), and by the service where an object has
an owner.
"""

import enum

import msgspec

from brender.core.nouns import Role


class Right(enum.StrEnum):
    """What can be allowed."""

    OPEN = "open"  # nobody in particular: the front page, the documents, logging in, joining
    LOOK = "look"  # see jobs, frames, workers, logs, pictures; fetch frames
    ACCOUNT = "account"  # one's own password, tokens, sessions
    SUBMIT = "submit"  # send content, submit jobs
    CHANGE_JOBS = "change_jobs"  # pause, resume, cancel, retry, set, delete: one's own, an admin all
    CHANGE_FARM = "change_farm"  # workers, tags, shares, settings, content
    PEOPLE = "people"  # users, and everybody's tokens; tokens for workers
    AUDIT = "audit"  # who did what
    SHUTDOWN = "shutdown"
    WORK = "work"  # what workers do: their socket, content of scenes, frames brought back


_EVERYBODY = frozenset(Role)
_USERS = frozenset((Role.ADMIN, Role.USER))
_ADMINS = frozenset((Role.ADMIN,))

ROLES: dict[Right, frozenset[Role]] = {
    Right.LOOK: _EVERYBODY,
    Right.ACCOUNT: _EVERYBODY,
    Right.SUBMIT: _USERS,
    Right.CHANGE_JOBS: _USERS,
    Right.CHANGE_FARM: _ADMINS,
    Right.PEOPLE: _ADMINS,
    Right.AUDIT: _ADMINS,
    Right.SHUTDOWN: _ADMINS,
    Right.WORK: frozenset(),  # no person: workers' own keys
}
OWN = frozenset((Right.CHANGE_JOBS,))  # for others than admins: of what is their own


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as the door found out."""

    name: str  # the user's; "" for nobody
    role: Role | None = None  # None: nobody, or a worker
    scopes: frozenset[str] = frozenset()  # what an API token is limited to; empty: to nothing
    worker: str = ""  # the id of a worker that came with its own key
    local: bool = False  # with the data folder's token, from this machine: it may also do what workers do


NOBODY = Principal(name="")
