# SPDX-License-Identifier: GPL-3.0-or-later
"""People: they log in, show what they were given, change what is theirs, and are let in no longer than they may be."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog
from argon2 import PasswordHasher
from structlog.testing import CapturingLogger

from brender.core import commands as c
from brender.core.commands import Refusal
from brender.core.nouns import JobState, Role, TokenKind
from brender.core.rights import Right
from brender.manager import auth
from brender.manager.backoff import FORGET_S, MOST_KEYS, Backoff
from brender.manager.people import AT_ONCE, IN_LINE, SESSION_S, Denied
from tests.manager.crowd import BY, PASSWORD, account, bearer, guess, session, switch_logins_on, token
from tests.manager.house import TOKEN, URL, House

API = "/api/v1"


@pytest.fixture
async def browser(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client that shows nothing by itself, and keeps cookies as a browser does."""
    async with house.client() as client:
        del client.headers["Authorization"]
        yield client


async def log_in(browser: httpx.AsyncClient, name: str = "anna", **more: Any) -> httpx.Response:
    return await browser.post(f"{API}/login", json={"name": name, "password": PASSWORD} | more)


def problem(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["error"]
    return found


# --- sessions of a browser -------------------------------------------------------------------------------------------


async def test_a_browser_logs_in_is_somebody_and_logs_out(house: House, browser: httpx.AsyncClient) -> None:
    await account(house, "anna", Role.USER, PASSWORD)
    assert (await browser.get(f"{API}/jobs")).status_code == 401
    answer = await log_in(browser)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.split("; ")[1:] == ["Max-Age=43200", "Path=/", "HttpOnly", "SameSite=Strict"]
    assert answer.json()["csrf"] not in cookie
    assert "token" not in answer.json() or answer.json()["token"] == ""
    me = (await browser.get(f"{API}/me")).json()
    assert (me["name"], me["role"], me["csrf"]) == ("anna", "user", answer.json()["csrf"])
    assert "submit" in me["rights"]
    assert "people" not in me["rights"]
    assert (await browser.post(f"{API}/logout", headers={"X-Brender-CSRF": me["csrf"]})).status_code == 204
    assert (await browser.get(f"{API}/me")).json()["role"] is None
    assert house.engine.farm.tokens == {}


async def test_over_tls_the_cookie_is_secure_and_for_this_host_alone(house: House) -> None:
    await account(house, "anna", Role.USER, PASSWORD)
    transport = httpx.ASGITransport(house.app())  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://127.0.0.1:8080") as browser:
        cookie = (await log_in(browser)).headers["Set-Cookie"]
        assert cookie.startswith("__Host-brender_session=")
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict; Secure")
        assert (await browser.get(f"{API}/jobs", headers={"Origin": "https://127.0.0.1:8080"})).status_code == 200
        assert (await browser.get(f"{API}/jobs", headers={"Origin": "http://127.0.0.1:8080"})).status_code == 403


@pytest.mark.parametrize("shown", [None, "", "wrong", "0" * 64])
@pytest.mark.parametrize(("method", "path"), [("POST", "jobs/1/pause"), ("DELETE", "tokens/x"), ("PATCH", "jobs/1")])
async def test_a_cookie_changes_nothing_without_the_word_that_only_our_page_knows(
    house: House, browser: httpx.AsyncClient, shown: str | None, method: str, path: str
) -> None:
    """Cross-site request forgery."""
    await account(house, "anna")
    await house.submit(owner="anna")
    headers = {"Cookie": (await session(house, "anna"))["Cookie"]} | ({"X-Brender-CSRF": shown} if shown else {})
    answer = await browser.request(method, f"{API}/{path}", headers=headers)
    assert answer.status_code == 403
    assert problem(answer)["where"] == "X-Brender-CSRF"
    assert not house.engine.farm.jobs[1].pause
    assert (await browser.get(f"{API}/jobs", headers=headers)).status_code == 200


async def test_a_token_needs_no_such_word(house: House, browser: httpx.AsyncClient) -> None:
    await account(house, "anna")
    await house.submit(owner="anna")
    headers = bearer(await token(house, "anna"))
    assert (await browser.post(f"{API}/jobs/1/pause", headers=headers)).status_code == 200


async def test_a_session_ends_after_twelve_hours_and_an_old_cookie_hinders_no_new_login(
    house: House, browser: httpx.AsyncClient
) -> None:
    await account(house, "anna", Role.USER, PASSWORD)
    await log_in(browser)
    house.mono += SESSION_S - 1
    assert (await browser.get(f"{API}/jobs")).status_code == 200
    house.mono += 1
    answer = await browser.get(f"{API}/jobs", headers={"Cookie": f"{auth.COOKIE}={browser.cookies[auth.COOKIE]}"})
    assert (answer.status_code, problem(answer)["reason"]) == (401, "unauthorized")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert (await log_in(browser)).status_code == 200


async def test_a_session_is_no_token_and_a_token_no_session(house: House, browser: httpx.AsyncClient) -> None:
    await account(house, "anna")
    text = (await session(house, "anna"))["Cookie"].partition("=")[2]
    assert (await browser.get(f"{API}/jobs", headers=bearer(text))).status_code == 401
    shown = {"Cookie": f"{auth.COOKIE}={await token(house, 'anna')}"}
    assert (await browser.get(f"{API}/jobs", headers=shown)).status_code == 401


async def test_two_cookies_of_one_name_are_none(house: House, browser: httpx.AsyncClient) -> None:
    """Another program on this machine may have set one of them: ports have no cookies of their own."""
    await account(house, "anna")
    mine, other = (await session(house, "anna"))["Cookie"], (await session(house, "anna"))["Cookie"]
    assert (await browser.get(f"{API}/jobs", headers={"Cookie": f"{mine}; {other}"})).status_code == 401
    assert (await browser.get(f"{API}/jobs", headers={"Cookie": f"a=b; {mine}; c"})).status_code == 200


async def test_a_user_has_so_many_sessions_and_the_oldest_makes_room(house: House) -> None:
    await account(house, "anna")
    for _ in range(60):
        await house.people.issue(BY, TokenKind.SESSION, "anna", lives_s=SESSION_S)
        house.mono += 1
    kept = [each.created_at for each in house.engine.farm.tokens.values()]
    assert len(kept) == 50
    assert min(kept) == 1_700_000_000.0 + 1000.0 + 10


# --- guessing --------------------------------------------------------------------------------------------------------


async def test_guessing_a_password_becomes_slow_for_the_name_whoever_asks(
    house: House, browser: httpx.AsyncClient
) -> None:
    await account(house, "anna", Role.USER, PASSWORD)
    for _ in range(6):
        answer = await log_in(browser, password="wrong")
        assert (answer.status_code, problem(answer)["message"]) == (401, "The name or the password is wrong.")
    for seconds in (1, 2, 4):
        answer = await log_in(browser)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) == seconds
        assert problem(answer)["reason"] == "too_soon"
        house.mono += seconds
        assert (await log_in(browser, password="wrong")).status_code == 401
    house.mono += 8
    assert (await log_in(browser, token=True)).status_code == 200
    assert (await log_in(browser, password="wrong")).status_code == 401  # and counted from the beginning again


