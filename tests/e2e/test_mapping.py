# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that has the shared folder under another name than the manager: two paths, one folder (C33)."""

import os
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import Desk

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.bpy,
    pytest.mark.skipif(os.name != "posix", reason="needs symbolic links"),
]

TINY = ["-E", "CYCLES", "--samples", "1", "--size", "32x18", "-F", "PNG", "-x", "1"]
# what the worker's Blender calls its file, and where it writes
SAYS = "import bpy; open({!r}, 'w').write(bpy.data.filepath + '\\n' + bpy.context.scene.render.filepath)"


def test_a_frame_lands_where_the_manager_wants_it_whatever_the_worker_calls_the_folder(
    desk: Desk, scenes: Path, bpy_python: str
) -> None:
    shared, elsewhere = desk.folder / "x" / "my show", desk.folder / "y" / "show of theirs"
    for folder in (shared, elsewhere.parent):
        folder.mkdir(parents=True)
    elsewhere.symlink_to(shared)
    blend = Path(shutil.copy(scenes / "animation_movebone.blend", shared / "shot é.blend"))
    said = desk.folder / "said.txt"

    desk.start("manager", "--port", "0").wait_for("manager ready")
    desk.start("worker", "--name", "other").wait_for("worker starts")
    while "other" not in desk.run("get", "workers", "online")[1]:
        pass
    assert desk.run("create", "mapping", "name=show", f"linux={shared}", f"macos={shared}")[0] == 0
    code, text = desk.run("set", "worker", "other", f"mappings=show={elsewhere}")
    assert code == 0, text

    asked = ["render", blend, *TINY, "-o", shared / "out" / "f_####", "--python-expr", SAYS.format(str(said))]
    code, text = desk.run(*asked, "-f", "3..4")
    assert code == 0, text
    assert sorted(path.name for path in (shared / "out").iterdir()) == ["f_0003.png", "f_0004.png"]
    opened, _ = said.read_text().split("\n")
    assert opened == str(elsewhere / blend.name)

    code, text = desk.run("get", "job", "1", "--json")
    assert str(elsewhere) not in text
    assert str(shared) in text
