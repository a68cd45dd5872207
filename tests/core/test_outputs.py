# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's naming, as text. tests/blender/test_outputs.py asks Blender itself about the same rules."""

import pytest

from brender.core.outputs import BY_CODE, BY_RNA, CONTAINERS, FORMATS, Output, absolute, frame_path, movie_path, paths

PNG, JPEG, FFMPEG, AVI = (FORMATS[n] for n in ("PNG", "JPEG", "FFMPEG", "AVIJPEG"))


def output(pattern: str, **more: object) -> Output:
    return Output(**{"pattern": pattern, "format": PNG, "blend": "/shots/a b/s.blend"} | more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "frame", "path"),
    [
        ("//render_", 1, "/shots/a b/render_0001.png"),
        ("//", 250, "/shots/a b/0250.png"),
        ("/tmp/", 7, "/tmp/0007.png"),
        ("/tmp/a_###_b_##", 5, "/tmp/a_###_b_05.png"),
        ("/tmp/d#/f", 5, "/tmp/d#/f0005.png"),
        ("/tmp/f_##", -7, "/tmp/f_-07.png"),
        ("/tmp/f", -12345, "/tmp/f-12345.png"),
        ("/tmp/f####.PNG", 5, "/tmp/f0005.PNG"),
        ("/tmp/f.png", 5, "/tmp/f.png0005.png"),
        ("/tmp/f_##.jpeg", 5, "/tmp/f_05.png"),
        ("/tmp/f#.mp4", 5, "/tmp/f5.mp4.png"),
        ("//../x/f_", 5, "/shots/x/f_0005.png"),
        ("/a b/c'd_", 5, "/a b/c'd_0005.png"),
        ("//Стул é 日本_", 5, "/shots/a b/Стул é 日本_0005.png"),
        ("rel/f_", 5, "rel/f_0005.png"),
    ],
)
def test_a_frame_is_named_as_blender_names_it(pattern: str, frame: int, path: str) -> None:
    """C31, C32."""
    assert frame_path(output(pattern), frame) == path


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("C:\\out dir\\", "C:\\out dir\\0005.png"),
        ("C:/out dir/f_##.tga", "C:\\out dir\\f_05.png"),
        ("\\\\srv\\share\\x\\..\\f_", "\\\\srv\\share\\f_0005.png"),
        ("//renders\\", "D:\\shots\\renders\\0005.png"),
    ],
)
def test_windows_paths_are_text_on_any_system(pattern: str, path: str) -> None:
    """C31."""
    assert frame_path(output(pattern, blend="D:\\shots\\s.blend", windows=True), 5) == path


def test_blender_on_linux_makes_a_folder_of_a_drive() -> None:
    """C31."""
    assert frame_path(output("C:\\out dir\\"), 5) == "/c/out dir/0005.png"


def test_a_format_accepts_each_of_its_extensions() -> None:
    assert frame_path(output("/t/f_##.jpeg", format=JPEG), 5) == "/t/f_05.jpeg"
    assert frame_path(output("/t/f_##.jpg", format=JPEG, use_extension=False), 5) == "/t/f_05.jpg"
    assert frame_path(output("/t/f_", use_extension=False), 5) == "/t/f_0005"


def test_a_movie_carries_its_range_unless_its_name_has_the_extension() -> None:
    """C30."""
    assert movie_path(output("//", format=FFMPEG), 1, 250) == "/shots/a b/0001-0250.mp4"
    assert movie_path(output("/t/m_##x", format=FFMPEG, container="MKV"), -3, 5) == "/t/m_-03-05x.mkv"
    assert movie_path(output("/t/m.mp4", format=FFMPEG), 1, 250) == "/t/m.mp4"
    assert movie_path(output("/t/m", format=FFMPEG, use_extension=False), 1, 250) == "/t/m"
    assert movie_path(output("/t/m##.avi", format=AVI), 1, 250) == "/t/m01-250.avi"


def test_stereo_views_stand_before_the_extension() -> None:
    views = ("_L", "_R")
    assert list(paths(output("/t/f_"), iter((1, 2)), views)) == [
        "/t/f_0001_L.png",
        "/t/f_0001_R.png",
        "/t/f_0002_L.png",
        "/t/f_0002_R.png",
    ]
    assert frame_path(output("/t/f.png"), 5, "_L") == "/t/f_L.png0005.png"


def test_a_file_never_saved_has_no_folder() -> None:
    assert absolute("//f", "") == "f"


def test_the_formats_are_found_by_each_of_their_names() -> None:
    assert FORMATS["EXR"] is BY_RNA["OPEN_EXR"] is BY_CODE[23]
    assert BY_RNA["JPEG2000"].name == "JP2"
    assert "MPEG" not in FORMATS  # in Blender's help, and unknown to it
    assert all(f.extensions or f is FFMPEG for f in FORMATS.values())
    assert all(CONTAINERS.values())
