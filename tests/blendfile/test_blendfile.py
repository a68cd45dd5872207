# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading .blend files without Blender: real files of many versions, and every kind of broken one."""

import contextlib
import gzip
import hashlib
import os
import shutil
import time
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brender import blendfile
from brender.blendfile import Unreadable
from brender.core.failures import Kind

VERSIONS = {
    "animation_movebone.blend": ((2, 93), "gzip", False),
    "instancing.blend": ((4, 3), "zstd", False),
    "newer_than_34.blend": ((5, 2), "zstd", True),
    "missing/01_cs_rotate.blend": ((2, 79), "", False),
    "missing/no_camera_ñønæščii.blend": ((2, 79), "gzip", False),
    "linked/01 - basic linking.blend": ((2, 81), "", False),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_the_header_says_who_saved_the_file(scenes: Path, name: str) -> None:
    header = blendfile.header(str(scenes / name))
    assert (header.version, header.compression, header.large) == VERSIONS[name]
    assert (header.pointer_size, header.endian) == (8, "<")


def test_every_real_file_is_scanned_and_has_one_active_scene(scenes: Path) -> None:
    read = 0
    for path in scenes.rglob("*.blend"):
        if path.name != "corrupt_only_magic.blend":
            found = blendfile.scan(str(path))
            assert [s.active for s in found.scenes].count(True) == 1
            assert found.active
            assert found.active.engine
            read += 1
    assert read >= 12


def test_a_scene_tells_its_range_output_and_format(scenes: Path) -> None:
    scene = blendfile.scan(str(scenes / "animation_movebone.blend")).active
    assert scene
    assert (scene.name, scene.start, scene.end, scene.step, scene.current) == ("Scene", 0, 200, 1, 0)
    assert (scene.output, scene.format, scene.use_extension, scene.overwrite) == ("/tmp\\", "PNG", True, True)
    assert (scene.width, scene.height, scene.percent, scene.engine) == (1920, 1080, 50, "BLENDER_EEVEE")
    assert scene.has_camera


def test_a_movie_format_and_its_container_are_told(scenes: Path) -> None:
    scene = blendfile.scan(str(scenes / "missing/no_camera_ñønæščii.blend")).active
    assert scene
    assert (scene.format, scene.container, scene.has_camera) == ("FFMPEG", "MKV", False)


def test_libraries_are_found_though_their_paths_have_windows_slashes(scenes: Path) -> None:
    found = blendfile.scan(str(scenes / "linked/01 - basic linking.blend"))
    assert [(x.stored, Path(x.path).name, x.exists) for x in found.libraries] == [
        ("//libraries\\skip - group_library.blend", "skip - group_library.blend", True),
        ("//libraries\\skip - library.blend", "skip - library.blend", True),
    ]


def test_what_is_missing_is_named(scenes: Path) -> None:
    found = blendfile.scan(str(scenes / "missing/01_cs_rotate.blend"))
    assert [(Path(x.path).name, x.exists) for x in found.libraries] == [("glTF2_Principled.blend", False)]
    found = blendfile.scan(str(scenes / "missing/01_missing_textures.blend"))
    assert [(x.kind, x.stored, x.exists) for x in found.files] == [("picture", "//MissingTexture.png", False)]


def test_what_is_there_is_found_beside_the_file(scenes: Path) -> None:
    found = blendfile.scan(str(scenes / "textures/light_area.blend"))
    assert {(x.stored, x.exists) for x in found.files} == {("//checker.png", True), ("//checker_rough.png", True)}


@pytest.mark.parametrize("name", ["Стул é 日本.blend", "Стул e\u0301 日本.blend", 'c\'d "x".blend', "new\nline.blend"])
def test_any_file_name_will_do(scenes: Path, tmp_path: Path, name: str) -> None:
    """C31, C32."""
    shutil.copyfile(scenes / "instancing.blend", tmp_path / name)
    assert blendfile.scan(str(tmp_path / name)).header.version == (4, 3)


def test_a_library_in_a_circle_or_broken_does_not_stop_the_scan(scenes: Path, tmp_path: Path) -> None:
    shutil.copyfile(scenes / "linked/01 - basic linking.blend", tmp_path / "a.blend")
    folder = tmp_path / "libraries"
    folder.mkdir()
    (folder / "skip - library.blend").symlink_to(tmp_path / "a.blend")
    (folder / "skip - group_library.blend").write_bytes(b"BLENDER-v281 and no more")
    found = blendfile.scan(str(tmp_path / "a.blend"))
    assert [x.exists for x in found.libraries] == [True, True]
    assert len(found.problems) == 1
    assert "skip - group_library.blend" in found.problems[0]


# ---- what is no .blend


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"BLEN", "truncated"),
        (b"BLENDER-v304", "truncated"),
        (b"BLENDER-v304ENDB" + bytes(20), "does not describe"),
        (b"BLENDER17-01v05", "truncated"),
        (b"BLENDER19-02v0700", "does not know"),
        (b"GIF89a and so on", "not a .blend"),
        (b"\x1f\x8b\x08 no gzip", "corrupt|truncated"),
        (b"\x28\xb5\x2f\xfd no zstd", "corrupt|truncated"),
        (gzip.compress(b"hello, world!"), "not a .blend"),
        (zstandard.compress(b"BLENDER-v304DATA" + b"\xff" * 20), "truncated|corrupt"),
    ],
)
def test_what_is_no_blend_is_refused_with_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.blend"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=words) as caught:
        blendfile.scan(str(path))
    assert caught.value.kind is Kind.FILE_UNREADABLE
    assert str(path) in caught.value.message


