# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker decides: event in, instructions out. Pure: the agent does what it says, and tells it what came of it.

Its rules: one Blender at a time, and the next is opened only when the whole tree of the last has ended; an order ends
in exactly one final report (none, where the manager wants none); what Blender was handed counts as begun;
while it is paused, nothing is opened or handed over, and no limit runs.
A run waits in its step's queue, is handed to Blender, is checked, and is concluded; it is in one of these places only.
"""

from brender.worker.session.machine import Session
from brender.worker.session.state import Habits

__all__ = ["Habits", "Session"]
