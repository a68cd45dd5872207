# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: makes the demo scene if it is not there, and renders it, with a contact sheet, as a person would.

Everything goes to build/demo. The scene is made and rendered by the same Blender: the bpy module of this Python, else
the installed one.
"""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "build/demo"
BLEND = OUT / "demo.blend"
FRAMES = OUT / "frames"
SHEET = OUT / "contact-sheet.png"
BRENDER = Path(sys.executable).with_name("brender")


def main() -> int:
    """brender's exit code."""
    OUT.mkdir(parents=True, exist_ok=True)
    bpy = importlib.util.find_spec("bpy") is not None
    if not bpy and not shutil.which("blender"):
        print("demo: there is neither the bpy module nor a blender on the PATH; see `make setup`", file=sys.stderr)
        return 1
    if not BLEND.exists() or BLEND.stat().st_mtime < (HERE / "make_scene.py").stat().st_mtime:
        make_scene(bpy)
    shutil.rmtree(FRAMES, ignore_errors=True)
    blender = ["--blender", "bpy"] if bpy else []
    done = subprocess.run([BRENDER, "render", BLEND, *blender, "--name", "Lanterns", "--sheet", SHEET, "-a"])
    if done.returncode == 0:
        print(f"\nThe frames are in {FRAMES}\nThe contact sheet is {SHEET}")
    return done.returncode


def make_scene(bpy: bool) -> None:
    """Writes demo.blend."""
    script = HERE / "make_scene.py"
    blender = ["blender", "-b", "--factory-startup", "-noaudio", "-P", script, "--", BLEND]
    print("demo: making the scene", flush=True)
    subprocess.run([sys.executable, script, BLEND] if bpy else blender, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
