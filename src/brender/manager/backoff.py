# SPDX-License-Identifier: GPL-3.0-or-later
"""Guessing passwords is made slow: after a few failures each further try waits longer, by name and by address.

Kept in memory alone, and bounded. A try counts as failed until it is known to be right, so that many at once are no
way around it.
"""

import math
from collections import OrderedDict

import msgspec

from brender.core.commands import Refusal

FORGET_S = 900.0  # without a try
MOST_KEYS = 10_000


class TooSoon(Refusal):
    """Not now: how long to wait."""

    def __init__(self, wait_s: float, why: str = "There were too many failed tries") -> None:
        self.retry_after_s = max(1, math.ceil(wait_s))
        super().__init__(f"{why}: try again in {self.retry_after_s} s.", "too_soon")


class _Tries(msgspec.Struct):
    failed: int = 0
    since: float = 0.0  # the last one
    until: float = 0.0


class Backoff:
    """Failures of one sort of key. `free` of them cost nothing; then it is 1 s, 2 s, 4 s … up to `longest_s`."""

    def __init__(self, free: int, longest_s: float) -> None:
        self._free = free
        self._longest_s = longest_s
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def wait_s(self, key: str, now: float) -> float:
        """How long this key has to wait yet; 0: it need not."""
        tries = self._tries.get(key)
        return max(0.0, tries.until - now) if tries else 0.0

    def failed(self, key: str, now: float) -> None:
        """One more, or one that has begun."""
        tries = self._tries.pop(key, None)
        if tries is None or now - tries.since > FORGET_S:
            tries = _Tries()
        tries.failed += 1
        tries.since = now
        beyond = tries.failed - self._free
        tries.until = now + min(self._longest_s, 2.0 ** min(beyond - 1, 30)) if beyond > 0 else 0.0
        self._tries[key] = tries
        if len(self._tries) > MOST_KEYS:
            self._tries.popitem(last=False)

    def was_right(self, key: str) -> None:
        """The last try was none that failed."""
        if tries := self._tries.get(key):
            tries.failed -= 1
            tries.until = 0.0

    def forget(self, key: str) -> None:
        """Whoever it is, is it."""
        self._tries.pop(key, None)

    def __len__(self) -> int:
        return len(self._tries)
