# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is good or it is not; cut off anywhere, either that is seen or not a pixel is missing (C24, rule 10)."""

import hashlib
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from brender.imaging.bad import BadPicture
from brender.imaging.verify import verify

from .conftest import FRAMES, HEIGHT, MOVIES, STILLS, WIDTH


def decoded(path: Path) -> bytes:
    if path.suffix in {".jpg", ".jp2"}:
        with Image.open(path) as image:
            return image.tobytes()
    source = oiio.ImageInput.open(str(path))
    read = source.read_image(0, 0, 0, source.spec().nchannels, oiio.UNKNOWN)
    source.close()
    return bytes(np.ascontiguousarray(read))


def pictures(path: Path) -> list[bytes]:
    with av.open(str(path)) as movie:
        return [frame.to_ndarray(format="rgb24").tobytes() for frame in movie.decode(video=0)]


def cut(path: Path, length: int, folder: Path) -> Path:
    short = folder / path.name
    short.write_bytes(path.read_bytes()[:length])
    return short


# ---------------------------------------------------------------- good files


def test_a_good_picture_is_what_it_is(still: Path) -> None:
    found = verify(still, WIDTH, HEIGHT)
    assert (found.width, found.height, found.frames) == (WIDTH, HEIGHT, 1)
    assert found.size_bytes == still.stat().st_size
    assert found.sha256 == hashlib.sha256(still.read_bytes()).hexdigest()


def test_a_good_movie_is_counted(movie: Path) -> None:
    found = verify(movie, WIDTH, HEIGHT, format="FFMPEG", frames=FRAMES)
    assert (found.kind, found.width, found.height, found.frames) == ("movie", WIDTH, HEIGHT, FRAMES)


def test_a_multilayer_picture_names_its_layers(tmp_path: Path) -> None:
    found = verify(STILLS["layers.exr"](tmp_path / "layers.exr"))
    assert found.layers == ("View.Combined", "View.Diffuse", "second.Combined")
    assert (found.channels, found.bits) == (12, 16)


def test_sixteen_bits_are_told(tmp_path: Path) -> None:
    assert verify(STILLS["16.png"](tmp_path / "16.png")).bits == 16


@pytest.mark.parametrize(("name", "format"), [("8.png", "PNG"), ("layers.exr", "MULTILAYER"), ("a.jp2", "JP2")])
def test_the_format_asked_for_is_recognised(name: str, format: str, tmp_path: Path) -> None:
    verify(STILLS[name](tmp_path / name), format=format)


# ---------------------------------------------------------------- bad files


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadPicture, match=r"frame_0001.png is not there"):
        verify(tmp_path / "frame_0001.png")


def test_the_empty_file_of_a_full_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "frame.png").touch()
    with pytest.raises(BadPicture, match="empty"):
        verify(tmp_path / "frame.png")


@pytest.mark.parametrize("content", [b"\0" * 4096, b"not a picture", b"x"])
def test_what_is_no_picture_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "frame.png").write_bytes(content)
    with pytest.raises(BadPicture):
        verify(tmp_path / "frame.png")


def test_another_size_is_refused(still: Path) -> None:
    with pytest.raises(BadPicture, match=f"{WIDTH}x{HEIGHT} pixels, and {WIDTH}x{HEIGHT + 1} was asked for"):
        verify(still, WIDTH, HEIGHT + 1)


def test_another_format_is_refused_whatever_the_name_says(tmp_path: Path) -> None:
    """Blender writes the file's own format when it does not know the one behind -F, and exits 0."""
    wrong = STILLS["a.jpg"](tmp_path / "a.jpg").rename(tmp_path / "frame.png")
    with pytest.raises(BadPicture, match="of format JPEG, and PNG was asked for"):
        verify(wrong, format="PNG")


def test_a_format_that_blender_has_not_got_is_the_callers_mistake(still: Path) -> None:
    with pytest.raises(ValueError, match="no format 'GIF'"):
        verify(still, format="GIF")


@pytest.mark.parametrize("name", STILLS)
def test_a_picture_cut_off_in_the_middle_is_caught(name: str, tmp_path: Path) -> None:
    good = STILLS[name](tmp_path / name)
    (tmp_path / "cut").mkdir()
    for part in (0.1, 0.5, 0.9):
        with pytest.raises(BadPicture):
            verify(cut(good, int(good.stat().st_size * part), tmp_path / "cut"))


