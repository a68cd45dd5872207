# SPDX-License-Identifier: GPL-3.0-or-later
"""A line becomes a verb with its words and options, and that an answer. Whatever goes wrong is a sentence."""

import re
import shlex
from collections.abc import Sequence

import structlog
from msgspec.structs import replace

from brender.core import rights
from brender.core.commands import By, Refusal
from brender.manager.console.answer import MOST_ROWS, Answer, Asked, refused
from brender.manager.console.verbs import Verb, verb_of
from brender.manager.service import Service
from brender.store import StoreError

log = structlog.get_logger()

MISTAKE = "A mistake in the manager: it is in its log. Nothing more is known here; please report it."

_NUMBERED = {"--page": 1_000_000, "--rows": MOST_ROWS}


async def ask(service: Service, by: By, line: str) -> Answer:
    """What a line is answered, outside of a connection: the verbs about connections say that they are."""
    try:
        verb, asked = understood(service, by, line)
    except Refusal as refusal:
        return refused(refusal.message)
    return await answered(verb, asked)


async def answered(verb: Verb, asked: Asked) -> Answer:
    """What a verb answers to who may ask it: the one place where the console looks at rights."""
    try:
        if reason := rights.refusal(asked.by.principal, verb.right_for(asked.words)):
            raise Refusal(reason, "forbidden")
        return await verb.handler(asked)
    except Refusal as refusal:
        return refused(refusal.message)
    except StoreError as error:
        log.error("the store failed", verb=verb.name, error=error.message)
        return refused(error.message)
    except Exception:
        log.exception("a verb failed", verb=verb.name)
        return refused(MISTAKE)


def understood(service: Service, by: By, line: str) -> tuple[Verb, Asked]:
    """The verb and what it is asked with; `Refusal` with a sentence."""
    first, *rest = _words(line)
    verb = verb_of(first)
    return verb, _options(Asked(service=service, by=by, verb=verb.name), rest)


def _words(line: str) -> list[str]:
    """Words as a shell cuts them, but for the backslash, which is of Windows' paths."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError:
        raise Refusal("A quotation mark is not closed.", "invalid") from None


def _options(asked: Asked, given: Sequence[str]) -> Asked:
    words: list[str] = []
    left = iter(given)
    for word in left:
        if word == "--json":
            asked = replace(asked, json=True)
        elif match := re.fullmatch(r"(--page|--rows|--show)(?:=(.*))?", word):
            asked = _option(asked, match[1], match[2] if match[2] is not None else next(left, ""))
        else:
            words.append(word)
    if asked.json and not any(word.startswith("--rows") for word in given):
        asked = replace(asked, rows=MOST_ROWS)
    return replace(asked, words=tuple(words))


def _option(asked: Asked, name: str, value: str) -> Asked:
    if name == "--show":
        return replace(asked, show=tuple(value.replace(",", " ").split()))
    if not value.isdecimal() or not 1 <= int(value) <= _NUMBERED[name]:
        raise Refusal(f"{name} wants a number from 1 to {_NUMBERED[name]}.", "invalid")
    return replace(asked, **{name.removeprefix("--"): int(value)})
