# SPDX-License-Identifier: GPL-3.0-or-later
"""schemathesis over the OpenAPI document, as each role, against a real manager: whatever is sent, nobody gets further
than the table lets them, and nothing is a mistake of the manager's.
"""

import contextlib
import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from brender.core import jointoken
from brender.core.kinds import KINDS, right_of
from brender.core.nouns import Role
from brender.core.rights import Act, Principal, Right, allows
from brender.manager import http
from brender.manager.guard import handlers
from tests.e2e.conftest import Desk

PASSWORD = "correct horse battery"
EXAMPLES = {GenerationMode.POSITIVE: 8, GenerationMode.NEGATIVE: 4}
ENDS = {"/api/v1/events", "/api/v1/shutdown", "/api/v1/logout"}  # without an end, or the end itself: of no one who may
SAFELY = settings(
    database=None, deadline=None, derandomize=False, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
SHOWN = ("Authorization", "X-Brender-CSRF")

Who = tuple[dict[str, str], Principal]


@pytest.fixture
def manager(desk: Desk) -> Iterator[httpx.Client]:
    """As its owner asks it."""
    desk.start("manager", "--port", "0", "--no-console").wait_for("manager ready")
    url = json.loads((desk.data / "manager.json").read_bytes())["url"]
    token = (desk.data / "token").read_text().strip()
    with httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        yield client


def everybody(manager: httpx.Client) -> dict[str, Who]:
    """The least first, as an admin may end what the others show."""
    found: dict[str, Who] = {"nobody": ({}, Principal(name=""))}
    for role in (Role.VIEWER, Role.USER):
        found[role.value] = (logged_in(manager, role), Principal(name=role, role=role))
    key = "k" * 43
    made = manager.post("/tokens/join", json={}).raise_for_status().json()
    host = {"hostname": "h", "system": "Linux", "cores": 1, "memory_mb": 1}
    body = {"token": jointoken.decode(made["text"]).token, "name": "w", "host": host}
    hashed = hashlib.sha256(key.encode()).hexdigest()
    manager.post("/join", json=body | {"key_hash": hashed}).raise_for_status()
    found["worker"] = ({"Authorization": f"Bearer {key}"}, Principal(name="", worker="w"))
    admin = logged_in(manager, Role.ADMIN)
    made = manager.post("/tokens", json={"scopes": ["look"]}, headers=admin).raise_for_status().json()
    limited = Principal(name="admin", role=Role.ADMIN, scopes=frozenset({Right.LOOK}))
    found["a token to look"] = ({"Authorization": f"Bearer {made['text']}"}, limited)
    found["admin"] = (admin, Principal(name="admin", role=Role.ADMIN))
    return found


def logged_in(manager: httpx.Client, role: Role) -> dict[str, str]:
    values = {"name": role.value, "role": role.value}
    manager.post("/objects/user", json={"values": values}).raise_for_status()
    manager.post(f"/users/{role}/password", json={"password": PASSWORD}).raise_for_status()
    body = {"name": role.value, "password": PASSWORD, "token": True}
    return {"Authorization": f"Bearer {manager.post('/login', json=body).raise_for_status().json()['token']}"}


def refusals(right: Right) -> tuple[str, str]:
    """How it is said, to nobody and to others."""
    return "This wants a token", f"This wants the right {right}"


def rights() -> dict[tuple[str, str], Right | Act]:
    """Of each operation, as the document names it."""
    return {
        (method, "/".join(["", *(p if isinstance(p, str) else f"{{{p.name}}}" for p in route.path_components)])): right
        for route, method, handler in handlers(http.application({}))
        if isinstance(right := handler.opt["right"], Right | Act)
    }


@pytest.mark.slow
def test_whatever_is_sent_nobody_gets_further_than_the_table_and_nothing_is_a_mistake(manager: httpx.Client) -> None:
    document = manager.get("/openapi.json").raise_for_status().json()
    people, table, wrong, sent = everybody(manager), rights(), [], Counter[int]()
    url = str(manager.base_url).removesuffix("/api/v1/")

    def look(case: Any) -> None:
        right = table[case.method.upper(), case.path]
        if isinstance(right, Act):
            named = str(case.path_parameters["kind"])
            right = right_of(right, named)
        case.cookies = {}
        for shown in SHOWN:  # of its own accord
            case.headers.pop(shown, None)
        for name, (headers, who) in people.items():
            may = allows(who, right)
            if may and case.path in ENDS:
                continue
            answer = case.call(base_url=url, session=session, headers=headers, timeout=20)
            sent[answer.status_code] += 1
            told = case.method.upper() == "HEAD" or any(sentence in answer.text for sentence in refusals(right))
            let_in = answer.status_code not in (401, 403) or not told
            nowhere = answer.status_code == 405 or "There is nothing at" in answer.text  # what is no route at all
            if answer.status_code >= 500 or (let_in is not may and not nowhere):
                wrong.append((name, case.method, case.formatted_path, case.body, answer.status_code, answer.text[:200]))

    with requests.Session() as session, warnings.catch_warnings():
        session.trust_env = False
        warnings.simplefilter("ignore")  # schemathesis on what it cannot make
        schema = schemathesis.openapi.from_dict(document)
        for operation in (result.ok() for result in schema.get_all_operations()):
            for mode, examples in EXAMPLES.items():
                strategy = operation.as_strategy(generation_mode=mode)
                with contextlib.suppress(Unsatisfiable):  # what takes nothing can be sent nothing wrong
                    seed(4)(settings(SAFELY, max_examples=examples)(given(strategy)(look)))()
    assert wrong[:5] == []
    assert {200, 400, 401, 403, 404} <= sent.keys()
    assert sent.total() > 2000
    assert len(KINDS) > 8
