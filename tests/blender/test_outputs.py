# SPDX-License-Identifier: GPL-3.0-or-later
"""Where frames go, asked of the real Blenders through scene.render.frame_path()."""

import json
import re
import subprocess
from itertools import product
from pathlib import Path

import pytest

from brender.core.outputs import BY_RNA, CONTAINERS, FORMATS, Output, frame_path, movie_path

PATTERNS = (
    "//out/f_", "//", "//../x/f_##_b", "/tmp/a_###_b_##", "/tmp/d/", "/tmp/d#/f", "/tmp/f.", "/tmp/f.v2", "/tmp/f.png",
    "/tmp/f####.PNG", "/tmp/f.tga", "/tmp/f_##.jpeg", "/tmp/f..", "C:\\out dir\\", "C:\\out dir\\f_##", "c:x",
    "a\\b\\f", "\\\\srv\\share\\f", "rel/f_", "rel//x/../f", "../f", "", "/a b/c'd_", "/a//b/./c_", "//a//b/../c_",
    "/tmp/f#.mp4",
    "/tmp/f.avi", "/tmp/f####.mkv", "/tmp/f########", "/tmp/f.0#", "/tmp/.hidden", "/tmp/f.#", "~/x_",
    "/tmp/Стул é/日_", "//../../../../../../../../../f", "///x/f", "/../f",
)  # fmt: skip

ASK = """
import bpy, json, os, sys
asked, answers = json.load(open(sys.argv[-1])), []
bpy.ops.wm.save_as_mainfile(filepath=asked["blend"])
scene = bpy.context.scene
scene.frame_start, scene.frame_end = 3, 250
known = scene.render.image_settings.bl_rna.properties["file_format"].enum_items.keys()
for rna, container, extension, view, pattern, frame in asked["cases"]:
    if rna not in known:
        answers.append(None)
        continue
    scene.render.image_settings.file_format = rna
    scene.render.ffmpeg.format = container
    scene.render.use_file_extension = extension
    scene.render.use_multiview = bool(view)
    scene.render.filepath = pattern
    answers.append(scene.render.frame_path(frame=frame, view={"": "", "_L": "left"}[view]))
json.dump(answers, open(sys.argv[-1], "w"))
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(
    params=[pytest.param("blender", marks=pytest.mark.blender), pytest.param("bpy_python", marks=pytest.mark.bpy)]
)
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The command that runs ASK in one of the two Blenders."""
    program: str = request.getfixturevalue(request.param)
    script = tmp_path / "ask.py"
    script.write_text(ASK)
    if request.param == "bpy_python":
        return [program, str(script)]
    return [program, "-b", "--factory-startup", "-P", str(script), "--"]


def test_every_pattern_and_format_is_named_as_blender_names_it(ask: list[str], tmp_path: Path) -> None:
    blend = str(tmp_path / "s.blend")
    stills_only = [rna for rna, format in BY_RNA.items() if not format.is_movie]
    stills = list(product(stills_only, ["MKV"], [True, False], ["", "_L"], PATTERNS, [5]))
    numbers = list(product(["PNG"], ["MKV"], [True], [""], PATTERNS, [-7, 0, 12345, -123456]))
    # Asked for a movie's path Blender makes its folder, so that none may lie outside the test's own.
    inside = [p for p in PATTERNS if re.match(r"//[^/.]|rel|/tmp/[^/]*$", p)]
    movies = list(product(["FFMPEG", "AVI_JPEG"], CONTAINERS, [True, False], ["", "_L"], inside, [5]))
    cases = [c for c in stills + numbers + movies if not c[3] or "hidden" not in c[4]]  # 3.4 and 4.5 differ there
    (tmp_path / "asked.json").write_text(json.dumps({"blend": blend, "cases": cases}))
    subprocess.run([*ask, str(tmp_path / "asked.json")], check=True, capture_output=True, timeout=120, cwd=tmp_path)
    answers = json.loads((tmp_path / "asked.json").read_text())
    wrong = [
        (case, answer, mine)
        for case, answer in zip(cases, answers, strict=True)
        if answer is not None and (mine := named(blend, *case)) != answer
    ]
    assert wrong == []
    assert sum(a is not None for a in answers) > 1000


def named(blend: str, rna: str, container: str, extension: bool, view: str, pattern: str, frame: int) -> str:
    output = Output(pattern=pattern, format=BY_RNA[rna], blend=blend, use_extension=extension, container=container)
    return movie_path(output, 3, 250, view) if output.format.is_movie else frame_path(output, frame, view)


@pytest.mark.blender
def test_the_command_line_takes_our_format_names(blender: str) -> None:
    asks = [
        word
        for name in FORMATS
        for word in ("-F", name, "--python-expr",
                     f"import bpy; print('FORMAT {name}', bpy.context.scene.render.image_settings.file_format)")
    ]  # fmt: skip
    done = subprocess.run([blender, "-b", "--factory-startup", *asks], check=True, capture_output=True, text=True)
    said = dict(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("FORMAT"))
    assert said == {name: f.rna for name, f in FORMATS.items()}
