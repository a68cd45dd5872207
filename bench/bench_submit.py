# SPDX-License-Identifier: GPL-3.0-or-later
"""What a submit costs by the number of its frames: time, growth of the database, growth of the manager's memory."""

import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from importlib.metadata import version
from pathlib import Path

from bench.farm import BenchFarm, farm, say
from brender.core.scene import Blender, Settings
from brender.core.views import JobRequest

SIZES = (1, 1_000, 1_000_000)
ROUNDS = 15
MAKE = "import bpy, sys; bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])"


def measure(*, quick: bool) -> dict[str, object]:
    """One row a size."""
    with tempfile.TemporaryDirectory(prefix="brender-bench-") as folder:
        place = Path(folder)
        blend = place / "scene.blend"
        subprocess.run([sys.executable, "-c", MAKE, str(blend)], check=True, capture_output=True)
        with farm(place / "data", worker=False) as running:
            return {"rows": _rows(running, blend, 3 if quick else ROUNDS)}


def _rows(running: BenchFarm, blend: Path, rounds: int) -> list[dict[str, object]]:
    for _ in range(5):  # what the first submits load and allocate is no matter of their size
        _submit(running, blend, 10)
    found: dict[int, list[tuple[float, float, float]]] = {size: [] for size in SIZES}
    for _ in range(rounds):
        for size in SIZES:
            found[size].append(_submit(running, blend, size))
    rows = [_row(size, found[size]) for size in SIZES]
    for row in rows:
        say(str(row))
    return rows


def _row(size: int, measured: list[tuple[float, float, float]]) -> dict[str, object]:
    took, grew, memory = (statistics.median(column) for column in zip(*measured, strict=True))
    return {
        "tasks": size,
        "submit_ms": round(took, 2),
        "db_growth_kb": round(grew, 1),
        "rss_growth_mb": round(memory, 3),
    }


def _submit(running: BenchFarm, blend: Path, frames: int) -> tuple[float, float, float]:
    request = JobRequest(
        request_id=uuid.uuid4().hex,
        blend=str(blend),
        frames=f"1-{frames}",
        settings=Settings(output=str(blend.parent / uuid.uuid4().hex / "####"), format="PNG"),
        blender=Blender(kind="bpy", version=version("bpy")),
    )
    size, memory, started = _database_kb(running.data), running.manager_rss_mb(), time.perf_counter()
    running.client.submit(request)
    took = 1000 * (time.perf_counter() - started)
    return took, _database_kb(running.data) - size, running.manager_rss_mb() - memory


def _database_kb(data: Path) -> float:
    return sum(path.stat().st_size for path in data.glob("brender.db*")) / 1024
