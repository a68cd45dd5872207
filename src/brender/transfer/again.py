# SPDX-License-Identifier: GPL-3.0-or-later
"""When a broken transfer is tried again: ever slower, until nothing has moved for too long."""

import time
from collections.abc import Callable

import httpx
import msgspec

from brender.core.views import ErrorBody
from brender.transfer.errors import Silent

PATIENCE_S = 900.0  # without a byte more
FIRST_S, LONGEST_S = 0.2, 10.0  # between two attempts
LOOK_S = 0.25  # how often `told` is called while waiting, so that what it raises ends a transfer soon
MENDABLE = frozenset((408, 425, 429, 500, 502, 503, 504))  # what may pass by itself

Told = Callable[[int], None]


class Again:
    """One transfer's patience."""

    def __init__(self, what: str, told: Told, patience_s: float) -> None:
        self._what = what
        self._told = told
        self._patience_s = patience_s
        self._next_s = FIRST_S
        self._moved_at = time.monotonic()
        self._furthest = -1

    def at(self, offset: int) -> None:
        """So many bytes are there. `told` hears it, and more than ever before is a reason to be patient again."""
        if offset > self._furthest:
            self._furthest, self._next_s, self._moved_at = offset, FIRST_S, time.monotonic()
        self._told(offset)

    def wait(self, why: str, offset: int) -> None:
        """Wait for the next attempt. Raises Silent once that makes no sense any more."""
        if time.monotonic() - self._moved_at > self._patience_s:
            raise Silent(f"{self._what}: {why}. It was tried for {self._patience_s:.0f} s.")
        until = time.monotonic() + self._next_s
        self._next_s = min(2 * self._next_s, LONGEST_S)
        while (left := until - time.monotonic()) > 0:
            self._told(offset)
            time.sleep(min(left, LOOK_S))


def in_words(error: httpx.TransportError) -> str:
    """What broke."""
    if isinstance(error, httpx.TimeoutException):
        return "there was no answer in time"
    return str(error).rstrip(".") or "the connection broke"


def sentence(answer: httpx.Response) -> str:
    """Why it was refused, as the manager says it. The body has been read."""
    try:
        return msgspec.json.decode(answer.content, type=ErrorBody).error.message
    except msgspec.MsgspecError:
        return f"The manager answered with status {answer.status_code}."
