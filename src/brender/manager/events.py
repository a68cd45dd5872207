# SPDX-License-Identifier: GPL-3.0-or-later
"""Hints that something has changed, for whoever shows it: fetch it again. They carry nothing else.

A listener has one hint a thing at most waiting, however often that changes; who falls far behind gets the one hint
"everything" instead, and so does who has just come, as it may have missed some.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from brender.core.views import Hint

MOST_WAITING = 1000  # different things that one listener may be behind with
EVERYTHING = ("everything", "")

Key = tuple[str, str]


class Listener:
    """One open stream of hints."""

    def __init__(self) -> None:
        self._waiting: dict[Key, None] = {EVERYTHING: None}
        self._news = asyncio.Event()
        self._news.set()
        self._open = True

    def put(self, keys: Iterable[Key]) -> None:
        """Hint at these. Never blocks, and never grows beyond its bound."""
        if EVERYTHING not in self._waiting:
            self._waiting.update(dict.fromkeys(keys))
            if len(self._waiting) > MOST_WAITING:
                self._waiting = {EVERYTHING: None}
        self._news.set()

    def end(self) -> None:
        """No more will come."""
        self._open = False
        self._news.set()

    async def take(self, within_s: float) -> list[Hint] | None:
        """What has changed since the last time, after at most so long; [] where nothing has; None at the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._news.wait()
        if not self._open:
            return None
        self._news.clear()
        waiting, self._waiting = self._waiting, {}
        return [Hint(kind=kind, id=id_) for kind, id_ in waiting]  # type: ignore[arg-type]  # keys_of's kinds are Hint's


class Events:
    """All listeners. To be used from the loop alone."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._closed = False

    def changed(self, keys: Iterable[Key]) -> None:
        """Hint everybody at these things, given as `engine.keys_of` has them."""
        keys = tuple(keys)
        for listener in self._listeners:
            listener.put(keys)

    def listen(self) -> Listener:
        """A new listener; to be given back to `leave`."""
        listener = Listener()
        if self._closed:
            listener.end()
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """The listener has gone."""
        self._listeners.discard(listener)

    def close(self) -> None:
        """End every stream: the manager stops, and open streams would keep it."""
        self._closed = True
        for listener in self._listeners:
            listener.end()

    def __len__(self) -> int:
        return len(self._listeners)
