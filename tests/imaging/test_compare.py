# SPDX-License-Identifier: GPL-3.0-or-later
"""Two pictures are equal or they are not, to the last bit of the last layer."""

import shutil
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image

from brender.imaging.bad import BadPicture
from brender.imaging.compare import EVERYWHERE, Difference, compare

from .conftest import HEIGHT, LAYERS, STILLS, WIDTH, Pixels, pixels, write_movie


def save(path: Path, values: Pixels, type: str = "float", names: tuple[str, ...] = (), **attributes: str) -> Path:
    spec = oiio.ImageSpec(values.shape[1], values.shape[0], values.shape[2], type)
    if names:
        spec.channelnames = names
    for name, value in attributes.items():
        spec.attribute(name, value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(values), out.geterror()
    out.close()
    return path


def changed(values: Pixels, by: float, channel: int = 0) -> Pixels:
    other = values.copy()
    other[3, 5, channel] += by
    return other


def test_a_picture_equals_its_copy_in_every_format(still: Path, tmp_path: Path) -> None:
    assert compare(still, shutil.copy(still, tmp_path)) == Difference(0.0, 0.0)


@pytest.mark.parametrize("name", STILLS)
def test_another_picture_differs_in_every_format(name: str, tmp_path: Path) -> None:
    one = STILLS[name](tmp_path / name)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / name
    if name in ("a.jpg", "a.jp2"):
        Image.fromarray((255 - pixels(3) * 255).astype(np.uint8), "RGB").save(other)
    else:
        source = oiio.ImageInput.open(str(one))
        spec, values = source.spec(), source.read_image("float")
        source.close()
        save(other, 1 - values, str(spec.format), tuple(spec.channelnames))
    found = compare(one, other)
    assert found.fraction > 0.5
    assert 0 < found.largest < 1.1


def test_the_bytes_of_the_files_do_not_matter(tmp_path: Path) -> None:
    one = save(tmp_path / "a.png", pixels(), "uint8", Date="1")
    other = save(tmp_path / "b.png", pixels(), "uint8", Date="2")
    assert one.read_bytes() != other.read_bytes()
    assert compare(one, other).none


@pytest.mark.parametrize(
    ("name", "type", "by"), [("a.png", "uint8", 1 / 255), ("a.png", "uint16", 1 / 65535), ("a.exr", "float", 1e-6)]
)
def test_one_value_of_one_pixel_that_differs_least_is_seen(tmp_path: Path, name: str, type: str, by: float) -> None:
    values = np.full((HEIGHT, WIDTH, 3), 0.25, np.float32)
    (tmp_path / "other").mkdir()
    one, other = save(tmp_path / name, values, type), save(tmp_path / "other" / name, changed(values, by, 2), type)
    found = compare(one, other)
    assert found.fraction == 1 / (WIDTH * HEIGHT)
    assert found.largest == pytest.approx(by, rel=0.05)


def test_every_layer_of_a_multilayer_picture_counts(tmp_path: Path) -> None:
    values = pixels(12)
    one = save(tmp_path / "a.exr", values, "half", LAYERS)
    for channel in range(12):
        other = save(tmp_path / "b.exr", changed(values, 0.5, channel), "half", LAYERS)
        assert compare(one, other).fraction == 1 / (WIDTH * HEIGHT), LAYERS[channel]


def test_a_pixel_that_differs_in_many_channels_counts_once(tmp_path: Path) -> None:
    values = pixels()
    other = values.copy()
    other[0] += 1
    assert compare(save(tmp_path / "a.exr", values), save(tmp_path / "b.exr", other)).fraction == 1 / HEIGHT


def test_what_is_no_number_equals_itself_and_nothing_else(tmp_path: Path) -> None:
    values = pixels()
    values[0, 0] = np.nan
    values[0, 1] = np.inf
    one = save(tmp_path / "a.exr", values)
    assert compare(one, save(tmp_path / "b.exr", values)).none
    found = compare(one, save(tmp_path / "b.exr", pixels()))
    assert found.fraction == 2 / (WIDTH * HEIGHT)
    assert np.isfinite(found.largest)


def test_pictures_of_another_size_format_or_channels_differ_everywhere(tmp_path: Path) -> None:
    one = save(tmp_path / "a.exr", pixels())
    others = [
        save(tmp_path / "lower.exr", pixels()[1:]),
        save(tmp_path / "fewer.exr", pixels(3)),
        save(tmp_path / "named.exr", pixels(), names=("R", "G", "B", "Z")),
        save(tmp_path / "b.tif", pixels()),
    ]
    assert [compare(one, other) for other in others] == [EVERYWHERE] * 4
    assert compare(others[0], one) == EVERYWHERE


def test_a_torn_picture_and_a_movie_are_refused(tmp_path: Path) -> None:
    good = save(tmp_path / "a.png", pixels(), "uint8")
    torn = tmp_path / "b.png"
    torn.write_bytes(good.read_bytes()[:-200])
    with pytest.raises(BadPicture):
        compare(good, torn)
    movie = write_movie(tmp_path / "a.mp4", "h264")
    with pytest.raises(BadPicture, match="no still"):
        compare(movie, movie)
