# SPDX-License-Identifier: GPL-3.0-or-later
"""users, tokens, login, logout, whoami, password: what a person types, is asked, and reads."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from brender.cli.exits import Exit
from brender.client import logins
from brender.core.nouns import Role
from tests.cli.test_console import ENVIRONMENT, piped
from tests.manager.crowd import PASSWORD, account, switch_logins_on
from tests.manager.doors import ran, served
from tests.manager.house import House

Run = Callable[..., "asyncio.Future[tuple[int, str, str]]"]


@pytest_asyncio.fixture
async def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A manager, and a user without logins."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    house = House(tmp_path / "data")
    async with house.running(), served(house):
        yield house
    house.close()


@pytest.fixture
def run(farm: House, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command, with what is on its stdin: exit code, stdout, stderr."""

    async def running(*words: str, stdin: str = "", place: bool = True) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        where = ["--data", str(farm.config.data)] if place else []
        return await asyncio.to_thread(ran, [*words, *where])

    return running  # type: ignore[return-value]


async def test_an_account_is_made_listed_changed_blocked_and_removed(farm: House, run: Run) -> None:
    made = await run("users", "add", "anna", "--role", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert made == (0, "anna has an account.\n", "")
    assert (await run("users", "set", "anna", "--role", "user", "--note", "of the night"))[0] == 0
    assert (await run("users", "block", "anna"))[0] == 0
    code, listed, _ = await run("users")
    assert (code, listed.splitlines()[1].split()[:3]) == (0, ["anna", "user", "blocked"])
    (row,) = json.loads((await run("users", "list", "--json"))[1])["data"]
    assert (row["role"], row["blocked"], row["can_login"], row["note"]) == ("user", True, False, "of the night")
    assert (await run("users", "unblock", "anna"))[0] == 0
    assert "Say --yes" in (await run("users", "remove", "anna"))[2]
    assert (await run("users", "remove", "anna", "--yes"))[0] == 0
    assert (await run("users"))[1] == "There are no users.\n"


async def test_a_password_is_never_an_argument_and_too_short_makes_no_account(farm: House, run: Run) -> None:
    code, _, said = await run("users", "add", "anna", "--password-stdin", stdin="short\n")
    assert (code, said) == (Exit.REFUSED, "Error: A password has 10 to 1024 characters.\n")
    code, _, said = await run("users", "add", "anna")
    assert (code, "--password-stdin" in said) == (Exit.USAGE, True)
    assert farm.engine.farm.users == {}
    assert (await run("users", "add", "anna", "--password", PASSWORD))[0] == Exit.USAGE


async def test_logging_in_keeps_a_token_and_no_password_and_logging_out_revokes_it(farm: House, run: Run) -> None:
    await account(farm, "anna", Role.USER, PASSWORD)
    assert "the owner of its data folder" in (await run("whoami"))[1]
    code, said, _ = await run("login", "--name", "anna", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (code, said.startswith(f"You are anna, a user, at {farm.url}, until ")) == (0, True)
    kept = logins.place().read_text()
    assert PASSWORD not in kept
    assert "You may: open, look, account, submit, change_jobs." in (await run("whoami"))[1]
    assert json.loads((await run("whoami", "--json"))[1])["name"] == "anna"
    code, _, said = await run("disable", "all")
    assert (code, "change_farm, which anna (user) does not have" in said) == (Exit.REFUSED, True)
    (shown,) = farm.people.tokens()
    assert shown.note.startswith("brender login at ")
    assert (await run("logout"))[0] == 0
    assert farm.people.tokens() == []
    assert "the owner" in (await run("whoami"))[1]
    assert (await run("logout"))[0] == Exit.REFUSED


async def test_a_wrong_password_is_said_and_keeps_nothing(farm: House, run: Run) -> None:
    await account(farm, "anna", Role.USER, PASSWORD)
    code, _, said = await run("login", "--name", "anna", "--password-stdin", stdin="wrong\n")
    assert (code, said) == (Exit.REFUSED, "Error: The name or the password is wrong.\n")
    assert not logins.place().exists()


async def test_a_login_that_was_revoked_is_said_and_not_taken_for_no_manager(farm: House, run: Run) -> None:
    await account(farm, "anna", Role.USER, PASSWORD)
    await run("login", "--name", "anna", "--password-stdin", stdin=f"{PASSWORD}\n")
    await farm.do(_gone(farm))
    code, _, said = await run("jobs")
    assert (code, "This token is not known here" in said) == (Exit.REFUSED, True)
    assert (await run("logout"))[0] == 0
    assert (await run("jobs"))[0] == 0


def _gone(farm: House) -> object:
    from brender.core import commands as c
    from tests.manager.crowd import BY

    return c.DeleteObjects(by=BY, kind="token", keys=tuple(farm.engine.farm.tokens))


async def test_an_invitation_is_all_that_somebody_elsewhere_needs(farm: House, run: Run) -> None:
    code, said, _ = await run("users", "add", "anna", "--invite")
    text = said.split()[-1]
    assert (code, "brender login --manager ADDRESS --invitation" in said) == (0, True)
    words = ("login", "--manager", farm.url, "--invitation", "--password-stdin")
    code, said, _ = await run(*words, stdin=f"{text}\n{PASSWORD}\n", place=False)
    assert (code, said.startswith("You are anna, a user")) == (0, True)
    code, _, said = await run(*words, stdin=f"{text}\n{PASSWORD}\n", place=False)
    assert (code, "not known here" in said) == (Exit.REFUSED, True)


async def test_ones_own_password_is_changed(farm: House, run: Run) -> None:
    await account(farm, "anna", Role.USER, PASSWORD)
    await run("login", "--name", "anna", "--password-stdin", stdin=f"{PASSWORD}\n")
    code, said, _ = await run("password", "--password-stdin", stdin=f"{PASSWORD}\nanother horse\n")
    assert (code, "The password of anna is changed" in said) == (0, True)
    await run("logout")
    assert (await run("login", "--name", "anna", "--password-stdin", stdin=f"{PASSWORD}\n"))[0] == Exit.REFUSED
    assert (await run("login", "--name", "anna", "--password-stdin", stdin="another horse\n"))[0] == 0


async def test_an_api_token_is_printed_alone_limited_and_revoked(
    farm: House, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, said = await run("tokens", "create")
    assert (code, "is no account" in said) == (Exit.REFUSED, True)
    await account(farm, "anna", Role.USER, PASSWORD)
    await run("login", "--name", "anna", "--password-stdin", stdin=f"{PASSWORD}\n")
    code, text, said = await run("tokens", "create", "--scope", "look", "--for-ever", "--note", "a screen")
    assert (code, len(text.splitlines()), "shown this once" in said) == (0, 1, True)
    listed = (await run("tokens"))[1]
    assert "a screen" in listed
    assert text.strip().partition(".")[2] not in listed
    monkeypatch.setenv("BRENDER_TOKEN", text.strip())
    assert (await run("jobs"))[0] == 0
    assert "limited to look" in (await run("tokens"))[2]
    monkeypatch.delenv("BRENDER_TOKEN")
    assert (await run("tokens", "revoke", text.strip()))[0] == 0
    monkeypatch.setenv("BRENDER_TOKEN", text.strip())
    assert (await run("jobs"))[0] == Exit.REFUSED


async def test_the_console_is_told_who_is_there_by_itself(farm: House, run: Run) -> None:
    """And says nothing of it, so that a script reads the answers alone."""
    await switch_logins_on(farm)
    code, said = await piped(farm, b"test\n")
    assert (code, "`brender login` first" in said) == (Exit.REFUSED, True)
    await account(farm, "anna", Role.USER, PASSWORD)
    await run("login", "--name", "anna", "--password-stdin", stdin=f"{PASSWORD}\n")
    environment = {**ENVIRONMENT, "XDG_CONFIG_HOME": str(farm.config.data.parent / "config")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "brender", "console", "--data", str(farm.config.data),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(b"test\njobs\ndisable all\n"), 60)
    assert out.decode().splitlines() == [
        "test>",
        "No job is unfinished; `jobs all` shows those that ended.",
        "This wants the right change_farm, which anna (user) does not have.",
    ]
