# SPDX-License-Identifier: GPL-3.0-or-later
"""One line of JSON in, one out: `item`, `action`, `filters`, `values`, as in 2013, and the old shape where it is asked.

Every answer is an object. An error is `{"ok": false, "error": ...}` and has changed nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from brender.core import rights
from brender.core.commands import By, Refusal
from brender.core.farm import Farm
from brender.core.kinds import kind_of, right_of
from brender.core.live import LiveWorker
from brender.core.rights import Act, Right
from brender.manager.console.about_objects import attribute_row, refuse_python
from brender.manager.console.answer import MOST_ROWS, encoded
from brender.manager.console.asking import MISTAKE
from brender.manager.service import Service
from brender.store import StoreError

log = structlog.get_logger()

FIELDS = ("item", "action", "filters", "filter", "values", "format", "limit", "offset", "token")
OLD_NAMES = {"status": "wish", "mac_address": "mac"}  # what a client's attributes were called in 2013

Filters = dict[str, Any] | list[str] | str


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a line asks."""

    item: str
    action: str
    filters: Filters
    values: dict[str, Any]
    old: bool
    limit: int | None
    offset: int
    token: str


async def answer(service: Service, by: By, line: str) -> str:
    """The answer to a line, as a line without its end. The right that it takes is looked at here."""
    try:
        request = parsed(line)
        act, do = _action(request.action)
        by = shown(service, by, request.token) if request.token else by
        right = Right.LOOK if act is None else right_of(act, request.item)
        if reason := rights.refusal(by.principal, right):
            raise Refusal(reason, "forbidden")
        said = await do(service, by, request)
    except Refusal as refusal:
        return error(refusal.message)
    except StoreError as failure:
        log.error("the store failed", error=failure.message)
        return error(failure.message)
    except Exception:
        log.exception("a JSON line failed")
        return error(MISTAKE)
    return encoded(said)


def shown(service: Service, by: By, token: str) -> By:
    """Whoever asks, with an API token. `Refusal` where it opens nothing."""
    who = service.people.principal(token)
    return replace(by, who=who.name, principal=who)


def error(sentence: str) -> str:
    """An error, as a line."""
    return encoded({"ok": False, "error": sentence})


# --- what is asked -----------------------------------------------------------------------------------------------


def parsed(line: str) -> Request:
    """The request of a line; `Refusal` for what is none."""
    try:
        said = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as failure:
        raise Refusal(f"This is no JSON: {failure}.", "invalid") from None
    if unknown := sorted(said.keys() - set(FIELDS)):
        raise Refusal(f"There is no field {unknown[0]}; there are {', '.join(FIELDS)}.", "invalid")
    item = _text(said, "item")
    both = [said[name] for name in ("filters", "filter") if name in said]
    return Request(
        item=item,
        action=_text(said, "action").lower(),
        filters=_old(item, _filters(both[0] if both else {})),
        values=_old(item, _values(said.get("values", {}))),
        old=_format(said),
        limit=_number(said, "limit", 1, MOST_ROWS),
        offset=_number(said, "offset", 0, 2**53) or 0,
        token=_text(said, "token") if "token" in said else "",
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    if not isinstance(said.get(name), str) or not said[name]:
        raise Refusal(f'A request says "{name}", a text.', "invalid")
    found: str = said[name]
    return found


def _filters(given: Any) -> Filters:
    if given == "":
        return {}
    if isinstance(given, dict | str) or (isinstance(given, list) and all(isinstance(word, str) for word in given)):
        return given
    raise Refusal('"filters" is an object, such as {"wish": "enabled"}, or words, such as "farm* idle".', "invalid")


def _values(given: Any) -> dict[str, Any]:
    if given == "":
        return {}
    if isinstance(given, dict):
        return given
    raise Refusal('"values" is an object, such as {"wish": "enabled"}.', "invalid")


def _old(item: str, given: Any) -> Any:
    """A client's attributes under their names of today."""
    if item.lower() not in ("client", "clients") or not isinstance(given, dict):
        return given
    return {OLD_NAMES.get(name, name): value for name, value in given.items()}


def _format(said: Mapping[str, Any]) -> bool:
    if said.get("format") not in (None, "", "plain", "datatables"):
        raise Refusal('"format" is "plain" or "datatables".', "invalid")
    return said.get("format") == "datatables"


def _number(said: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Refusal(f'"{name}" is a number from {least} to {most}.', "invalid")
    return value


# --- the actions -------------------------------------------------------------------------------------------------


async def _read(service: Service, by: By, request: Request) -> dict[str, Any]:
    given = request.filters or ["all"]
    limit = request.limit or MOST_ROWS
    if request.old:
        if service.kind(request.item).name != "worker":
            raise Refusal('The format "datatables" is for clients.', "invalid")
        rows, _ = await service.find("worker", given, _old_row, limit, request.offset)
        return {"aaData": rows}
    data, total = await service.show(request.item, given, limit, request.offset)
    said: dict[str, Any] = {"ok": True, "count": len(data)}
    if len(data) < total:
        said["total"] = total
    return said | {"data": data}


def _old_row(_farm: Farm, worker: LiveWorker) -> dict[str, str]:
    record = worker.record
    return {
        "DT_RowId": f"client_{record.id}",
        "DT_RowClass": worker.online.value,
        "0": record.name,
        "1": record.wish.value,
        "2": worker.online.value,
    }


async def _create(service: Service, by: By, request: Request) -> dict[str, Any]:
    refuse_python(service.kind(request.item), request.values)
    row = await service.create(by, request.item, request.values)
    return {"ok": True, "count": 1, "data": [row]}


async def _update(service: Service, by: By, request: Request) -> dict[str, Any]:
    names = await service.set(by, request.item, request.filters or ["all"], request.values)
    return _named(request.item, names)


async def _delete(service: Service, by: By, request: Request) -> dict[str, Any]:
    if not request.filters:
        raise Refusal('An empty filter deletes nothing. To delete all, say so: "filters": "all".', "invalid")
    return _named(request.item, await service.delete(by, request.item, request.filters))


async def _describe(service: Service, by: By, request: Request) -> dict[str, Any]:
    kind = service.describe(request.item)
    return {"ok": True, "count": len(kind.attributes), "data": [attribute_row(a) for a in kind.attributes]}


def _named(item: str, names: list[str]) -> dict[str, Any]:
    key = kind_of(item).key.name
    return {"ok": True, "count": len(names), "data": [{key: name} for name in names]}


Action = Callable[[Service, By, Request], Awaitable[dict[str, Any]]]

_ACTIONS: dict[str, tuple[Act | None, Action]] = {  # with what is done to an object of the kind; None: just looked at
    "create": (Act.MAKE, _create),
    "read": (Act.SEE, _read),
    "update": (Act.CHANGE, _update),
    "delete": (Act.CHANGE, _delete),
    "describe": (None, _describe),
}


def _action(name: str) -> tuple[Act | None, Action]:
    if name in _ACTIONS:
        return _ACTIONS[name]
    raise Refusal(f"There is no action {name[:40]}; there are {', '.join(_ACTIONS)}.", "invalid")
