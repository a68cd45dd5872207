# SPDX-License-Identifier: GPL-3.0-or-later
"""Stub replaced below."""
from typing import Any
def choose(scene: Any, simulated: bool) -> dict[str, Any]:
    on = scene.render.engine == "CYCLES" and not simulated
    scene.render.use_persistent_data = on
    return {"persistent_data": on, "persistent_reason": "", "warm": True, "warm_reason": ""}
