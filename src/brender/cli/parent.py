# SPDX-License-Identifier: GPL-3.0-or-later
"""`--with-parent`: a process that ends when the one that started it does, however that ends.

Its stdin is a pipe that the parent never writes to and never closes while it lives. A signal first, so that the end is
in order; what does not heed it within a bound is ended with all that it has started.
"""

import os
import signal
import sys
import threading
import time

ORDERLY_S = 8.0


def end_with_parent() -> None:
    """From now on this process ends when its stdin does."""
    threading.Thread(target=_wait_for_the_end, name="with-parent", daemon=True).start()


def _wait_for_the_end() -> None:
    # os.read, not sys.stdin: a thread that holds the lock of a buffered reader makes Python abort at its exit
    descriptor = sys.stdin.fileno()
    try:
        while os.read(descriptor, 1024):
            pass
    except OSError:
        pass  # a pipe that breaks has ended, too
    _end_this_process()


def _end_this_process() -> None:
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGINT)
    else:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ORDERLY_S)
    _kill_children()
    os._exit(1)


def _kill_children() -> None:
    import psutil

    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.Error:
            continue
