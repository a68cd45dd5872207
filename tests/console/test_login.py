# SPDX-License-Identifier: GPL-3.0-or-later
"""Where people log in, a connection to the console may do nothing before it has said who it is."""

import msgspec

from brender.core import commands as c
from brender.core.nouns import Role
from brender.core.rights import Right
from tests.console.conftest import Place
from tests.manager.crowd import BY, account, guess, switch_logins_on, token
from tests.manager.house import House

NOBODY = "This wants the right look: log in first (`brender login`), or send a token.\n"


async def ended_by(house: House, shown: str) -> None:
    await house.people.revoke(BY, shown.partition(".")[0])


async def test_while_nobody_logs_in_whoever_is_on_this_machine_may_all(farm: Place) -> None:
    talk = await farm.talk()
    assert "alpha" in await talk.ask("clients")
    assert "disabled" in await talk.ask("disable alpha")


async def test_where_people_log_in_a_connection_begins_as_nobody(farm: Place) -> None:
    await switch_logins_on(farm.house)
    talk = await farm.talk()
    assert await talk.ask("clients") == NOBODY
    assert "Close the connection" in await talk.ask("help")
    assert "change_farm" in await talk.ask("disable alpha")
    assert await talk.ask("watch clients") == NOBODY + "\n"
    assert farm.house.ended is False
    assert "This wants the right shutdown" in await talk.ask("shutdown")
    assert farm.house.ended is False


async def test_with_a_token_it_is_somebody_and_the_audit_log_knows_whom(farm: Place) -> None:
    await switch_logins_on(farm.house)
    await account(farm.house, "anna", Role.ADMIN)
    talk = await farm.talk()
    shown = await token(farm.house, "anna")
    assert await talk.ask(f"login {shown}") == "You are anna (admin).\n"
    assert "1 worker disabled" in await talk.ask("disable alpha")
    (entry,) = await farm.house.service.audit(1, verb="disable")
    assert (entry.who, entry.door) == ("anna", "console")


async def test_a_wrong_token_leaves_nothing_of_a_login(farm: Place) -> None:
    """Also where nobody has to log in: who tries to be somebody is not the machine's owner."""
    await account(farm.house, "anna", Role.ADMIN)
    talk = await farm.talk()
    await talk.ask(f"login {await token(farm.house, 'anna')}")
    assert "not known here" in await talk.ask(f"login {guess()}")
    assert await talk.ask("clients") == NOBODY
    assert await talk.ask("login") == "Say `login TOKEN`.\n"


async def test_a_login_that_ends_is_over_at_once_and_another_may_follow(farm: Place) -> None:
    await account(farm.house, "anna", Role.ADMIN)
    talk, shown = await farm.talk(), await token(farm.house, "anna")
    await talk.ask(f"login {shown}")
    await talk.ask("clients --rows 1")
    await ended_by(farm.house, shown)
    assert await talk.ask("more") == NOBODY
    assert await talk.ask("clients") == NOBODY
    assert await talk.ask(f"login {await token(farm.house, 'anna')}") == "You are anna (admin).\n"
    await farm.house.do(c.SetAttributes(by=BY, kind="user", keys=("anna",), values={"role": "viewer"}))
    assert "which anna (viewer) does not have" in await talk.ask("disable alpha")


async def test_what_is_being_watched_ends_with_the_login(farm: Place) -> None:
    await account(farm.house, "anna", Role.VIEWER)
    talk, shown = await farm.talk(), await token(farm.house, "anna")
    await talk.ask(f"login {shown}")
    await talk.send(b"watch clients\n")
    await talk.until(b"farm2")
    await ended_by(farm.house, shown)
    assert (await talk.until(b"> ")).decode().endswith(NOBODY + "\n> ")


async def test_a_json_line_brings_its_token_along(farm: Place) -> None:
    await switch_logins_on(farm.house)
    await account(farm.house, "anna", Role.USER)
    shown = await token(farm.house, "anna")
    asked = {"item": "client", "action": "read", "filters": {}}
    said = [
        msgspec.json.decode(await farm.say(msgspec.json.encode(asked | more) + b"\n"))
        for more in ({}, {"token": guess()}, {"token": shown}, {"token": 5})
    ]
    assert [each["ok"] for each in said] == [False, False, True, False]
    assert "log in first" in said[0]["error"]
    limited = await token(farm.house, "anna", Right.ACCOUNT)
    answer = await farm.say(msgspec.json.encode(asked | {"token": limited}) + b"\n")
    assert b"limited to account" in answer
