# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender console`: in a pipe, and on a terminal as a person types, against a real console."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from brender.cli.console import Plain
from brender.cli.conversation import Verb, candidates, kind_at
from brender.cli.exits import Exit
from brender.core.rights import LOCAL
from tests.manager.doors import served
from tests.manager.house import House

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "dumb", "INPUTRC": "/dev/null"}
POSIX = pytest.mark.skipif(os.name != "posix", reason="a pseudo terminal is POSIX")


@pytest_asyncio.fixture
async def farm(tmp_path: Path) -> AsyncIterator[House]:
    """A manager that knows two workers."""
    house = House(tmp_path)
    async with house.running(), served(house):
        await house.join("alpha")
        await house.join("beta")
        yield house
    house.close()


def command(house: House, *words: str) -> list[str]:
    return [sys.executable, "-m", "brender", *(words or ("console",)), "--data", str(house.config.data)]


async def piped(house: House, lines: bytes) -> tuple[int, str]:
    """What a script gets: exit code and stdout."""
    process = await asyncio.create_subprocess_exec(
        *command(house), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT
    )
    said, _ = await asyncio.wait_for(process.communicate(lines), 60)
    return process.returncode or 0, said.decode()


async def test_in_a_pipe_a_line_goes_in_and_its_answer_comes_out_without_prompts(farm: House) -> None:
    """R5, R12."""
    code, said = await piped(farm, b"TEST\nclients alpha\ndisable beta\nquit\n")
    assert code == Exit.OK
    assert said.splitlines()[-4:] == ["test>", "alpha  enabled  online", "beta", "1 worker disabled."]
    assert await piped(farm, b'{"item": "tag", "action": "read"}\n') == (0, '{"ok":true,"count":0,"data":[]}\n')


async def test_the_end_of_the_pipe_ends_it(farm: House) -> None:
    code, said = await piped(farm, b"test")
    assert (code, said.splitlines()[-1]) == (Exit.OK, "test>")


def test_without_a_manager_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "brender", "console", "--data", str(tmp_path)],
        capture_output=True, text=True, env=ENVIRONMENT, check=False,
    )  # fmt: skip
    assert done.returncode == Exit.NO_MANAGER
    assert "No manager is running" in done.stderr


@pytest.mark.parametrize("cut", range(1, 30))
def test_prompts_are_taken_out_wherever_the_network_cuts(cut: int) -> None:
    said = b"> > one\n> two > three\n>\n> >x\n> "
    plain = Plain()
    shown = b"".join(plain.take(said[at : at + cut]) for at in range(0, len(said), cut))
    assert shown + plain.rest() == b"one\ntwo > three\n>\n>x\n"
    assert plain.prompted


# --- on a terminal ---------------------------------------------------------------------------------------------------


class Terminal:
    """A pseudo terminal, and a person at it."""

    def __init__(self, house: House) -> None:
        self._own, theirs = os.openpty()
        self.process = subprocess.Popen(
            command(house), stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT, start_new_session=True
        )
        os.close(theirs)
        self.text = ""

    def _read(self) -> bool:
        try:
            piece = os.read(self._own, 4096)
        except OSError:  # Linux: the other end is closed
            piece = b""
        self.text += piece.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(piece)

    async def sees(self, pattern: str) -> str:
        """The text since the last look, once it ends with what is expected."""
        async with asyncio.timeout(60):
            while not re.search(pattern + r"\Z", self.text):
                assert await asyncio.to_thread(self._read), f"{pattern!r} never came: {self.text!r}"
        seen, self.text = self.text, ""
        return seen

    def type(self, keys: str) -> None:
        os.write(self._own, keys.encode())

    async def ends(self) -> int:
        while await asyncio.to_thread(self._read):
            pass
        os.close(self._own)
        return await asyncio.to_thread(self.process.wait, 20)


@POSIX
async def test_on_a_terminal_it_prompts_answers_completes_and_keeps_what_was_said(farm: House) -> None:
    """R5: history and completion."""
    terminal = Terminal(farm)
    assert "the console of the manager" in await terminal.sees("\n> ")
    terminal.type("clients\n")
    assert "alpha  enabled  online\nbeta  enabled  online\n" in await terminal.sees("\n> ")
    terminal.type("disa\t")
    await terminal.sees("disable ")
    terminal.type("bet\t")
    await terminal.sees("beta ")
    terminal.type("\n")
    assert "beta\n1 worker disabled.\n" in await terminal.sees("\n> ")
    terminal.type("set work\t")
    await terminal.sees("set worker ")
    terminal.type("alpha no\t")
    await terminal.sees("note=")
    terminal.type("x\n")
    await terminal.sees("1 worker set.\n> ")
    terminal.type("\x10")  # Ctrl-P: the line before
    await terminal.sees("set worker alpha note=x")
    terminal.type("\x15\x04")  # Ctrl-U, Ctrl-D
    assert await terminal.ends() == Exit.OK
    history = farm.config.data / "console_history"
    assert history.read_text().splitlines() == ["clients", "disable beta ", "set worker alpha note=x"]
    assert history.stat().st_mode & 0o777 == 0o600


@POSIX
async def test_a_watch_goes_on_until_a_key_is_pressed(farm: House) -> None:
    """R23."""
    terminal = Terminal(farm)
    await terminal.sees("\n> ")
    terminal.type("watch clients\n")
    await terminal.sees("beta  enabled  online\n\n")
    await farm.service.set(_nobody(), "worker", ["beta"], {"wish": "disabled"})
    await terminal.sees("beta  disabled  online\n\n")
    terminal.type("x")
    await terminal.sees("> ")
    terminal.type("test\n")
    assert "test>\n" in await terminal.sees("\n> ")
    terminal.type("quit\n")
    assert await terminal.ends() == Exit.OK


@POSIX
async def test_when_the_manager_ends_the_console_does(farm: House) -> None:
    terminal = Terminal(farm)
    await terminal.sees("\n> ")
    terminal.type("shutdown\n")
    assert "The manager ends." in await terminal.sees("\n> ")
    assert farm.ended
    terminal.type("\x04")
    assert await terminal.ends() == Exit.OK


def _nobody():
    from brender.core.commands import By

    return By(who="nobody", door="test", principal=LOCAL)


# --- what can be completed -------------------------------------------------------------------------------------------

VERBS = {
    "set": Verb("set", "kind"),
    "clients": Verb("clients", "worker"),
    "watch": Verb("watch", "verb"),
    "save": Verb("save"),
}


def test_what_may_follow_comes_from_the_verbs_and_the_registry() -> None:
    assert candidates(VERBS, []) == list(VERBS)
    assert candidates(VERBS, ["watch"]) == list(VERBS)
    assert "worker" in candidates(VERBS, ["SET"])
    assert {"all", "idle", "cores="} <= set(candidates(VERBS, ["watch", "clients", "farm*"]))
    assert {"failed", "frame="} <= set(candidates(VERBS, ["set", "tasks"]))
    assert candidates(VERBS, ["save"]) == candidates(VERBS, ["nonsense"]) == candidates(VERBS, ["set", "robot"]) == []


def test_the_kind_that_a_word_is_about() -> None:
    assert kind_at(VERBS, ["clients"]) == "worker"
    assert kind_at(VERBS, ["watch", "set", "clients"]) == "worker"
    assert kind_at(VERBS, ["set"]) is None
