# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to bring a scene to a farm without shared storage: a gigabyte of new files, over TLS on loopback.

`upload_mb_s` is looking at the files and sending them, as `brender render` does; `dedupe_s` the whole command, once all
is there; `resume_waste_mb` what was sent in vain in all, over a line that is cut several times; `cache_hit_open_ms`
from an assignment to files that are verified in place, when all are in the worker's cache. Memory is what it grew by,
at most, while the gigabyte passed.
"""

import hashlib
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.farm import BenchFarm, farm, say
from brender.client.api import Client
from brender.client.places import manager_file
from brender.client.places import token as token_of
from brender.client.sending import send_scene
from brender.client.tracing import trace
from brender.core.nouns import JobState
from brender.worker.cache import Cache
from brender.worker.carried import Carried
from brender.worker.connection import Connection
from tests.transfer.line import Line

MIB = 2**20
LARGE, SMALL = 4, 300  # files
CUTS = 5

MAKE = """
import bpy, sys
from pathlib import Path
folder = Path(sys.argv[1])
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 32, 18, 100
scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
scene.collection.objects.link(scene.camera)
for path in sorted(folder.glob("large.*")):
    sound = bpy.data.sounds.load(str(path))
    sound.filepath = "//" + path.name
    speaker = bpy.data.speakers.new(path.name)
    speaker.sound, speaker.muted = sound, True
    scene.collection.objects.link(bpy.data.objects.new(path.name, speaker))
for path in sorted(folder.glob("small.*")):
    bpy.data.images.load(str(path)).filepath = "//" + path.name
    bpy.data.images[-1].use_fake_user = True
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
"""


class Counted:
    """Nobody looks."""

    def phase(self, name: str, total: int) -> None: ...

    def moved(self, by: int) -> None: ...

    def counted(self, files: int, size: int, new: int) -> None: ...


def measure(*, quick: bool) -> dict[str, object]:
    """All of it."""
    size = (64 if quick else 1024) * MIB
    with tempfile.TemporaryDirectory(prefix="brender-bench-") as folder:
        place = Path(folder)
        blend = _scene(place / "project", size)
        with farm(place / "data", options=("--tls", "--no-console")) as running:
            return _measured(running, place, blend, size)


def _measured(running: BenchFarm, place: Path, blend: Path, size: int) -> dict[str, object]:
    found: dict[str, object] = {"size_mb": size // MIB}
    _send(running.client, _scene(place / "first", MIB), place)  # what the first one loads is no matter of its size
    manager, worker = (psutil.Process(process.pid) for process in running.processes)
    with _growth(manager) as grew, _growth(psutil.Process()) as client_grew:
        took = _send(running.client, blend, place)
    found["upload_mb_s"] = round(size / 1e6 / took, 1)
    found["manager_growth_mb"], found["client_growth_mb"] = grew(), client_grew()
    say(str(found))
    with _growth(worker) as worker_grew, _growth(manager) as grew:
        found["dedupe_s"] = round(_command(place, blend), 2)
        _wait(running.client)
    found["worker_growth_mb"], found["manager_growth_fetching_mb"] = worker_grew(), grew()
    say(str(found))
    running.end_worker()
    found["cache_hit_open_ms"] = _cache_hit(running)
    found |= _over_a_bad_line(running, place, size // 4)
    say(str(found))
    return found


def _scene(folder: Path, size: int) -> Path:
    """A scene that names a few large files and many small ones; older than a moment, as an artist's are."""
    folder.mkdir()
    paths = [folder / f"large.{i}.wav" for i in range(LARGE)] + [folder / f"small.{i:03}.png" for i in range(SMALL)]
    for path in paths:
        with path.open("wb") as file:
            for _ in range(max(1, size // LARGE // MIB) if path.suffix == ".wav" else 0):
                file.write(secrets.token_bytes(min(MIB, size // LARGE)))
            file.write(secrets.token_bytes(1000))
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True, capture_output=True)
    for path in folder.iterdir():
        os.utime(path, (time.time() - 3600,) * 2)
    return folder / "scene.blend"


def _send(client: Client, blend: Path, place: Path) -> float:
    started = time.perf_counter()
    send_scene(client, trace(blend), place / "cache" / "brender", Counted())
    return time.perf_counter() - started


def _command(place: Path, blend: Path) -> float:
    """`brender render`, as an artist calls it: all that is sent is there already."""
    words = [sys.executable, "-m", "brender", "render", str(blend), "-o", "//out/####", "-f", "1", "--blender", "bpy"]
    environ = os.environ | {"XDG_CACHE_HOME": str(place / "cache")}
    started = time.perf_counter()
    subprocess.run(
        [*words, "--data", str(place / "data"), "--send", "--detach"],
        check=True,
        env=environ,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def _wait(client: Client) -> None:
    """Until the frame is rendered, and with that all of the scene is at the worker."""
    while (job := client.job(1)).state not in (JobState.COMPLETED, JobState.FAILED):
        time.sleep(0.2)
    if job.state is JobState.FAILED:
        raise SystemExit(f"the frame was not rendered: {job.message} {[f.message for f in job.failures]}")


@contextmanager
def _growth(process: psutil.Process) -> Iterator[Callable[[], float]]:
    """How many MB its memory has grown by, at most, within the block."""
    before = most = process.memory_info().rss
    ended = threading.Event()

    def look() -> None:
        nonlocal most
        while not ended.wait(0.02):
            most = max(most, process.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield lambda: round((most - before) / MIB, 1)
    finally:
        ended.set()
        looking.join()


def _cache_hit(running: BenchFarm) -> float:
    """The worker's own cache, asked as at an assignment."""
    (folder,) = (path.parent for path in running.data.glob("**/trees") if path.is_dir())
    manifest = max(folder.glob("trees/*.json"), key=lambda path: path.stat().st_size).stem
    took = []
    for _ in range(9):
        carried = Carried(Cache(folder), Connection(list), folder)
        started = time.perf_counter()
        carried.opened(manifest)
        took.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(took), 1)


def _over_a_bad_line(running: BenchFarm, place: Path, size: int) -> dict[str, object]:
    """One large new file over a line that is cut in the middle, again and again."""
    said = manager_file(running.data)
    assert said is not None
    path = place / "large"
    path.write_bytes(secrets.token_bytes(size))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    host, port = running.client.url.rpartition("//")[2].split(":")
    line = Line(int(port), [size // (CUTS + 1)] * CUTS)
    with Client(f"https://{host}:{line.port}", token_of(running.data), certificate=said.certificate) as client:
        client.send_content(path, sha256, size, lambda _: None)
    line.close()
    waste = (line.carried - size) / MIB
    return {"cuts": line.connections - 1, "resume_waste_mb": round(waste, 2), "resume_of_mb": size // MIB}
