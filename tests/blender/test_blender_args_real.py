# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments that brender reads, given to the real Blender: the same frames, and silence where we refuse."""

import re
import subprocess
from pathlib import Path

import pytest

from brender.cli.blender_args import ArgumentsError, parse
from brender.cli.blender_options import HELP, OPTIONS

pytestmark = pytest.mark.blender

MAKE = """
import bpy
scene = bpy.context.scene
for thing in list(bpy.data.objects):
    if thing.type != "CAMERA":
        bpy.data.objects.remove(thing)
scene.frame_start, scene.frame_end, scene.render.engine, scene.cycles.samples = 10, 20, "CYCLES", 1
scene.render.resolution_x = scene.render.resolution_y = 8
scene.render.resolution_percentage = 100
scene.cycles.use_denoising = False
bpy.data.scenes.new("Two").use_fake_user = True
bpy.ops.wm.save_as_mainfile(filepath={path!r})
"""
RESET = (
    "import bpy; s = bpy.data.scenes['Scene']; s.frame_start, s.frame_end, s.frame_step = 10, 20, 1;"
    "s.render.filepath = '//case{n}/'; bpy.data.scenes['Two'].render.filepath = '//case{n}/two_'"
)

# Read by brender, and rendered so by Blender.
TAKEN = (
    "-s 1 -e 3 -a", "-s -2 -e -9 -a", "-s +3 -e -4 -a", "-s 14 -s +2 -e 17 -a", "-s +2 -s +2 -s -1 -e 15 -a", "-j 4 -a",
    "-f 1,3,5..7", "-f +2", "-f -5", "-f -1", "-f +0", "-f +1..-9", "-f 2 -f 9..10 -f 2", "-s 100 -e 110 -f +1,-1",
    "-f 12..12", "-f -1..-1", "-s -20 -e -18 -j 5 -a", "-f 0", "-e 11 -a -f 3",
)  # fmt: skip

# Refused by brender; what Blender does is behind it: the frames, or none.
REFUSED = {
    "-f abc": [], "-f 9..5": [], "-f 1-10": [], "-f 5..": [], "-f 1,,3": [], "-f 1,2x": [], "-s 5 -e 1 -a": [],
    "-j 0 -s 19 -a": [19, 20], "-s 5x -e 11 -a": [10, 11], "-f 99999999": [1048574], "": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(blender: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of 8 pixels a side, its range 10 to 20, and where each case rendered to."""
    folder = tmp_path_factory.mktemp("args")
    make = MAKE.format(path=str(folder / "s.blend"))
    subprocess.run([blender, "-b", "--factory-startup", "--python-expr", make], check=True, capture_output=True)
    words = [blender, "-b", str(folder / "s.blend")]
    for n, case in enumerate((*TAKEN, *REFUSED)):
        words += ["--python-expr", RESET.format(n=n), *case.split()]
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stdout + done.stderr
    return folder


def rendered(folder: Path, n: int) -> list[int]:
    return sorted(int(p.stem) for p in folder.glob(f"case{n}/*.png"))


@pytest.mark.parametrize("case", TAKEN)
def test_blender_renders_the_frames_that_we_read(folder: Path, case: str) -> None:
    """C25, C29."""
    found = parse(["s.blend", *case.split()], str(folder)).resolved(10, 20)
    assert sorted(found.frames) == rendered(folder, TAKEN.index(case))


@pytest.mark.parametrize("case", REFUSED)
def test_what_we_refuse_blender_ignores_or_changes_in_silence(folder: Path, case: str) -> None:
    """C25, C29."""
    with pytest.raises(ArgumentsError):
        parse(["s.blend", *case.split()], str(folder)).resolved(10, 20)
    assert rendered(folder, len(TAKEN) + list(REFUSED).index(case)) == REFUSED[case]


@pytest.mark.parametrize(
    ("words", "lost"),
    [
        (["-E", "BLENDER_WORKBENCH", "FILE", "ASK"], "ENGINE CYCLES"),
        (["-s", "3", "FILE", "ASK"], "START 10"),
        (["FILE", "-e", "12", "-S", "Two", "ASK"], "END 250"),
        (["FILE", "-F", "MPEG", "ASK"], "FORMAT PNG"),
        (["FILE", "-x", "yes", "ASK"], "EXTENSION True"),
    ],
)
def test_what_we_refuse_for_its_place_blender_loses(blender: str, folder: Path, words: list[str], lost: str) -> None:
    """C29."""
    path = str(folder / "s.blend")
    ask = (
        "import bpy; s = bpy.context.scene; print('ENGINE', s.render.engine); print('START', s.frame_start);"
        "print('END', s.frame_end); print('FORMAT', s.render.image_settings.file_format);"
        "print('EXTENSION', s.render.use_file_extension)"
    )
    command = [path if w == "FILE" else w for w in words[:-1]]
    done = subprocess.run([blender, "-b", *command, "--python-expr", ask], check=True, capture_output=True, text=True)
    assert re.search(f"^{lost}$", done.stdout, re.MULTILINE)
    with pytest.raises(ArgumentsError):
        parse([*command, "-a"], str(folder))


def test_start_up_options_are_heeded_behind_the_file(blender: str, folder: Path) -> None:
    ask = "import bpy; print('THREADS', bpy.context.scene.render.threads)"
    words = [str(folder / "s.blend"), "--python-expr", ask, "-t", "3"]
    done = subprocess.run([blender, "-b", *words], check=True, capture_output=True, text=True)
    assert re.search("^THREADS 3$", done.stdout, re.MULTILINE)
    assert parse([*words, "-a"], "/").launch.threads == 3


def test_every_option_that_blender_lists_is_known(blender: str) -> None:
    done = subprocess.run([blender, "--help"], check=True, capture_output=True, text=True)
    listed = re.findall(r"^(-\S+)(?: or (--\S+))?", done.stdout, re.MULTILINE)
    names = {name for pair in listed for name in pair if name}
    assert len(names) > 90
    assert names - OPTIONS.keys() - set(HELP) == set()