async def test_an_unknown_name_is_answered_just_as_a_wrong_password(house: House, browser: httpx.AsyncClient) -> None:
    """In words and in work: each is hashed once."""
    await account(house, "anna", Role.USER, PASSWORD)
    await account(house, "nothing")
    hashed: list[str] = []
    verified = house.people._verified

    def seen(known: str, password: str) -> bool:
        hashed.append(password)
        return verified(known, password)

    house.people._verified = seen  # type: ignore[method-assign]
    answers = [await log_in(browser, name, password="wrong") for name in ("anna", "nobody", "nothing", "Ünknown", "")]
    assert len({answer.content for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {401}
    assert hashed == ["wrong"] * 5


def test_tries_count_before_they_are_known_to_have_failed() -> None:
    """Many at once are no way around it."""
    tries = Backoff(free=2, longest_s=60)
    for _ in range(4):
        assert tries.wait_s("a", 10.0) == 0 or tries.wait_s("a", 10.0) > 0
        tries.failed("a", 10.0)
    assert tries.wait_s("a", 10.0) == 2.0
    tries.was_right("a")
    assert tries.wait_s("a", 10.0) == 0


def test_what_is_remembered_of_tries_is_bounded_and_forgotten() -> None:
    tries = Backoff(free=0, longest_s=60)
    for n in range(MOST_KEYS + 10):
        tries.failed(str(n), 0.0)
    assert len(tries) == MOST_KEYS
    for _ in range(100):
        tries.failed("a", 0.0)
    assert tries.wait_s("a", 0.0) == 60
    tries.failed("a", FORGET_S + 1)
    assert tries.wait_s("a", FORGET_S + 1) == 1


async def test_two_passwords_are_hashed_at_once_and_a_long_line_is_refused(house: House) -> None:
    running, most = 0, 0
    done = asyncio.Event()

    class Slow(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            nonlocal running, most
            running += 1
            most = max(most, running)
            asyncio.run_coroutine_threadsafe(done.wait(), loop).result()
            running -= 1
            return "x"

    loop = asyncio.get_running_loop()
    house.people._hasher = Slow()
    crowd = [asyncio.create_task(house.people.hashed(PASSWORD)) for _ in range(IN_LINE + 3)]
    await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
    done.set()
    answers = await asyncio.gather(*crowd, return_exceptions=True)
    assert most == AT_ONCE
    assert [str(each) for each in answers if each != "x"] == [
        "Too many people log in at this moment: try again in 1 s."
    ] * 3


# --- passwords and invitations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["", "ninechars", "x" * 1025])
async def test_a_password_that_is_no_good_one_is_refused_with_its_bounds(house: House, bad: str) -> None:
    await account(house, "anna")
    async with house.client() as client:
        answer = await client.post(f"{API}/users/anna/password", json={"password": bad})
    assert (answer.status_code, problem(answer)["message"]) == (422, "A password has 10 to 1024 characters.")


async def test_whoever_changes_their_password_stays_and_all_their_other_browsers_go(
    house: House, browser: httpx.AsyncClient
) -> None:
    await account(house, "anna", Role.USER, PASSWORD)
    here, there = await session(house, "anna"), await session(house, "anna")
    tool = bearer(await token(house, "anna"))
    body = {"old": PASSWORD, "new": "another horse"}
    wrong = await browser.post(f"{API}/password", json=body | {"old": "wrong"}, headers=here)
    assert wrong.status_code == 401
    assert (await browser.post(f"{API}/password", json=body, headers=here)).status_code == 200
    statuses = [(await browser.get(f"{API}/jobs", headers=each)).status_code for each in (here, there, tool)]
    assert statuses == [200, 401, 200]
    assert (await log_in(browser, password="another horse")).status_code == 200


async def test_an_invitation_sets_a_password_once_and_within_seven_days(
    house: House, browser: httpx.AsyncClient
) -> None:
    await account(house, "anna")
    async with house.client() as admin:
        first = (await admin.post(f"{API}/users/anna/invite")).json()
        second = (await admin.post(f"{API}/users/anna/invite")).json()
        assert (await admin.post(f"{API}/users/nobody/invite")).status_code == 404
    assert (await browser.get(f"{API}/jobs", headers=bearer(first["text"]))).status_code == 401
    body = {"token": first["text"], "password": PASSWORD}
    short = await browser.post(f"{API}/accept", json=body | {"password": "short"})
    assert short.status_code == 422
    assert (await browser.post(f"{API}/accept", json=body)).json() == {"name": "anna", "role": "user"}
    for used in (first, second):
        again = await browser.post(f"{API}/accept", json=body | {"token": used["text"]})
        assert again.status_code == 401
    assert (await log_in(browser)).status_code == 200
    late = await house.people.invite(BY, "anna")
    house.mono += 7 * 24 * 3600
    answer = await browser.post(f"{API}/accept", json=body | {"token": late.text})
    assert (answer.status_code, "expired" in problem(answer)["message"]) == (401, True)


async def test_two_who_use_one_invitation_at_once_are_one(house: House) -> None:
    await account(house, "anna")
    made = await house.people.invite(BY, "anna")
    both = [house.people.accept(BY, made.text, PASSWORD) for _ in range(2)]
    answers = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(isinstance(each, Refusal) for each in answers) == [False, True]


# --- tokens ----------------------------------------------------------------------------------------------------------


async def test_a_token_is_shown_once_listed_without_its_secret_and_revoked(
    house: House, browser: httpx.AsyncClient
) -> None:
    await account(house, "anna", Role.USER, PASSWORD)
    tool = bearer((await log_in(browser, token=True, note="a tool")).json()["token"])
    made = (await browser.post(f"{API}/tokens", json={"scopes": ["look"], "days": 1}, headers=tool)).json()
    listed = await browser.get(f"{API}/tokens", headers=tool)
    assert {each["note"] for each in listed.json()["tokens"]} == {"a tool", ""}
    assert made["text"].partition(".")[2] not in listed.text
    limited = bearer(made["text"])
    assert (await browser.get(f"{API}/jobs", headers=limited)).status_code == 200
    assert (await browser.get(f"{API}/tokens", headers=limited)).status_code == 403
    assert (await browser.delete(f"{API}/tokens/{made['id']}", headers=tool)).status_code == 204
    assert (await browser.get(f"{API}/jobs", headers=limited)).status_code == 401


async def test_a_token_makes_no_other_that_can_do_more(house: House, browser: httpx.AsyncClient) -> None:
    await account(house, "anna", Role.ADMIN)
    limited = bearer(await token(house, "anna", Right.ACCOUNT, Right.LOOK))
    more = await browser.post(f"{API}/tokens", json={"scopes": ["people"]}, headers=limited)
    assert (more.status_code, "is limited to account, look" in problem(more)["message"]) == (403, True)
    same = await browser.post(f"{API}/tokens", json={}, headers=limited)
    assert sorted(same.json()["scopes"]) == ["account", "look"]
    for scopes in (["work"], ["open"]):
        answer = await browser.post(
            f"{API}/tokens", json={"scopes": scopes}, headers=bearer(await token(house, "anna"))
        )
        assert answer.status_code in (403, 422)


async def test_a_user_neither_sees_nor_revokes_what_is_anothers(house: House, browser: httpx.AsyncClient) -> None:
    for name in ("anna", "bert"):
        await account(house, name)
    berts = await token(house, "bert")
    annas = bearer(await token(house, "anna"))
    assert {t["user"] for t in (await browser.get(f"{API}/tokens", headers=annas)).json()["tokens"]} == {"anna"}
    assert (await browser.get(f"{API}/tokens?all=true", headers=annas)).status_code == 403
    assert (await browser.delete(f"{API}/tokens/{berts.partition('.')[0]}", headers=annas)).status_code == 404
    async with house.client() as admin:
        assert len((await admin.get(f"{API}/tokens?all=true")).json()["tokens"]) == 2
        assert (await admin.delete(f"{API}/tokens/{berts.partition('.')[0]}")).status_code == 204
    assert (await browser.get(f"{API}/jobs", headers=bearer(berts))).status_code == 401


async def test_a_token_expires_at_its_time(house: House, browser: httpx.AsyncClient) -> None:
    await account(house, "anna")
    brief, lasting = await token(house, "anna", lives_s=60), await token(house, "anna", lives_s=None)
    house.mono += 60
    answer = await browser.get(f"{API}/jobs", headers=bearer(brief))
    assert (answer.status_code, "has expired" in problem(answer)["message"]) == (401, True)
    house.mono += 10 * 365 * 24 * 3600
    assert (await browser.get(f"{API}/jobs", headers=bearer(lasting))).status_code == 200


async def test_what_has_expired_is_shown_for_a_week_and_then_makes_room(house: House) -> None:
    await account(house, "anna")
    await token(house, "anna", lives_s=60)
    await session(house, "anna")
    house.mono += 7 * 24 * 3600.0 + 59
    await token(house, "anna")
    assert [each.kind for each in house.people.tokens("anna")] == [TokenKind.API] * 2
    house.mono += 2
    await token(house, "anna")
    assert len(house.engine.farm.tokens) == 2


async def test_a_user_has_so_many_tokens_and_no_more(house: House) -> None:
    await account(house, "anna")
    await asyncio.gather(*(token(house, "anna") for _ in range(500)))
    with pytest.raises(Refusal, match="revoke some of them first"):
        await token(house, "anna")


async def test_whoever_is_blocked_or_gone_is_let_in_with_nothing(house: House, browser: httpx.AsyncClient) -> None:
    await account(house, "anna", Role.USER, PASSWORD)
    ways = [bearer(await token(house, "anna")), await session(house, "anna")]
    async with house.client() as admin:
        body = {"filters": ["name=anna"], "values": {"blocked": True}}
        assert (await admin.patch(f"{API}/objects/user", json=body)).status_code == 200
        for headers in ways:
            answer = await browser.get(f"{API}/jobs", headers=headers)
            assert (answer.status_code, "blocked" in problem(answer)["message"]) == (401, True)
        assert "blocked" in problem(await log_in(browser))["message"]
        await admin.patch(f"{API}/objects/user", json=body | {"values": {"blocked": False}})
        assert (await browser.get(f"{API}/jobs", headers=ways[0])).status_code == 200
        await admin.request("DELETE", f"{API}/objects/user", json={"filters": ["name=anna"]})
    assert house.engine.farm.tokens == {}
    assert {(await browser.get(f"{API}/jobs", headers=headers)).status_code for headers in ways} == {401}


async def test_a_role_that_changes_holds_at_once(house: House, browser: httpx.AsyncClient) -> None:
    await account(house, "anna", Role.ADMIN)
    headers = bearer(await token(house, "anna"))
    assert (await browser.get(f"{API}/audit", headers=headers)).status_code == 200
    await house.do(c.SetAttributes(by=BY, kind="user", keys=("anna",), values={"role": "viewer"}))
    assert (await browser.get(f"{API}/audit", headers=headers)).status_code == 403


async def test_the_data_folders_token_is_for_its_own_machine(house: House) -> None:
    for address, status in (("127.0.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("192.168.1.5", 401)):
        transport = httpx.ASGITransport(house.app(), client=(address, 1))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=URL, headers=bearer(TOKEN)) as client:
            assert (await client.get(f"{API}/jobs")).status_code == status


# --- whose jobs ------------------------------------------------------------------------------------------------------


async def test_a_user_changes_their_own_jobs_and_an_admin_all(house: House, browser: httpx.AsyncClient) -> None:
    for name, role in (("anna", Role.USER), ("bert", Role.USER), ("boss", Role.ADMIN)):
        await account(house, name, role)
    await house.submit(owner="anna")
    shown = {name: bearer(await token(house, name)) for name in ("anna", "bert", "boss")}
    asked: list[tuple[str, str, Any]] = [
        ("POST", "jobs/1/pause", None), ("POST", "jobs/1/resume", None), ("PATCH", "jobs/1", {"priority": 9}),
        ("PATCH", "objects/job", {"filters": ["1"], "values": {"priority": 8}}),
        ("PATCH", "objects/step", {"filters": ["1/0"], "values": {"batch": 2}}),
        ("POST", "command", {"line": "priority 1 7"}), ("POST", "command", {"line": "pause 1"}),
        ("POST", "jobs/1/retry", None), ("POST", "jobs/1/cancel", None), ("POST", "jobs/1/retry", None),
        ("POST", "command", {"line": "stop 1"}), ("DELETE", "objects/job", {"filters": ["1"]}),
    ]  # fmt: skip
    for method, path, body in asked:
        before = await house.engine.read(lambda farm: farm.jobs.get(1))
        answer = await browser.request(method, f"{API}/{path}", json=body, headers=shown["bert"])
        sentence = answer.json()["text"] if path == "command" else problem(answer)["message"]
        assert answer.status_code == (200 if path == "command" else 403), path
        assert sentence.strip() == "Job 1 (a) belongs to anna: anna and admins change it."
        assert await house.engine.read(lambda farm: farm.jobs.get(1)) == before
        for name in ("anna", "boss") if path.startswith("command") else ("anna",):
            mine = await browser.request(method, f"{API}/{path}", json=body, headers=shown[name])
            assert mine.status_code in (200, 409), (path, mine.text)
            assert "belongs to" not in mine.text


async def test_of_several_jobs_none_is_touched_where_one_is_anothers(house: House, browser: httpx.AsyncClient) -> None:
    for name in ("anna", "bert"):
        await account(house, name)
        await house.submit(owner=name)
    headers = bearer(await token(house, "anna"))
    body = {"filters": ["all"], "values": {"priority": 1}}
    assert (await browser.patch(f"{API}/objects/job", json=body, headers=headers)).status_code == 403
    await browser.post(f"{API}/command", json={"line": "stop 1 2"}, headers=headers)
    assert [(job.priority, job.state) for job in house.engine.farm.jobs.values()] == [(50, JobState.QUEUED)] * 2


async def test_a_user_kills_runs_of_their_own_jobs_alone(house: House, browser: httpx.AsyncClient) -> None:
    for name in ("anna", "bert"):
        await account(house, name)
    await house.submit(owner="anna")
    await house.join()
    task = f"1/0/{house.held()[0].index}"
    for name, status in (("bert", 403), ("anna", 200)):
        headers = bearer(await token(house, name))
        answer = await browser.post(f"{API}/tasks/kill", json={"tasks": [task]}, headers=headers)
        assert answer.status_code == status
    kill_worker = await browser.post(f"{API}/command", json={"line": "kill w"}, headers=headers)
    assert "change_farm" in kill_worker.json()["text"]


async def test_a_job_is_given_away_by_an_admin_alone(house: House, browser: httpx.AsyncClient) -> None:
    for name, role in (("anna", Role.USER), ("boss", Role.ADMIN)):
        await account(house, name, role)
    await house.submit(owner="anna")
    body = {"filters": ["1"], "values": {"owner": "boss"}}
    statuses = []
    for name in ("anna", "boss"):
        headers = bearer(await token(house, name))
        statuses.append((await browser.patch(f"{API}/objects/job", json=body, headers=headers)).status_code)
    assert statuses == [403, 200]
    assert house.engine.farm.jobs[1].owner == "boss"


# --- nobody is locked out --------------------------------------------------------------------------------------------


async def test_logins_are_switched_on_once_an_admin_can_log_in(house: House) -> None:
    await account(house, "boss", Role.ADMIN)
    await account(house, "anna", Role.USER, PASSWORD)
    async with house.client() as owner:
        body = {"filters": ["logins"], "values": {"value": True}}
        refused = await owner.patch(f"{API}/objects/setting", json=body)
        assert refused.status_code == 409
        assert "brender users add NAME --role admin" in problem(refused)["message"]
        await house.people.set_password(BY, "boss", PASSWORD)
        assert (await owner.patch(f"{API}/objects/setting", json=body)).status_code == 200
        me = (await owner.get(f"{API}/me")).json()
        assert (me["role"], me["local"], me["logins"]) == ("viewer", True, True)
        assert (await owner.post(f"{API}/workers/enable", json={"filters": ["all"]})).status_code == 403


async def test_the_last_admin_who_can_log_in_stays_one(house: House) -> None:
    await switch_logins_on(house)
    await account(house, "other", Role.ADMIN)  # without a password
    changes = [
        c.SetAttributes(by=BY, kind="user", keys=("boss",), values={"role": "user"}),
        c.SetAttributes(by=BY, kind="user", keys=("boss", "other"), values={"blocked": True}),
        c.DeleteObjects(by=BY, kind="user", keys=("other", "boss")),
    ]
    for change in changes:
        with pytest.raises(Refusal, match="the last admin who can log in"):
            await house.do(change)
    assert set(house.engine.farm.users) == {"boss", "other"}
    await house.do(c.SetPassword(by=BY, user="other", password_hash="x"))
    await house.do(changes[0])


# --- accounts as objects ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "a b", "all", "x*", "a" * 65, "a=b", "a\nb"])
async def test_a_name_that_is_none_is_refused(house: House, name: str) -> None:
    async with house.client() as owner:
        assert (await owner.post(f"{API}/objects/user", json={"values": {"name": name}})).status_code == 422


async def test_a_name_that_a_person_would_take_for_another_is_taken(house: House) -> None:
    await account(house, "Ānna")
    for twin in ("ānna", "A\N{COMBINING MACRON}nna", "\N{FULLWIDTH LATIN CAPITAL LETTER A}\N{COMBINING MACRON}NNA"):
        with pytest.raises(Refusal, match="There is a user Ānna already"):
            await account(house, twin)


async def test_what_people_do_is_in_the_audit_log_and_no_secret_is(house: House, browser: httpx.AsyncClient) -> None:
    """Nor in a log, an answer to another, or what is kept."""
    log = CapturingLogger()
    structlog.configure(processors=[], logger_factory=lambda *_: log)
    try:
        await account(house, "anna", Role.USER, PASSWORD)
        text = (await log_in(browser, token=True)).json()["token"]
        csrf_ = (await log_in(browser)).json()["csrf"]
        cookie = browser.cookies[auth.COOKIE]
        browser.cookies.clear()
        await log_in(browser, password="a wrong secret")
        await browser.post(f"{API}/login", content=b'{"name": "anna", "password": "torn ' + PASSWORD.encode())
        await browser.post(f"{API}/login", json={"name": 5, "password": PASSWORD})
        await browser.get(f"{API}/jobs", headers=bearer(f"{text}x"))
        invited = await house.people.invite(BY, "anna")
        await browser.post(f"{API}/accept", json={"token": invited.text, "password": "another horse"})
        async with house.client() as admin:
            seen = [(await admin.get(f"{API}/{path}")).text for path in ("audit", "objects/user", "objects/token")]
            seen.append((await admin.get(f"{API}/tokens?all=true")).text)
    finally:
        structlog.reset_defaults()
    hashed = house.engine.farm.users["anna"].password_hash
    assert '"verb":"login"' in seen[0]
    assert '"verb":"accept"' in seen[0]
    kept = b"".join(file.read_bytes() for file in house.config.data.glob("brender.db*"))
    assert hashed.encode() in kept
    for secret in (
        PASSWORD,
        "another horse",
        "a wrong secret",
        csrf_,
        *(t.partition(".")[2] for t in (text, cookie, invited.text)),
    ):
        assert secret not in repr(log.calls)
        assert secret not in "".join(seen)
        assert secret.encode() not in kept
    assert hashed not in "".join(seen)


async def test_what_is_shown_and_opens_nothing_is_never_taken_for_nothing(
    house: House, browser: httpx.AsyncClient
) -> None:
    for path in ("/", f"{API}/docs", f"{API}/me", f"{API}/jobs"):
        for text in (guess(), "x" * 43, "ü" * 10, ".", "a.b.c"):
            answer = await browser.get(path, headers={"Authorization": f"Bearer {text}".encode()})  # type: ignore[dict-item]
            assert answer.status_code == 401, (path, text)


async def test_what_ends_meanwhile_is_known_to_whoever_stays(house: House) -> None:
    await account(house, "anna")
    who = house.people.principal(await token(house, "anna"))
    assert house.people.again(who) == who
    await house.people.revoke(BY, who.token)
    with pytest.raises(Denied, match="has ended"):
        house.people.again(who)
