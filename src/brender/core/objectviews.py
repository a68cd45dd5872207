# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked and answered about objects of any kind, by their attributes: types of the HTTP API. Values only."""

from typing import Any

from brender.core.nouns import AuditEntry, Value
from brender.core.settings import TypeName
from brender.core.views import View

Filters = list[str] | dict[str, Any]


class ObjectPage(View, frozen=True, kw_only=True):
    """`GET /objects/{kind}`: those that are meant, in the order of their kind; `total` counts those of all pages."""

    ok: bool = True
    count: int  # in this page
    total: int  # that the filter means
    data: tuple[dict[str, Value], ...]  # of each all its attributes


class CreateRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /objects/{kind}`."""

    values: dict[str, Any]  # attributes of the new one; `describe` says which may, and which must be given


class ChangeRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `PATCH /objects/{kind}`."""

    filters: Filters  # which: words as in `GET`, or an object such as {"wish": "enabled", "cores": ">=8"}
    values: dict[str, Any]  # what: attributes, and what they are set to


class Selection(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `DELETE /objects/{kind}`, and of `POST /workers/pause`, `resume` and `kill`."""

    filters: Filters  # which: words as in `GET`, or an object such as {"wish": "enabled", "cores": ">=8"}


class TaskNames(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /tasks/kill`."""

    tasks: list[str]  # each job/step/index, such as "5/0/17"


class WishesRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /workers/enable`, `drain` and `disable`."""

    filters: Filters  # which: words such as "farm*", "idle", "all", or an object such as {"condition": "idle"}
    now: bool = False  # of `disable`: give back what is running, too


class Changed(View, frozen=True, kw_only=True):
    """What was made, changed or deleted: how many, and which."""

    ok: bool = True
    count: int
    names: tuple[str, ...]  # the name of each; of a kind without names, its id


class Pong(View, frozen=True, kw_only=True):
    """`POST /workers/{worker}/ping`: it listens."""

    worker: str  # its name
    after_s: float  # the time until it had answered


class AttributeView(View, frozen=True, kw_only=True):
    """One attribute of a kind of object."""

    name: str
    type: TypeName
    doc: str
    writable: bool  # may be set
    at_create: bool = False  # may be given when one is made
    required: bool = False  # must be given when one is made
    choices: tuple[str, ...] = ()  # of the type `choice`: the words it may be
    least: float | None = None
    most: float | None = None


class KindView(View, frozen=True, kw_only=True):
    """`GET /objects/{kind}/describe`: a kind of object, all that can be said of it and asked of it."""

    name: str
    plural: str
    doc: str
    attributes: tuple[AttributeView, ...]  # a bare name in a filter is compared with the first one
    words: tuple[str, ...] = ()  # bare words of a filter that are no names, such as `idle`
    no_create: str = ""  # why none can be made, "" where one can
    no_delete: str = ""


class AuditPage(View, frozen=True, kw_only=True):
    """`GET /audit`: who changed what, the newest first."""

    ok: bool = True
    count: int
    entries: tuple[AuditEntry, ...]
    before: str | None = None  # of the next page; None: that was all


class CommandRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /command`."""

    line: str  # as it would be typed at the console


class CommandAnswer(View, frozen=True, kw_only=True):
    """What the console says to it."""

    ok: bool  # False: it was refused, and `text` says why
    text: str
