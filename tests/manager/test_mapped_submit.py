# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that is submitted from a machine with another view of the shared folder (C33)."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from brender import blendfile
from brender.core.commands import SubmitJob
from brender.core.nouns import Mapping
from brender.core.pathmap import View
from brender.core.scene import Script, Settings
from brender.core.views import JobRequest
from brender.manager.submit import NotSubmitted, Shared, prepare
from tests.farm_builder import BLENDER, BPY


@pytest.fixture
def blend(scenes: Path, tmp_path: Path) -> Path:
    (tmp_path / "show" / "shots").mkdir(parents=True)
    return Path(shutil.copy(scenes / "animation_movebone.blend", tmp_path / "show" / "shots" / "a é.blend"))


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    """The folder is P: on Windows, and not on a Mac."""
    return Shared(View("Linux"), (Mapping(name="show", linux=str(tmp_path / "show"), windows="P:\\"),))


def ask(blend: str | Path, shared: Shared, **fields: Any) -> SubmitJob:
    return prepare(JobRequest(request_id="r", blend=str(blend), **fields), (BLENDER, BPY), shared)


def test_a_request_from_windows_is_kept_in_the_paths_of_the_manager(blend: Path, shared: Shared) -> None:
    script = blend.with_name("s.py")
    command = ask(
        "p:/shots/a é.blend",
        shared,
        system="Windows",
        settings=Settings(output="P:\\out\\f_####", format="PNG", use_extension=True),
        scripts=(Script(kind="file", source="P:\\shots\\s.py"), Script(kind="expr", source="print('P:\\x')")),
    )
    assert command.scene.blend == str(blend)
    assert command.scene.hashes[0][0] == str(blend)
    assert command.scene.settings.output == f"{blend.parents[1]}/out/f_####"
    assert [s.source for s in command.scene.scripts] == [str(script), "print('P:\\x')"]
    assert command.outputs == f"{blend.parents[1].resolve()}/out/f_####.png"
    assert command.name == "a é.blend"


def test_what_no_folder_holds_is_refused_from_another_kind_of_system(blend: Path, shared: Shared) -> None:
    with pytest.raises(NotSubmitted) as refused:
        ask("C:\\a.blend", shared, system="Windows")
    assert refused.value.where == "blend"
    assert refused.value.message.startswith("C:\\a.blend is in no folder that this machine and the manager's share.")


@pytest.mark.parametrize("system", ["", "Linux", "Darwin"])
def test_a_path_that_is_the_managers_own_is_not_touched(blend: Path, shared: Shared, system: str) -> None:
    settings = Settings(output=f"{blend.parent}/f_##", format="PNG")
    command = ask(blend, shared, system=system, settings=settings)
    assert command.scene.blend == str(blend)
    assert command.scene.settings == settings


def test_an_output_of_the_file_is_said_where_folders_have_several_names(blend: Path, shared: Shared) -> None:
    """The file's own output is absolute: on another machine it is to be another one."""
    (own,) = (scene.output for scene in blendfile.scan(str(blend)).scenes)
    assert own.startswith("/")
    assert not own.startswith("//")
    alone, mapped = ask(blend, Shared(View("Linux"))), ask(blend, shared)
    assert (alone.scene.settings.output, mapped.scene.settings.output) == (None, own)
    assert mapped.outputs == alone.outputs
