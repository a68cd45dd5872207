# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of who may do what. Every route and every verb names one right; nothing else decides.

`refusal` is asked in one place for each door (docs/decisions/0006-people.md), and `owns` by the service where an object
has an owner.
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


class Act(enum.StrEnum):
    """Where the right depends on the kind of object that is named: which of its kind's rights it is."""

    SEE = "see"
    MAKE = "make"
    CHANGE = "change"


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
SCOPES = tuple(right for right, roles in ROLES.items() if roles)  # what an API token can be limited to


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as the door found out."""

    name: str  # the user's; "" for nobody, a worker, and who has the data folder's token
    role: Role | None = None  # None: nobody, or a worker
    scopes: frozenset[Right] | None = None  # what an API token is limited to; None: to nothing, it is its user's role
    worker: str = ""  # the id of a worker that came with its own key
    local: bool = False  # with the data folder's token, from this machine: it may also do what workers do
    token: str = ""  # the id of the API token or session that it came with

    @property
    def called(self) -> str:
        """For a person."""
        if self.worker:
            return "a worker"
        if self.local:
            return "the data folder's token"
        return f"{self.name} ({self.role})" if self.role else "nobody"


NOBODY = Principal(name="")
LOCAL = Principal(name="", role=Role.ADMIN, local=True)  # whoever owns the machine, while nobody has to log in
LOCAL_LOOKS = Principal(name="", role=Role.VIEWER, local=True)  # the same, where people log in


def allows(who: Principal, right: Right) -> bool:
    """The whole of it."""
    if right is Right.OPEN:
        return True
    if right is Right.WORK:
        return bool(who.worker) or who.local
    return who.role in ROLES[right] and (who.scopes is None or right in who.scopes)


def refusal(who: Principal, right: Right) -> str | None:
    """Why not, in a sentence, or None."""
    if allows(who, right):
        return None
    if who == NOBODY:
        return f"This wants the right {right}: log in first (`brender login`), or send a token."
    if who.scopes is not None and right not in who.scopes:
        limits = ", ".join(sorted(who.scopes)) or "nothing"
        return f"This wants the right {right}, and the token of {who.called} is limited to {limits}."
    if who.local:
        return f"This wants the right {right}: people log in at this farm, so `brender login` first."
    return f"This wants the right {right}, which {who.called} does not have."


def rights_of(who: Principal) -> list[Right]:
    """All that it may do."""
    return [right for right in Right if allows(who, right)]


def owns(who: Principal, owner: str) -> bool:
    """Whether what belongs to `owner` may be changed: by an admin, and by themselves."""
    return who.role is Role.ADMIN or (bool(who.name) and who.name == owner)
