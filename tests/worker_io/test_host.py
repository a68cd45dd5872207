# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine has, on three systems, and which Blender a job means."""

from pathlib import Path

import pytest

from brender.core.scene import Blender, BlenderKind, FoundBlender
from brender.worker.host import (
    NoBlenderError,
    choose_among,
    cores,
    facts,
    install_patterns,
    mac,
    memory_mb,
    parse_version,
)


def there(kind: BlenderKind, version: str, path: str = "") -> FoundBlender:
    return FoundBlender(blender=Blender(kind=kind, version=version), path=path or f"/opt/blender-{version}/blender")


OLD = there("blender", "3.4.1", "/usr/bin/blender")
NEW = there("blender", "4.2.3")
MODULE = there("bpy", "4.5.15", "/venv/bin/python")
FOUND = (OLD, NEW, MODULE)


# --- version -----------------------------------------------------------------------------------------------------


def test_the_version_and_build_are_read_from_what_blender_says() -> None:
    said = "Blender 4.2.3 LTS\n\tbuild date: 2024-10-14\n\tbuild hash: 0e22e4fcea03\n\tbuild branch: v42\n"
    assert parse_version(said) == ("4.2.3", "0e22e4fcea03")


def test_noise_before_the_version_does_no_harm() -> None:
    assert parse_version("Color management: using fallback\nBlender 3.4.1\n") == ("3.4.1", "")


@pytest.mark.parametrize("said", ["", "ls (GNU coreutils) 9.1\n", "Blender\n"])
def test_what_is_no_blender_has_no_version(said: str) -> None:
    assert parse_version(said) is None


# --- choosing ----------------------------------------------------------------------------------------------------


def test_the_blender_of_the_path_is_chosen_whatever_the_file() -> None:
    assert choose_among(FOUND, None, (4, 5), OLD.path) == OLD


def test_without_one_on_the_path_bpy_is_chosen() -> None:
    assert choose_among(FOUND, None, (3, 4), None) == MODULE


def test_with_neither_the_installed_one_nearest_the_file_is_chosen() -> None:
    newest = there("blender", "5.0.1")
    assert choose_among((newest, OLD, NEW), None, (4, 0), None) == NEW
    assert choose_among((newest, OLD, NEW), None, None, None) == newest


def test_an_older_blender_than_the_file_is_the_last_choice() -> None:
    assert choose_among((OLD, there("blender", "5.0.1")), None, (3, 6), None).blender.version == "5.0.1"
    assert choose_among((OLD, NEW), None, (4, 5), None) == NEW


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("3.4", OLD),
        ("3.4.1", OLD),
        ("4", NEW),
        ("4.5", MODULE),
        ("bpy", MODULE),
        ("bpy 4.5", MODULE),
        ("bpy-4.5.15", MODULE),
    ],
)
def test_a_version_or_its_beginning_names_one(wanted: str, chosen: FoundBlender) -> None:
    assert choose_among(FOUND, wanted, None, OLD.path) == chosen


@pytest.mark.parametrize("wanted", ["3.40", "9", "4.5.1", "bpy 3.4"])
def test_one_that_is_not_there_is_refused_with_those_that_are(wanted: str) -> None:
    with pytest.raises(NoBlenderError, match=r"There is no Blender .* Found: Blender 3\.4\.1 at /usr/bin/blender, "):
        choose_among(FOUND, wanted, None, None)


def test_a_machine_without_blender_says_what_to_do() -> None:
    with pytest.raises(NoBlenderError, match="Install one"):
        choose_among((), None, None, None)


# --- where it is installed ---------------------------------------------------------------------------------------


def test_windows_programs_steam_and_store_are_looked_at() -> None:
    environ = {"ProgramFiles": r"C:\Program Files", "ProgramW6432": r"C:\Program Files", "LOCALAPPDATA": r"C:\U\L"}
    assert install_patterns("Windows", environ, r"C:\U") == [
        r"C:\Program Files\Blender Foundation\Blender*\blender.exe",
        r"C:\Program Files\Steam\steamapps\common\Blender\blender.exe",
        r"C:\U\L\Programs\Blender*\blender.exe",
        r"C:\U\L\Microsoft\WindowsApps\blender.exe",
    ]


def test_mac_applications_are_looked_at() -> None:
    patterns = install_patterns("Darwin", {}, "/Users/ada")
    assert "/Applications/Blender*.app/Contents/MacOS/Blender" in patterns
    assert "/Users/ada/Applications/Blender*.app/Contents/MacOS/Blender" in patterns


def test_linux_opt_home_snap_and_flatpak_are_looked_at() -> None:
    patterns = install_patterns("Linux", {}, "/home/ada")
    for wanted in ("/opt/[bB]lender*/blender", "/home/ada/[bB]lender*/blender", "/snap/bin/blender"):
        assert wanted in patterns


# --- cores and memory --------------------------------------------------------------------------------------------


def group(root: Path, line: str, **files: str) -> Path:
    """A machine whose control group is `line`, with files given as folder__file."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(line + "\n")
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_max", ".max")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def test_a_control_group_bounds_memory_also_from_above(tmp_path: Path) -> None:
    root = group(tmp_path, "0::/jobs/one", jobs__one__memory_max="max", jobs__memory_max=str(512 * 2**20))
    assert memory_mb(root) == 512


def test_a_control_group_bounds_cores(tmp_path: Path) -> None:
    assert cores(group(tmp_path, "0::/", cpu_max="100000 100000")) == 1


def test_the_old_control_groups_bound_memory_too(tmp_path: Path) -> None:
    root = group(tmp_path, "5:memory:/box")
    (root / "sys/fs/cgroup/memory/box").mkdir(parents=True)
    (root / "sys/fs/cgroup/memory/box/memory.limit_in_bytes").write_text("268435456\n")
    assert memory_mb(root) == 256


def test_without_limits_it_is_the_machines(tmp_path: Path) -> None:
    assert memory_mb(tmp_path) > 256
    assert cores(tmp_path) >= 1


def test_an_address_is_the_machines_or_none() -> None:
    """What Python makes up, where there is no network card, has the multicast bit."""
    assert mac(0x0242AC110002) == "0242ac110002"
    assert mac(0x010203040506) == ""
    assert len(facts((), ()).mac) in (0, 12)