def test_a_jpeg_2000_is_caught_wherever_it_is_cut(tmp_path: Path) -> None:
    """Its decoder takes one that was cut at some lengths for whole, and gives black."""
    for name in (name for name in STILLS if name.endswith((".jp2", ".j2c", ".j2k"))):
        good = STILLS[name](tmp_path / name)
        whole = good.read_bytes()
        for length in range(len(whole)):
            (tmp_path / f"cut-{name}").write_bytes(whole[:length])
            with pytest.raises(BadPicture):
                verify(tmp_path / f"cut-{name}")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_picture_cut_off_anywhere_is_caught_or_has_all_its_pixels(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    name = data.draw(st.sampled_from(sorted(STILLS)))
    good = folder / f"whole-{name}"
    if not good.exists():
        STILLS[name](good)
    size = good.stat().st_size
    length = data.draw(st.integers(0, size - 1) | st.integers(max(0, size - 40), size - 1))
    short = folder / f"cut-{name}"
    short.write_bytes(good.read_bytes()[:length])
    try:
        verify(short, WIDTH, HEIGHT)
    except BadPicture:
        return
    assert decoded(short) == decoded(good)


@pytest.mark.parametrize("name", ["8.png", "16.png", "zip.tif", "zip.exr"])
def test_a_hole_of_zeros_is_caught_in_formats_with_checksums(name: str, tmp_path: Path) -> None:
    """A machine that lost its power leaves pages of zeros in the middle of a file."""
    path = STILLS[name](tmp_path / name)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 512] = bytes(512)
    path.write_bytes(content)
    with pytest.raises(BadPicture):
        verify(path)


@pytest.mark.parametrize("part", [0.02, 0.5, 0.8, 0.9, 0.95, 0.99])
def test_a_movie_cut_off_is_caught_or_has_all_its_pictures(movie: Path, part: float, tmp_path: Path) -> None:
    short = cut(movie, int(movie.stat().st_size * part), tmp_path)
    try:
        verify(short, frames=FRAMES)
    except BadPicture:
        return
    assert pictures(short) == pictures(movie)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.8])
def test_a_movie_cut_off_is_caught_even_when_nobody_knows_its_length(movie: Path, part: float, tmp_path: Path) -> None:
    if movie.suffix == ".mpg" and part > 0.02:
        pytest.skip("an MPEG programme stream does not say how long it is")
    with pytest.raises(BadPicture):
        verify(cut(movie, int(movie.stat().st_size * part), tmp_path))


def test_a_movie_with_a_hole_of_zeros_is_caught(movie: Path, tmp_path: Path) -> None:
    if movie.suffix == ".avi":
        pytest.skip("MPEG-4 part 2 has no checksums, and FFmpeg conceals what is missing inside a frame")
    content = bytearray(movie.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 1024] = bytes(1024)
    (tmp_path / movie.name).write_bytes(content)
    with pytest.raises(BadPicture):
        verify(tmp_path / movie.name, frames=FRAMES)


def test_a_movie_of_one_frame_too_few_is_refused(movie: Path) -> None:
    """C30: a movie format with a task a frame gives movies of one frame."""
    with pytest.raises(BadPicture, match=f"holds {FRAMES} whole frames, and {FRAMES + 1} should be there"):
        verify(movie, frames=FRAMES + 1)


def test_a_movie_without_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as movie:
        stream = movie.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        movie.mux(stream.encode(frame))
    with pytest.raises(BadPicture, match="no pictures"):
        verify(path)


# ---------------------------------------------------------------- bounds


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(60_000, 60_000), (1 << 30, 1 << 30)])
def test_a_bomb_is_refused_before_a_pixel_is_decoded(size: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_that_claims(*size))
    with pytest.raises(BadPicture):
        verify(tmp_path / "bomb.png")


def test_a_large_picture_is_within_the_bound(tmp_path: Path) -> None:
    Image.new("L", (16_384, 8_192)).save(tmp_path / "large.png", compress_level=1)
    assert verify(tmp_path / "large.png").width == 16_384


@pytest.mark.parametrize("name", MOVIES)
def test_a_movie_has_the_size_asked_for(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadPicture, match="was asked for"):
        verify(MOVIES[name](tmp_path / name), WIDTH * 2, HEIGHT)