def test_absent_folder_pipe_and_forbidden_files_are_refused(tmp_path: Path, scenes: Path) -> None:
    """C34."""
    os.mkfifo(tmp_path / "pipe.blend")
    asked = {
        tmp_path / "none.blend": (Kind.FILE_ABSENT, "is not there"),
        tmp_path / "x.blend/y.blend": (Kind.FILE_ABSENT, "is not there"),
        tmp_path: (Kind.FILE_UNREADABLE, "folder"),
        tmp_path / "pipe.blend": (Kind.FILE_UNREADABLE, "regular"),
        scenes / "missing/corrupt_only_magic.blend": (Kind.FILE_UNREADABLE, "DNA1"),
    }
    for path, (kind, words) in asked.items():
        for read in (blendfile.header, blendfile.scan):
            if "corrupt" not in path.name or read is blendfile.scan:
                with pytest.raises(Unreadable, match=words) as caught:
                    read(str(path))
                assert caught.value.kind is kind
    with pytest.raises(Unreadable, match="is not there"):
        blendfile.hashes([str(tmp_path / "none.blend")])


@pytest.mark.parametrize(
    "name", ["newer_than_34.blend", "missing/no_camera_ñønæščii.blend", "missing/01_cs_rotate.blend"]
)
def test_a_file_cut_anywhere_is_unreadable(scenes: Path, tmp_path: Path, name: str) -> None:
    whole = (scenes / name).read_bytes()
    path = tmp_path / "cut.blend"
    last = len(whole) if whole[:7] == b"BLENDER" else len(whole) * 99 // 100  # the end of a stream holds little
    for length in {*range(1, 64), *(last * n // 60 for n in range(1, 60)), last - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(Unreadable):
            blendfile.scan(str(path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from([*VERSIONS]), inside=st.booleans())
def test_a_file_with_flipped_bytes_is_read_or_unreadable_and_nothing_else(
    scenes: Path, tmp_path: Path, data: st.DataObject, name: str, inside: bool
) -> None:
    whole = bytearray((scenes / name).read_bytes())
    if inside and VERSIONS[name][1] == "gzip":
        whole = bytearray(gzip.decompress(bytes(whole)))  # past the checksum, into the blocks themselves
    at = st.one_of(
        st.integers(0, 400), st.integers(0, len(whole) - 1), st.integers(len(whole) - 90_000, len(whole) - 1)
    )
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(at)] = data.draw(st.integers(0, 255))
    path = tmp_path / "flipped.blend"
    path.write_bytes(whole)
    with contextlib.suppress(Unreadable):
        blendfile.scan(str(path))


# ---- cost


def test_a_heavy_file_is_scanned_without_reading_its_meshes(scenes: Path, tmp_path: Path) -> None:
    whole = (scenes / "missing/01_cs_rotate.blend").read_bytes()
    mesh = b"DATA" + (70 << 20).to_bytes(4, "little") + bytes(16) + bytes(70 << 20)
    plain, packed = tmp_path / "plain.blend", tmp_path / "packed.blend"
    plain.write_bytes(whole[:12] + mesh + whole[12:])
    packed.write_bytes(zstandard.compress(plain.read_bytes(), 1))
    for path in (plain, packed):
        began = time.process_time()
        assert blendfile.scan(str(path)).active
        assert time.process_time() - began < 0.5


def test_hashes_are_those_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 3_000_000)
    (tmp_path / "b").write_bytes(b"")
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert blendfile.hashes(paths) == (
        (paths[0], hashlib.sha256(b"a" * 3_000_000).hexdigest()),
        (paths[1], hashlib.sha256(b"").hexdigest()),
    )
