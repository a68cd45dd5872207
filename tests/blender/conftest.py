# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blenders these tests run with, each twice at hand: as brender starts it, and bare, for the picture to compare."""

import asyncio
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy
import OpenImageIO as oiio
import pytest

from brender.core.scene import Blender, Scene, Settings
from brender.worker.blender import Rendered, WarmBlender

HERE = Path(__file__).parent
SMALL = Settings(engine="CYCLES", samples=2, width=64, height=36, percent=100, format="PNG")

# what a person would run: open the file, set the same things, render these frames, nothing kept between them
COLD = """
import bpy, json, os, sys
asked = json.loads(sys.argv[-1])
bpy.ops.wm.open_mainfile(filepath=asked["blend"], load_ui=True, use_scripts=asked["scripts"])
scene = bpy.context.scene
scene.render.engine = asked["engine"]
if asked["engine"] == "CYCLES":
    scene.cycles.samples = asked["samples"]
scene.render.resolution_x, scene.render.resolution_y = asked["size"]
scene.render.resolution_percentage = 100
if hasattr(scene.render.image_settings, "media_type"):
    scene.render.image_settings.media_type = "IMAGE"
scene.render.image_settings.file_format = asked["format"]
scene.render.use_persistent_data = False
scene.render.use_single_layer = False  # as on the command line
scene.render.filepath = asked["output"]
first, last = asked["frames"]
scene.frame_start, scene.frame_end = first, last
scene.frame_start, scene.frame_end = first, last
bpy.ops.render.render(animation=True)
sys.stdout.flush()
os._exit(0)
"""


class Kit:
    """One Blender to test with."""

    def __init__(self, kind: str, program: str, folder: Path) -> None:
        self.kind = kind
        self.program = program
        self.folder = folder
        self.version = self._version()
        self.blender = Blender(kind="blender" if kind == "blender" else "bpy", version=self.version)

    def command(self, script: str, *arguments: str) -> list[str]:
        """The command line that runs a Python file in this Blender, from factory settings."""
        options = ["-b", "--factory-startup", "-P"] if self.kind == "blender" else []
        return [self.program, *options, script, "--", *arguments]

    def run(self, script: str, *arguments: str, **environment: str) -> str:
        """Runs a Python file in this Blender and returns what it printed."""
        command = self.command(script, *arguments)
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}, check=False
        )
        return done.stdout + done.stderr

    def _version(self) -> str:
        script = self.folder / "version.py"
        script.write_text("import bpy, os, sys\nprint('V', bpy.app.version)\nsys.stdout.flush()\nos._exit(0)\n")
        line = next(line for line in self.run(str(script)).splitlines() if line.startswith("V "))
        return ".".join(line[3:-1].split(", "))

    def scene(self, blend: Path | str, output: Path | str | None = None, **changes: Any) -> Scene:
        """The scene as these tests render it: small, two samples, PNG."""
        settings = changes.pop("settings", SMALL)
        if output is not None:
            settings = msgspec.structs.replace(settings, output=str(output))
        return Scene(blend=str(blend), blender=self.blender, settings=settings, **changes)

    async def open(self, scene: Scene, folder: Path, on_event: Any = lambda _: None) -> WarmBlender:
        """Opens it warm."""
        return await WarmBlender.open(scene, self.program, log=str(folder / "open.log"), on_event=on_event)

    def cold(self, blend: Path, folder: Path, first: int, last: int | None = None, scripts: bool = False) -> Path:
        """Renders frames in a new process without brender; returns the picture of the last one."""
        last = first if last is None else last
        if self.kind == "blender":
            return self._cold_blender(blend, folder, first, last, scripts)
        script = self.folder / "cold.py"
        script.write_text(COLD)
        asked = {
            "blend": str(blend), "engine": "CYCLES", "samples": 2, "size": (64, 36), "format": "PNG",
            "output": str(folder / "####"), "frames": (first, last), "scripts": scripts,
        }  # fmt: skip
        return self._picture(folder, last, self.run(str(script), json.dumps(asked)))

    def _cold_blender(self, blend: Path, folder: Path, first: int, last: int, scripts: bool) -> Path:
        small = (
            "import bpy; s = bpy.context.scene; r = s.render; s.cycles.samples = 2; r.use_persistent_data = False;"
            "r.resolution_x, r.resolution_y, r.resolution_percentage = 64, 36, 100"
        )
        command = [self.program, "-b", "--factory-startup", "-y" if scripts else "-Y", str(blend), "-E", "CYCLES"]
        command += ["-F", "PNG", "-o", str(folder / "####"), "--python-expr", small]
        command += ["-f", str(first)] if first == last else ["-s", str(first), "-e", str(last), "-a"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        return self._picture(folder, last, done.stdout + done.stderr)

    def _picture(self, folder: Path, frame: int, said: str) -> Path:
        picture = folder / f"{frame:04}.png"
        assert picture.exists(), said
        return picture


@pytest.fixture(
    scope="session",
    params=[pytest.param("blender", marks=pytest.mark.blender), pytest.param("bpy_python", marks=pytest.mark.bpy)],
)
def kit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """The installed Blender, then bpy. BRENDER_TEST_BPY names the Python of another bpy."""
    program: str = request.getfixturevalue(request.param)
    if request.param == "bpy_python":
        program = os.environ.get("BRENDER_TEST_BPY") or program
    return Kit("blender" if request.param == "blender" else "bpy", program, tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="session")
def made(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the scenes that make_scenes.py makes with this Blender."""
    folder = tmp_path_factory.mktemp("scenes")
    kit.run(str(HERE / "make_scenes.py"), str(folder))
    return folder


def pixels(path: Path | str) -> numpy.ndarray[Any, Any]:
    """All pixels of a picture, as they are in the file."""
    opened = oiio.ImageInput.open(str(path))
    assert opened is not None, oiio.geterror()
    try:
        return numpy.asarray(opened.read_image("float"))
    finally:
        opened.close()


@pytest.fixture
def same_pixels() -> Any:
    """A function that says whether two pictures have the same pixels; their bytes never have."""
    return lambda one, other: bool(numpy.array_equal(pixels(one), pixels(other)))


@pytest.fixture
def render_all() -> Any:
    """A function that renders frames in this order, one run each, all handed over at once."""

    async def render(warm: WarmBlender, frames: Sequence[int], folder: Path) -> list[Rendered]:
        runs = [warm.render(f"run{i}-{frame}", (frame,), str(folder / f"{i}.log")) for i, frame in enumerate(frames)]
        return list(await asyncio.gather(*runs))

    return render
