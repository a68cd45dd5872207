# SPDX-License-Identifier: GPL-3.0-or-later
"""What a frame costs: a process a frame, one `blender -b -a`, the same with persistent data, and brender.

One run, interleaved, medians of the rounds, one Blender throughout (the one on the PATH). CPU seconds are those of
the whole process tree; for brender of manager, worker and Blender, from the submit to the last file in its place,
with the farm up and no scene open.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from bench.farm import BenchFarm, farm, say
from brender.core.scene import Settings
from brender.core.views import JobRequest

FRAMES, ROUNDS = 30, 3
PERSISTENT = "import bpy; bpy.context.scene.render.use_persistent_data = True"
Cost = tuple[float, float]  # CPU and wall seconds a frame


def measure(*, quick: bool) -> dict[str, object]:
    """The figures of both scenes."""
    blender = shutil.which("blender")
    if blender is None:
        raise SystemExit("bench frames needs an installed blender on the PATH")
    frames, rounds = (3, 1) if quick else (FRAMES, ROUNDS)
    with tempfile.TemporaryDirectory(prefix="brender-bench-") as folder:
        place = Path(folder)
        _make_scenes(blender, place)
        figures: dict[str, object] = {"blender": _version(blender), "frames": frames, "rounds": rounds}
        for scene in ("light", "heavy"):
            figures[scene] = _scene(blender, place, scene, frames, rounds)
    return figures


def _make_scenes(blender: str, place: Path) -> None:
    script = Path(__file__).with_name("scenes.py")
    command = [blender, "-b", "--factory-startup", "-P", str(script), "--python-exit-code", "1", "--", str(place)]
    subprocess.run(command, check=True, capture_output=True)


def _version(blender: str) -> str:
    return subprocess.run([blender, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]


def _scene(blender: str, place: Path, scene: str, frames: int, rounds: int) -> dict[str, object]:
    file = place / f"{scene}.blend"
    gaps: list[float] = []
    forms: dict[str, Callable[[Path], Cost]] = {
        "cold": lambda out: _blender(_cold(blender, file, out, frames), frames),
        "blender_a": lambda out: _blender([_all(blender, file, out, frames)], frames),
        "blender_a_persistent": lambda out: _blender([_all(blender, file, out, frames, PERSISTENT)], frames),
        "brender": lambda out: _brender(file, out, frames, gaps),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in forms}
    for round_ in range(rounds):
        for name, form in forms.items():
            out = place / f"{scene}-{name}-{round_}"
            costs[name].append(form(out))
            _all_there(out, frames)
            say(f"{scene}, round {round_ + 1}, {name}: {costs[name][-1][0]:.3f} CPU s a frame")
    return _figures(costs, gaps)


def _figures(costs: dict[str, list[Cost]], gaps: list[float]) -> dict[str, object]:
    cpu = {name: statistics.median(cost[0] for cost in rounds) for name, rounds in costs.items()}
    wall = {name: statistics.median(cost[1] for cost in rounds) for name, rounds in costs.items()}
    figures: dict[str, object] = {
        name: {"cpu_s": round(cpu[name], 4), "wall_s": round(wall[name], 4)} for name in costs
    }
    best_a = min(cpu["blender_a"], cpu["blender_a_persistent"])
    figures["ratio_best_a"] = round(cpu["brender"] / best_a, 3)
    figures["ratio_cold"] = round(cpu["brender"] / cpu["cold"], 3)
    figures["gap_ms_p50"] = round(1000 * statistics.median(gaps), 2)
    return figures


def _all_there(out: Path, frames: int) -> None:
    found = len(list(out.glob("*.png")))
    if found != frames:
        raise SystemExit(f"{out} has {found} frames, and should have {frames}")


def _cold(blender: str, file: Path, out: Path, frames: int) -> list[list[str]]:
    first = [blender, "-b", str(file), "-o", f"{out}/####", "-F", "PNG"]
    return [[*first, "-f", str(frame)] for frame in range(1, frames + 1)]


def _all(blender: str, file: Path, out: Path, frames: int, expression: str = "") -> list[str]:
    script = ["--python-expr", expression] if expression else []
    return [blender, "-b", str(file), *script, "-o", f"{out}/####", "-F", "PNG", "-s", "1", "-e", str(frames), "-a"]


def _blender(commands: list[list[str]], frames: int) -> Cost:
    before, started = os.times(), time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu / frames, (time.perf_counter() - started) / frames


def _brender(file: Path, out: Path, frames: int, gaps: list[float]) -> Cost:
    with farm(Path(f"{out}-data")) as running:
        before, started = running.cpu_s(), time.perf_counter()
        job = running.client.submit(_request(file, out, frames, running))
        while (job := running.client.job(job.id)).state not in ("completed", "failed", "cancelled"):
            time.sleep(1.0)  # each look costs the manager some of what is measured
        cost = running.cpu_s() - before, time.perf_counter() - started
        if job.state != "completed":
            raise SystemExit(f"the job {job.state}: {job.message}")
        records = running.client.frames(job.id, 0, frames).frames
        gaps += [record.gap_s for record in records if record.gap_s is not None]
    return cost[0] / frames, cost[1] / frames


def _request(file: Path, out: Path, frames: int, running: BenchFarm) -> JobRequest:
    found = running.client.workers().workers[0].blenders
    chosen = next(each.blender for each in found if each.blender.kind == "blender")
    return JobRequest(
        request_id=uuid.uuid4().hex,
        blend=str(file),
        frames=f"1-{frames}",
        settings=Settings(output=f"{out}/####", format="PNG"),
        blender=chosen,
    )
