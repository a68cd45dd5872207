# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a command that goes on: Ctrl-C, and the signals that mean the same."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # not all of them exist everywhere


def _all() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


@contextmanager
def as_interrupts() -> Iterator[None]:
    """In here each of them raises KeyboardInterrupt, as Ctrl-C does. An ignored SIGHUP (nohup) stays ignored."""
    with _handled(signal.default_int_handler):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """In here none of them does anything: for an end that has its own time limit."""
    with _handled(signal.SIG_IGN):
        yield


@contextmanager
def _handled(handler: "signal._HANDLER") -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _all()}
    for number, old in before.items():
        if old is not signal.SIG_IGN or number is signal.SIGINT:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
