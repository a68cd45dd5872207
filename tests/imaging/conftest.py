# SPDX-License-Identifier: GPL-3.0-or-later
"""Real pictures and movies, small, in every format that Blender writes."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 64, 36
FRAMES = 12

Pixels = NDArray[np.float32]


def pixels(channels: int = 4, seed: int = 0) -> Pixels:
    """Smooth colours with a little noise, so that no two lines compress to the same."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / np.float32(WIDTH)
    noise = np.random.default_rng(seed).random((HEIGHT, WIDTH)) * 0.2
    planes = [x + noise, y + noise, x * y + noise, np.ones_like(x)] * (channels // 4 + 1)
    return np.clip(np.stack(planes[:channels], axis=-1), 0, 1).astype(np.float32)


def write(path: Path, type: str, channels: int, names: tuple[str, ...] = (), compression: str = "") -> Path:
    spec = oiio.ImageSpec(WIDTH, HEIGHT, channels, type)
    if names:
        spec.channelnames = names
    if compression:
        spec.attribute("compression", compression)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(pixels(channels)), out.geterror()
    out.close()
    return path


def write_with_pillow(path: Path) -> Path:
    Image.fromarray((pixels(3) * 255).astype(np.uint8), "RGB").save(path)
    return path


def write_movie(path: Path, codec: str) -> Path:
    with av.open(str(path), "w") as movie:
        stream = movie.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i in range(FRAMES):
            picture = (pixels(3, seed=i) * 255).astype(np.uint8)
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        movie.mux(stream.encode())
    return path


LAYERS = tuple(
    f"{layer}.{channel}" for layer in ("View.Combined", "View.Diffuse", "second.Combined") for channel in "RGBA"
)
STILLS: dict[str, Callable[[Path], Path]] = {
    "8.png": lambda path: write(path, "uint8", 4),
    "16.png": lambda path: write(path, "uint16", 4),
    "grey.png": lambda path: write(path, "uint8", 1),
    "a.jpg": write_with_pillow,
    "plain.tif": lambda path: write(path, "uint8", 3, compression="none"),
    "lzw.tif": lambda path: write(path, "uint16", 4, compression="lzw"),
    "zip.tif": lambda path: write(path, "uint8", 4, compression="zip"),
    "zip.exr": lambda path: write(path, "half", 4, compression="zip"),
    "dwaa.exr": lambda path: write(path, "half", 4, compression="dwaa"),
    "none.exr": lambda path: write(path, "float", 4, compression="none"),
    "layers.exr": lambda path: write(path, "half", 12, names=LAYERS, compression="zips"),
    "a.bmp": lambda path: write(path, "uint8", 3),
    "a.tga": lambda path: write(path, "uint8", 4),
    "a.rgb": lambda path: write(path, "uint8", 3),
    "a.hdr": lambda path: write(path, "float", 3),
    "a.dpx": lambda path: write(path, "uint16", 3),
    "a.webp": lambda path: write(path, "uint8", 3),
    "a.jp2": write_with_pillow,
}
MOVIES: dict[str, Callable[[Path], Path]] = {
    "a.mp4": lambda path: write_movie(path, "h264"),
    "a.mov": lambda path: write_movie(path, "h264"),
    "a.mkv": lambda path: write_movie(path, "h264"),
    "a.webm": lambda path: write_movie(path, "vp9"),
    "a.avi": lambda path: write_movie(path, "mpeg4"),
    "a.mpg": lambda path: write_movie(path, "mpeg2video"),
}


@pytest.fixture(scope="session", params=STILLS)
def still(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good picture, in each format in turn."""
    return STILLS[request.param](tmp_path_factory.mktemp("stills") / request.param)


@pytest.fixture(scope="session", params=MOVIES)
def movie(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good movie, in each container in turn."""
    return MOVIES[request.param](tmp_path_factory.mktemp("movies") / request.param)
