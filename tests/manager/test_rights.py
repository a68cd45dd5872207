# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: every route, every verb and every action of the JSON line, with everybody there can be."""

import asyncio
from typing import Any

import msgspec
import pytest

from brender.core import commands as c
from brender.core.kinds import KINDS, right_of
from brender.core.rights import NOBODY, ROLES, Act, Principal, Right, allows, refusal
from brender.core.views import ErrorBody
from brender.manager import http
from brender.manager.auth import Door
from brender.manager.console import asking, jsonline
from brender.manager.console.verbs import VERBS
from brender.manager.guard import handlers, open_paths
from brender.manager.people import Denied
from tests.manager.crowd import MAY, Somebody, everybody, switch_logins_on
from tests.manager.house import House

APP = http.application({})
REFUSED = "This wants "

OPEN = {  # what nobody needs to be let in for
    "/", "/api/v1/docs", "/api/v1/docs/openapi.json", "/api/v1/openapi.json", "/api/v1/login", "/api/v1/accept",
    "/api/v1/me", "/api/v1/join",
}  # fmt: skip
ONLY_ASKS = {"/api/v1/command", "/api/v1/workers/{worker:str}/ping"}  # each verb of a command has a right of its own
NO_SUCH_PAGE = "/api/v1/docs/{path:str}"  # Litestar's own answer; it is not told to nobody
FILLED = {"int": "7", "str": "x", "path": "x"}


def rights_of_routes() -> list[tuple[str, str, Right]]:
    """Every method of every path, with its right; where that depends on a kind of object, once for each kind."""
    found = []
    for route, method, handler in handlers(APP):
        if route.path == NO_SUCH_PAGE:
            continue
        for kind in KINDS if isinstance(handler.opt["right"], Act) else [""]:
            path = "/".join(_filled(part, kind) for part in route.path_components)
            right = handler.opt["right"]
            found.append((method, f"/{path}", right_of(right, kind) if isinstance(right, Act) else right))
    return found


def _filled(part: Any, kind: str) -> str:
    if isinstance(part, str):
        return part
    return kind if part.name == "kind" and kind else FILLED[part.type.__name__ if part.type is not str else "str"]


def test_every_route_has_a_right_of_its_own() -> None:
    without = [
        route.path for route, _, handler in handlers(APP) if not isinstance(handler.opt.get("right"), Right | Act)
    ]
    assert without == []


def test_what_is_open_is_known_by_name_and_has_nothing_in_its_path() -> None:
    assert open_paths(APP) == OPEN
    others = {r.path for r, _, h in handlers(APP) if h.opt["right"] is Right.OPEN and r.path_parameters}
    assert others == {NO_SUCH_PAGE}


def test_what_changes_something_wants_more_than_to_look() -> None:
    looks = {r.path for r, method, h in handlers(APP) if method not in ("GET", "HEAD") and h.opt["right"] is Right.LOOK}
    assert looks == ONLY_ASKS


def test_the_table_of_roles_is_as_it_is_written_here() -> None:
    for role, rights in MAY.items():
        assert {right for right in Right if allows(Principal(name="x", role=role), right)} == rights
    assert set(ROLES) == set(Right) - {Right.OPEN}


@pytest.mark.parametrize("logins", [False, True])
async def test_every_route_lets_in_whom_the_table_names_and_nobody_else(house: House, logins: bool) -> None:
    if logins:
        await switch_logins_on(house)
    door, people, wrong = house.app(), await everybody(house), []
    for who in people[-1:] if logins else people:  # of logins only the machine's owner sees anything
        for method, path, right in rights_of_routes():
            if (method, path) in (("POST", "/api/v1/logout"), ("POST", "/api/v1/login")):
                continue  # they end what this test shows, or are open: below
            allowed = await lets_in(door, method, path, who)
            if allowed is not (right in who.may):
                wrong.append((who.name, method, path, right))
    assert wrong == []


async def lets_in(door: Door, method: str, path: str, who: Somebody) -> bool:
    """Whether a request gets as far as its handler. It has no body, and its names are nobody's: it does no harm."""
    status, body = await answer_of(door, method, path, who)
    if status not in (401, 403):
        return True
    return not msgspec.json.decode(body, type=ErrorBody).error.message.startswith(REFUSED)


