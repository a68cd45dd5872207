# SPDX-License-Identifier: GPL-3.0-or-later
"""The console on a terminal: a line is asked for, sent, and its answer shown until the console's next prompt.

History and completion are readline's, where Python has it. While an answer comes, a key is passed on: it ends a
`watch`, and turns the page of a long answer.
"""

import codecs
import contextlib
import importlib
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from brender.cli import show
from brender.cli.console import Plain
from brender.client.api import Client
from brender.client.errors import ApiError
from brender.core.kinds import KINDS, kind_of

PROMPT = "> "
HISTORY = 1000  # lines
NAMES = 50  # offered at most
QUIET_S = 0.05  # a prompt with nothing behind it for so long is one


def converse(line: socket.socket, client: Client, history: Path) -> None:
    """Until one of the two leaves."""
    with _readline(client, history) as forget_last, _Answers(line) as answers:
        while answers.show():
            try:
                said = input(PROMPT)
            except EOFError:
                print()
                return
            except KeyboardInterrupt:
                print()
                said = ""
            if said.split()[:1] == ["login"]:
                forget_last()
            answers.ask(said)


class _Answers:
    """What comes from the console."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._plain = Plain()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __enter__(self) -> "_Answers":
        return self

    def __exit__(self, *_: object) -> None:
        self.ask("quit")

    def ask(self, said: str) -> None:
        """Send a line."""
        self._plain.prompted = False
        with contextlib.suppress(OSError):  # it has closed: `show` says so
            self._line.sendall(said.encode() + b"\n")

    def show(self) -> bool:
        """Show what comes, up to the prompt, which `input` prints itself. False: the console has closed."""
        with _keys():
            while ready := self._wait():
                if sys.stdin in ready:
                    os.read(sys.stdin.fileno(), 64)
                    self._line.sendall(b"\n")
                if self._line in ready and not self._take():
                    return False
        return True

    def _wait(self) -> list[Any]:
        """What there is to take; nothing once a prompt has stood for a moment. Ctrl-C is a key like any."""
        quiet = self._plain.prompted
        waiting = [self._line] if quiet or os.name == "nt" else [self._line, sys.stdin]
        try:
            return select.select(waiting, [], [], QUIET_S if quiet else None)[0]
        except KeyboardInterrupt:
            self._line.sendall(b"\n")
            return waiting[:1]

    def _take(self) -> bool:
        piece = self._line.recv(65536)
        text = self._decoder.decode(self._plain.take(piece)).replace("\r\n", "\n")
        sys.stdout.write(show.plain(text))
        sys.stdout.flush()
        return bool(piece)


@contextlib.contextmanager
def _keys() -> Iterator[None]:
    """Keys come one by one, unseen, instead of lines."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


# --- history and completion --------------------------------------------------------------------------------------


@contextlib.contextmanager
def _readline(client: Client, history: Path) -> Iterator[Callable[[], None]]:
    """Gives what takes the last line out of the history: no secret is kept there."""
    try:
        readline: Any = importlib.import_module("readline")
    except ImportError:  # Windows: lines without history
        yield lambda: None
        return
    readline.set_completer_delims(" \t\n")
    readline.set_completer(Completer(readline, client))
    readline.parse_and_bind("bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete")
    readline.set_history_length(HISTORY)
    with contextlib.suppress(OSError):
        readline.read_history_file(history)
    try:
        yield lambda: readline.remove_history_item(readline.get_current_history_length() - 1)
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(history)
            history.chmod(0o600)


class Completer:
    """What readline asks: the n-th way to complete the word at the cursor."""

    def __init__(self, readline: Any, client: Client) -> None:
        self._readline = readline
        self._client = client
        self._verbs = verbs(client)
        self._found: list[str] = []

    def __call__(self, text: str, state: int) -> str | None:
        if state == 0:
            before = self._readline.get_line_buffer()[: self._readline.get_begidx()].split()
            known = [*candidates(self._verbs, before), *self._names(before, text)]
            self._found = [word if word.endswith("=") else f"{word} " for word in known if word.startswith(text)]
        return self._found[state] if state < len(self._found) else None

    def _names(self, before: Sequence[str], text: str) -> list[str]:
        """Names of those there are, where a filter may say one."""
        kind = kind_at(self._verbs, before)
        if kind is None or "=" in text:
            return []
        key = KINDS[kind].key.name
        with contextlib.suppress(ApiError):  # no names then
            return [str(row[key]) for row in self._client.objects(kind, [f"{key}={text}*"], NAMES).data]
        return []


class Verb(msgspec.Struct, frozen=True):
    """A verb of the console, as `help --json` has it: `takes` is what its words name."""

    name: str
    takes: str = ""
    aliases: tuple[str, ...] = ()


class _Help(msgspec.Struct, frozen=True):
    data: tuple[Verb, ...]


def verbs(client: Client) -> dict[str, Verb]:
    """What this manager's console can be told; nothing where it does not say."""
    try:
        known = msgspec.json.decode(client.command("help --json").text, type=_Help).data
    except (ApiError, msgspec.MsgspecError):
        return {}
    return {name: verb for verb in known for name in (verb.name, *verb.aliases)}


def candidates(known: Mapping[str, Verb], before: Sequence[str]) -> list[str]:
    """What may follow these words, but for names of objects."""
    if not before:
        return list(known)
    verb = known.get(before[0].lower())
    if verb is None:
        return []
    if verb.takes == "verb":
        return candidates(known, before[1:])
    if verb.takes == "kind" and len(before) == 1:
        return list(KINDS)
    if (kind := kind_at(known, before)) is None:
        return []
    return ["all", *KINDS[kind].words, *(f"{a.name}=" for a in KINDS[kind].attributes)]


def kind_at(known: Mapping[str, Verb], before: Sequence[str]) -> str | None:
    """The kind of object that a word behind these is about."""
    verb = known.get(before[0].lower()) if before else None
    if verb is None:
        return None
    if verb.takes == "verb":
        return kind_at(known, before[1:])
    word = before[1] if verb.takes == "kind" and len(before) > 1 else verb.takes
    try:
        return kind_of(word).name
    except ValueError:
        return None
