# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture that claims, or costs, too much is refused; a film's largest is read in little memory.

Memory is the peak of a process of its own, which does nothing else.
"""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image

from brender.imaging import bounds
from brender.imaging.bad import BadPicture
from brender.imaging.compare import compare
from brender.imaging.sheet import Cell, sheet
from brender.imaging.thumbnail import thumbnail
from brender.imaging.verify import verify
from tests.imaging.conftest import pixels, write_movie
from tests.imaging.test_verify import png_that_claims

SIDE = 16_384
MOST_MB = 512

linux = pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from Linux's /proc")

READ = """
import re, sys
from pathlib import Path
from brender.imaging.verify import verify
from brender.imaging.thumbnail import thumbnail
from brender.imaging.compare import compare
for what in sys.argv[2:]:
    path = Path(sys.argv[1])
    match what:
        case "verify": print(verify(path).width)
        case "thumbnail": print(len(thumbnail(path).jpeg))
        case "compare": print(compare(path, path).fraction)
print(int(re.search(r"VmHWM:\\s*([0-9]+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def peak_mb(path: Path, *what: str) -> int:
    """Of a process that does this to the picture. A child's ru_maxrss would begin with that of its parent."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), *what], capture_output=True, text=True, check=True, timeout=110
    )
    return int(done.stdout.split()[-1])


def write_large(path: Path, channels: int = 4, type: str = "half", side: int = SIDE, **attributes: str | int) -> Path:
    """A square picture, in bands: a ramp, so that its small picture is known."""
    spec = oiio.ImageSpec(side, side, channels, type)
    for name, value in attributes.items():
        if name == "tile":
            spec.tile_width = spec.tile_height = value
        else:
            spec.attribute(name, value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    band = 256
    line = np.linspace(0, 1, side, dtype=np.float32)[None, :, None]
    block = np.ascontiguousarray(np.broadcast_to(line, (band, side, channels)))
    for top in range(0, side, band):
        if spec.tile_width:
            assert out.write_tiles(0, side, top, top + band, 0, 1, block), out.geterror()
        else:
            assert out.write_scanlines(top, top + band, 0, block), out.geterror()
    out.close()
    return path


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("lines.exr", {"compression": "zip"}),
        ("tiles.exr", {"side": 8192, "type": "float", "compression": "zip", "tile": 256}),
        ("lines.png", {"side": 12_000, "channels": 3, "type": "uint8", "png:compressionLevel": 1}),
    ],
)
def test_the_largest_frames_of_a_film_are_read_in_bounded_memory(
    name: str, written: dict[str, str | int], tmp_path: Path
) -> None:
    path = write_large(tmp_path / name, **written)  # type: ignore[arg-type]
    assert peak_mb(path, "verify") < MOST_MB
    assert peak_mb(path, "thumbnail") < MOST_MB


@linux
def test_a_large_jpeg_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (12_000, 12_000), (200, 100, 50)).save(path, quality=50)
    assert peak_mb(path, "verify", "thumbnail") < MOST_MB
    assert verify(path, 12_000, 12_000).channels == 3


def test_a_large_jpeg_that_is_cut_off_is_caught(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (9_000, 9_000), (200, 100, 50)).save(path, quality=50)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 2000])
    with pytest.raises(BadPicture, match="cut off"):
        verify(path)


def test_a_large_picture_shows_what_a_small_one_does(tmp_path: Path) -> None:
    side = 4608
    large = np.asarray(thumb(write_large(tmp_path / "large.exr", side=side, compression="zip")), np.int16)
    small = np.asarray(thumb(write_large(tmp_path / "small.exr", side=1024, compression="zip")), np.int16)
    assert side * side > 1 << 24 > 1024 * 1024
    assert large.shape == small.shape
    assert np.abs(large - small).max() <= 6


def thumb(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(thumbnail(path).jpeg))


def large_webp(path: Path) -> Path:
    """A header alone, of the largest that WebP can say."""
    size = 16_383 | 16_383 << 14  # VP8L: 14 bits each, less one
    body = b"\x2f" + size.to_bytes(4, "little") + bytes(32)
    chunk = b"VP8L" + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)
    path.write_bytes(b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk)
    return path


def targa_that_claims(width: int, height: int) -> bytes:
    header = bytes([0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    return header + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x20\x08" + b"\xff\0\0\0\0" * 9


def progressive(path: Path) -> Path:
    Image.new("L", (64, 64)).save(path, progressive=True)
    data = path.read_bytes()
    at = data.index(b"\xff\xc2") + 5
    path.write_bytes(data[:at] + (23_150).to_bytes(2, "big") + (23_150).to_bytes(2, "big") + data[at + 4 :])
    return path


def jpeg_2000(path: Path) -> Path:
    Image.new("RGB", (64, 64)).save(path, no_jp2=True)
    data = path.read_bytes()
    at = data.index(b"\xff\x51") + 6
    path.write_bytes(data[:at] + (20_000).to_bytes(4, "big") * 2 + data[at + 8 :])
    return path


def exr(width: int, height: int, **attributes: str | int) -> Callable[[Path], Path]:
    """An EXR whose header was changed to claim this."""

    def write(path: Path) -> Path:
        spec = oiio.ImageSpec(64, 64, 4, "float")
        for name, value in attributes.items():
            if name == "tile":
                spec.tile_width = spec.tile_height = value
            else:
                spec.attribute(name, value)
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), spec)
        out.write_image(np.zeros((64, 64, 4), np.float32))
        out.close()
        data = path.read_bytes()
        window = (0).to_bytes(4, "little") * 2 + (63).to_bytes(4, "little") * 2
        claimed = bytes(8) + (width - 1).to_bytes(4, "little") + (height - 1).to_bytes(4, "little")
        data = data.replace(window, claimed)
        if "tile" in attributes:
            tile = attributes["tile"].to_bytes(4, "little") * 2  # type: ignore[union-attr]
            data = data.replace(tile, width.to_bytes(4, "little") + height.to_bytes(4, "little"))
        path.write_bytes(data)
        return path

    return write


def parts(path: Path) -> Path:
    """A TIFF whose only part says that it is followed by itself."""
    image = Image.new("L", (8, 8))
    image.save(path, "TIFF")
    data = bytearray(path.read_bytes())
    start = int.from_bytes(data[4:8], "little")
    end = start + 2 + 12 * int.from_bytes(data[start : start + 2], "little")
    data[end : end + 4] = start.to_bytes(4, "little")
    path.write_bytes(data)
    return path


def written(data: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return write


BOMBS: dict[str, Callable[[Path], Path]] = {
    "square.png": written(png_that_claims(40_000, 40_000)),
    "line.png": written(png_that_claims(1 << 28, 1)),
    "square.exr": exr(40_000, 40_000),
    "line.exr": exr(1 << 28, 1),
    "tile.exr": exr(16_000, 16_000, tile=64),
    "square.tga": written(targa_that_claims(60_000, 8_000)),
    "square.webp": large_webp,
    "progressive.jpg": progressive,
    "square.j2c": jpeg_2000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_hurts_nobody(name: str, tmp_path: Path) -> None:
    path = BOMBS[name](tmp_path / name)
    for look in (verify, thumbnail, lambda p: compare(p, p)):
        with pytest.raises(BadPicture, match=name):
            look(path)


@linux
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_no_memory(name: str, tmp_path: Path) -> None:
    path = BOMBS[name](tmp_path / name)
    code = READ.replace("    match what:", "    try: verify(path)\n    except Exception: pass\n    match what:")
    done = subprocess.run([sys.executable, "-c", code, str(path), "none"], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) < 256


def test_parts_without_an_end_have_one(tmp_path: Path) -> None:
    path = parts(tmp_path / "chain.tif")
    assert verify_or_refuse(path)


def verify_or_refuse(path: Path) -> bool:
    """Whether it comes to an end at all."""
    try:
        verify(path)
    except BadPicture:
        return True
    return True


def test_a_still_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_STILL_S", -1.0)
    path = tmp_path / "slow.png"
    Image.fromarray((pixels(3) * 255).astype(np.uint8), "RGB").save(path)
    with pytest.raises(BadPicture, match=r"slow\.png took more than"):
        verify(path)


def test_a_movie_of_more_frames_than_asked_for_is_not_decoded_to_its_end(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "long.mkv", "mpeg4")
    with pytest.raises(BadPicture, match="more than 3 frames"):
        verify(path, frames=3)


def test_a_movie_of_huge_frames_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_movie(tmp_path / "wide.mkv", "mpeg4")
    monkeypatch.setattr(bounds, "MOST_MOVIE_PIXELS", 1000)
    with pytest.raises(BadPicture, match=r"wide\.mkv claims frames of 64x36"):
        verify(path)
    with pytest.raises(BadPicture, match=r"wide\.mkv claims frames of 64x36"):
        thumbnail(path)


def test_a_thumbnail_that_is_a_bomb_is_a_missing_one(tmp_path: Path) -> None:
    bomb = progressive(tmp_path / "bomb.jpg").read_bytes()
    page = sheet([Cell("1", bomb), Cell("2", png_that_claims(40_000, 40_000))], "hostile")
    assert page.width == 1920
