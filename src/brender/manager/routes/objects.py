# SPDX-License-Identifier: GPL-3.0-or-later
"""`/objects/{kind}`, `/audit`: objects of any kind by their attributes, and who changed what."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

from litestar import delete, get, patch, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from brender.core.attributes import Attribute, Kind
from brender.core.kinds import KINDS
from brender.core.objectviews import (
    AttributeView,
    AuditPage,
    Changed,
    ChangeRequest,
    CreateRequest,
    KindView,
    ObjectPage,
    Selection,
)
from brender.core.rights import Act, Right
from brender.manager.errors import Body, said
from brender.manager.routes.given import TheAsker, TheService

KindName: TypeAlias = Annotated[
    str, PathParameter(description=f"One of {', '.join(KINDS)}, its plural, or `client`, which is a worker.")
]
Which = Annotated[
    list[str] | None,
    QueryParameter(
        name="filter",
        description="Which ones, a word each, may be given again: a name, a glob, `attr=value`, `attr>=value`, a word "
        "such as `idle`, `all`. Names widen, all else narrows.",
    ),
]
Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="How many, at most.")]
Offset = Annotated[int, QueryParameter(ge=0, le=2**53, description="Leave out so many of them.")]
Who = Annotated[str | None, QueryParameter(description="What this person did alone.")]
OfDoor = Annotated[
    str | None, QueryParameter(description="What came through this door alone: console, json, http, cli.")
]
OfVerb = Annotated[str | None, QueryParameter(description="What this was done alone, such as `disable`.")]
OfKind = Annotated[str | None, QueryParameter(name="kind", description="What was done to objects of this kind alone.")]
BeforeEntry = Annotated[str | None, QueryParameter(description="Those before it: a page's `before`.")]

_CHANGE = said(400, 404, 409, 413, 415, 422)


@get("/objects/{kind:str}", responses=said(400, 404, 422), right=Act.SEE)
async def list_objects(
    kind: KindName, service: TheService, which: Which = None, limit: Limit = 50, offset: Offset = 0
) -> ObjectPage:
    """Objects of a kind with all their attributes. Without a filter, of jobs the unfinished ones; `all` means all.

    Tasks are those of a job: say `job=5`, or the task's id.
    """
    rows, total = await service.show(kind, which or (), limit, offset)
    return ObjectPage(count=len(rows), total=total, data=tuple(rows))


@get("/objects/{kind:str}/describe", responses=said(400, 404, 422), right=Right.LOOK)
async def describe_kind(kind: KindName, service: TheService) -> KindView:
    """What a kind of object has: its attributes, their types and bounds, and the words of its filters."""
    return described(service.describe(kind))


@post("/objects/{kind:str}", dto=Body[CreateRequest], return_dto=None, responses=_CHANGE, right=Act.MAKE)
async def create_object(kind: KindName, data: JSONBody[CreateRequest], service: TheService, asker: TheAsker) -> Changed:
    """Make one: a worker before it comes, a tag, a user's share, a mapping; a job is submitted."""
    row = await service.create(asker, kind, data.values)
    return Changed(count=1, names=(str(row[service.describe(kind).key.name]),))


@patch("/objects/{kind:str}", dto=Body[ChangeRequest], return_dto=None, responses=_CHANGE, right=Act.CHANGE)
async def change_objects(
    kind: KindName, data: JSONBody[ChangeRequest], service: TheService, asker: TheAsker
) -> Changed:
    """Set attributes of all that are meant, in one transaction: of all of them, or of none."""
    return changed(await service.set(asker, kind, data.filters or (), data.values))


@delete(
    "/objects/{kind:str}", status_code=200, dto=Body[Selection], return_dto=None, responses=_CHANGE, right=Act.CHANGE
)
async def delete_objects(kind: KindName, data: JSONBody[Selection], service: TheService, asker: TheAsker) -> Changed:
    """Delete all that are meant, in one transaction. What is in use is not deleted, and nor are the others then."""
    return changed(await service.delete(asker, kind, data.filters or ()))


def changed(names: Sequence[str]) -> Changed:
    """How many, and which."""
    return Changed(count=len(names), names=tuple(names))


def described(kind: Kind) -> KindView:
    """A kind, as values."""
    return KindView(
        name=kind.name,
        plural=kind.plural,
        doc=kind.doc,
        attributes=tuple(map(_attribute, kind.attributes)),
        words=tuple(kind.words),
        no_create=kind.no_create,
        no_delete=kind.no_delete,
    )


def _attribute(attribute: Attribute) -> AttributeView:
    same = {name: getattr(attribute, name) for name in AttributeView.__struct_fields__}
    return AttributeView(**same)


# --- who changed what --------------------------------------------------------------------------------------------


@get("/audit", responses=said(400, 422), right=Right.AUDIT)
async def list_audit(
    service: TheService,
    who: Who = None,
    door: OfDoor = None,
    verb: OfVerb = None,
    of_kind: OfKind = None,
    limit: Limit = 50,
    before: BeforeEntry = None,
) -> AuditPage:
    """Who changed what, when, through which door and from where: the newest first."""
    said_ = {"who": who, "door": door, "verb": verb, "kind": of_kind}
    entries = await service.audit(limit + 1, before, **{name: word for name, word in said_.items() if word})
    page = tuple(entries[:limit])
    return AuditPage(count=len(page), entries=page, before=page[-1].id if len(entries) > limit else None)


HANDLERS: list[Any] = [list_objects, describe_kind, create_object, change_objects, delete_objects, list_audit]
