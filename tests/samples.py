# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that several suites need one of, and whose details matter to none."""

from typing import Any

from brender.core.messages import Opened, View


def opened(**changed: Any) -> Opened:
    """A small scene that is open and rendered warm."""
    facts = {
        "blender": "4.5.15",
        "engine": "CYCLES",
        "device": "CPU",
        "format": "PNG",
        "width": 64,
        "height": 36,
        "frame_start": 1,
        "frame_end": 10,
        "frame_step": 1,
        "persistent_data": True,
        "persistent_reason": "",
        "warm": True,
        "warm_reason": "",
        "view": View(),
    }
    return Opened(**facts | changed)
