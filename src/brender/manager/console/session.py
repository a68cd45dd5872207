# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to the console from its first line to its last: a person, a script, or a client of 2013.

A page of the web can make a browser send lines to any port of this machine; so what looks like HTTP is not answered.
"""

import re
from typing import Protocol

from msgspec.structs import replace

from brender import __version__
from brender.core.commands import By, Refusal
from brender.core.rights import LOCAL, NOBODY, Principal
from brender.manager.console import jsonline
from brender.manager.console.answer import Answer, Asked, refused
from brender.manager.console.asking import answered, understood
from brender.manager.console.telnet import OverLong
from brender.manager.console.verbs import Verb
from brender.manager.console.wire import Idle, Limits, Wire
from brender.manager.people import Denied
from brender.manager.service import Service
from brender.tls.addresses import is_loopback

GREETING = f"brender {__version__}, the console of the manager. `help` lists what can be asked.\n"
PROMPT = "> "
LEGACY = "identify_client"
LOGIN = "login"
END_OF_INPUT = "\x04"  # Ctrl-D, where keys come as they are

_HTTP = re.compile(rb"\s*[A-Za-z]+ \S.* HTTP/[0-9.]+\s*")


class Legacy(Protocol):
    """Who takes over when a client of 2013 says what it is."""

    async def __call__(self, wire: Wire) -> None: ...


class Session:
    """Answers until the other side has said all, or should not be answered."""

    def __init__(self, service: Service, wire: Wire, limits: Limits, legacy: Legacy) -> None:
        self._service = service
        self._wire = wire
        self._limits = limits
        self._legacy = legacy
        self._greeted = False
        self._next: tuple[Verb, Asked] | None = None  # what `more` asks
        self._who: Principal | None = None  # that has logged in

    async def run(self) -> None:
        """The whole of it."""
        try:
            line = await self._first_line()
            while line is not None and await self._take(line):
                line = await self._wire.line()
        except OverLong:
            await self._wire.say(self._error(f"A line is at most {self._limits.longest // 1024} kB long."))
        except Idle:
            await self._wire.say(f"\nNothing was said for {self._limits.idle_s / 60:.0f} minutes: goodbye.\n")
        await self._wire.close()

    async def _first_line(self) -> bytes | None:
        try:
            return await self._wire.line(self._limits.greet_s)
        except TimeoutError:
            if not self._wire.lines.waiting:  # the beginning of a line may be a program's
                await self._greet(PROMPT)
        return await self._wire.line()

    async def _greet(self, then: str = "") -> None:
        if not self._greeted:
            self._greeted = True
            await self._wire.say(GREETING + then)

    def _error(self, sentence: str) -> str:
        """As the beginning of the line calls for it."""
        if self._wire.lines.take_rest().lstrip().startswith(b"{"):
            return jsonline.error(sentence) + "\n"
        return f"{sentence}\n"

    async def _take(self, raw: bytes) -> bool:
        """Answer a line; False where it is the last."""
        if _HTTP.fullmatch(raw):
            return False
        if (text := _text(raw)) is None:
            await self._wire.say("This is no text: the console takes lines of UTF-8.\n")
            return False
        if text.startswith("{"):
            await self._wire.say(await jsonline.answer(self._service, self._by("json"), text) + "\n")
            return False
        if text.lower() == LEGACY:
            await self._legacy(self._wire)
            return False
        await self._greet()
        return await self._obey(text)

    async def _obey(self, text: str) -> bool:
        if text.lower() in ("quit", "exit", END_OF_INPUT):
            return False
        if text:
            await self._answer(text)
        await self._wire.say(PROMPT)
        return True

    def _by(self, door: str) -> By:
        """Who asks, as it is at this moment: a login may have ended, and then it is nobody."""
        try:
            who = self._service.people.again(self._who) if self._who else self._nameless()
        except Denied:
            who = self._who = NOBODY
        return By(who=who.name or "console", door=door, origin=self._wire.peer, principal=who)

    def _nameless(self) -> Principal:
        """Who has said nothing: while nobody logs in, whoever is on this machine."""
        return LOCAL if is_loopback(self._wire.peer) and not self._service.people.logins else NOBODY

    def _log_in(self, token: str) -> Answer:
        self._who, self._next = NOBODY, None  # a wrong token is no way to stay who one was
        self._who = self._service.people.principal(token)
        return Answer(lines=[f"You are {self._who.called}."])

    # --- verbs -------------------------------------------------------------------------------------------------

    async def _answer(self, text: str) -> None:
        try:
            verb, asked = self._understood(text)
            if verb.name == LOGIN:
                await self._wire.say(self._log_in(asked.one("TOKEN")).text)
                return
        except Refusal as refusal:
            await self._wire.say(refused(refusal.message).text)
            return
        if text.split()[0].lower() == "watch":
            await (self._refuse_watch(verb) if verb.changes else self._watch(verb, asked))
        else:
            await self._wire.say(_rendered(await self._ask(verb, asked), asked))

    def _understood(self, text: str) -> tuple[Verb, Asked]:
        """The verb that is meant; of `watch` and `more`, the one behind them."""
        first, *rest = text.split(None, 1)
        if first.lower() == "watch" and rest:
            text = rest[0]
        elif first.lower() == "more":
            if self._next is None:
                raise Refusal("There is nothing more.", "invalid")
            verb, asked = self._next
            return verb, replace(asked, by=self._by("console"))
        return understood(self._service, self._by("console"), text)

    async def _ask(self, verb: Verb, asked: Asked) -> Answer:
        answer = await answered(verb, asked)
        self._next = (verb, replace(asked, page=answer.more)) if answer.more else None
        return answer

    async def _refuse_watch(self, verb: Verb) -> None:
        await self._wire.say(f"`{verb.name}` changes things: it is not for watching.\n")

    async def _watch(self, verb: Verb, asked: Asked) -> None:
        """Show an answer whenever it has changed, until there is something to take, or nothing more to see."""
        shown = None
        while True:
            answer = await self._ask(verb, replace(asked, by=self._by("console")))
            if (text := _rendered(answer, asked)) != shown:
                shown = text
                await self._wire.say(text + ("" if asked.json else "\n"))
            if answer.over or not answer.ok or (self._wire.at_end and not verb.ends):
                return
            if await self._wire.pressed(self._limits.watch_s):
                self._wire.lines.drop_key()
                return


def _rendered(answer: Answer, asked: Asked) -> str:
    return answer.json + "\n" if asked.json else answer.text


def _text(raw: bytes) -> str | None:
    """A line as text, with its backspaces obeyed; None where it is none."""
    try:
        typed = raw.decode()
    except UnicodeDecodeError:
        return None
    kept: list[str] = []
    for c in typed:
        if c in "\b\x7f":
            del kept[-1:]
        else:
            kept.append(c)
    text = "".join(kept).strip(" \t\r")
    return text if text == END_OF_INPUT or all(c >= " " or c == "\t" for c in text) else None