async def answer_of(door: Door, method: str, path: str, who: Somebody) -> tuple[int, bytes]:
    """The status and the body of what is refused; what is a stream is left at its beginning."""
    headers = [(b"host", b"127.0.0.1:8080"), *((k.lower().encode(), v.encode()) for k, v in who.headers.items())]
    scope: dict[str, Any] = {
        "type": "http" if method else "websocket", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "scheme": "http" if method else "ws", "http_version": "1.1",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080), "subprotocols": [], "root_path": "",
        "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    answered: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
    started = 0

    async def send(message: Any) -> None:
        nonlocal started
        if message["type"].endswith("response.start"):
            started = message["status"]
        done = message["type"] == "websocket.accept" or (started and started < 400)
        if not answered.done() and (done or message["type"].endswith("response.body")):
            answered.set_result((started, message.get("body", b"")))

    async def receive() -> dict[str, Any]:
        if not method:
            return {"type": "websocket.connect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    task = asyncio.create_task(door(scope, receive, send))  # type: ignore[arg-type]
    await asyncio.wait([task, answered], return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return answered.result()


async def test_who_may_not_is_told_which_right_is_missing_and_who_they_are(house: House) -> None:
    people = {who.name: who for who in await everybody(house)}
    expected = {
        "nobody": (401, "This wants a token (Authorization: Bearer)"),
        "viewer": (403, "This wants the right change_farm, which a-viewer (viewer) does not have."),
        "worker": (403, "This wants the right change_farm, which a worker does not have."),
        "admin's token for look": (403, "and the token of a-admin (admin) is limited to look."),
    }
    for name, (status, sentence) in expected.items():
        got, body = await answer_of(house.app(), "POST", "/api/v1/workers/enable", people[name])
        assert got == status
        assert sentence in body.decode()


async def test_a_route_without_a_right_is_nobodys(house: House) -> None:
    from brender.manager.guard import refusal as refusal_of

    assert "no right of its own" in (refusal_of(Principal(name="x", role=None), {}, {}) or "")


# --- the console -------------------------------------------------------------------------------------------------


async def principals(house: House) -> list[tuple[Somebody, Principal]]:
    """Everybody, as the door finds them out."""
    found = []
    for who in await everybody(house):
        text = who.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        try:
            found.append((who, house.app().principal(text, ("127.0.0.1", 1)) if text else NOBODY))
        except Denied:
            raise AssertionError(who.name) from None
    return [(who, principal) for who, principal in found if "browser" not in who.name]


async def test_every_verb_is_obeyed_for_whom_the_table_names_and_nobody_else(house: House) -> None:
    wrong = []
    for who, principal in await principals(house):
        by = c.By(who="x", door="console", principal=principal)
        for verb in VERBS:
            for words in [f"{kind} x" for kind in KINDS] if isinstance(verb.right, Act) else ["x", "7", "7/0/3"]:
                answer = await asking.ask(house.service, by, f"{verb.name} {words}")
                if answer.text.startswith(REFUSED) is (verb.right_for(words.split()) in who.may):
                    wrong.append((who.name, verb.name, words))
    assert wrong == []


def test_verbs_about_jobs_and_workers_want_the_right_of_what_they_mean() -> None:
    pause = next(verb for verb in VERBS if verb.name == "pause")
    assert [pause.right_for(words) for words in (["5"], ["5", "6"], ["5/0/1"])] == [Right.CHANGE_JOBS] * 3
    assert [pause.right_for(words) for words in ([], ["alpha"], ["5", "alpha"])] == [Right.CHANGE_FARM] * 3


async def test_every_action_of_the_json_line_wants_the_right_of_its_kind(house: House) -> None:
    acts = {"create": Act.MAKE, "read": Act.SEE, "update": Act.CHANGE, "delete": Act.CHANGE}
    wrong = []
    for who, principal in await principals(house):
        by = c.By(who="x", door="json", principal=principal)
        for kind in KINDS:
            for action, act in acts.items():
                line = f'{{"item": "{kind}", "action": "{action}", "filters": "x", "values": {{"id": "x"}}}}'
                said = await jsonline.answer(house.service, by, line)
                if (REFUSED in said) is (right_of(act, kind) in who.may):
                    wrong.append((who.name, kind, action))
    assert wrong == []


def test_the_sentence_says_what_to_do() -> None:
    assert refusal(NOBODY, Right.LOOK) == "This wants the right look: log in first (`brender login`), or send a token."
    assert refusal(NOBODY, Right.OPEN) is None
