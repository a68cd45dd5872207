# SPDX-License-Identifier: GPL-3.0-or-later
"""A thumbnail shows what the artist would see in Blender, or says that it does not."""

import contextlib
import io
import subprocess
import textwrap
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from PIL import Image

from brender.core.messages import View
from brender.imaging.bad import BadPicture
from brender.imaging.thumbnail import Thumbnail, thumbnail

from .conftest import HEIGHT, STILLS, WIDTH, pixels, write

RENDER = """
    import bpy, os, sys
    folder = sys.argv[-1]
    bpy.ops.wm.read_factory_settings()
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 36, 100
    scene.view_settings.view_transform = "Filmic"
    scene.view_settings.look = "High Contrast"
    scene.view_settings.exposure, scene.view_settings.gamma = 1.5, 1.2
    scene.render.film_transparent = True
    for format, name in (("PNG", "a.png"), ("OPEN_EXR", "a.exr"), ("OPEN_EXR_MULTILAYER", "layers.exr")):
        scene.render.image_settings.file_format, scene.render.filepath = format, os.path.join(folder, name)
        bpy.ops.render.render(write_still=True)
    datafiles = bpy.utils.system_resource("DATAFILES")
    with open(os.path.join(folder, "config"), "w") as file:
        file.write(os.path.join(datafiles, "colormanagement", "config.ocio"))
    os._exit(0)
"""


def shown(made: Thumbnail) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(made.jpeg)).convert("RGB")).astype(np.int16)


def test_every_format_has_a_thumbnail_that_fits(still: Path) -> None:
    image = Image.open(io.BytesIO(thumbnail(still, (32, 32)).jpeg))
    assert (image.format, image.size) == ("JPEG", (32, 18))


def test_a_small_picture_is_not_blown_up(still: Path) -> None:
    assert shown(thumbnail(still, (640, 640))).shape == (HEIGHT, WIDTH, 3)


def test_a_movie_shows_its_middle(movie: Path) -> None:
    assert shown(thumbnail(movie, (32, 32))).shape == (18, 32, 3)


@pytest.mark.parametrize("name", ["8.png", "16.png", "zip.tif", "lzw.tif", "a.tga"])
def test_eight_and_sixteen_bits_look_alike(name: str, tmp_path: Path) -> None:
    expected = pixels(3) * 255
    found = shown(thumbnail(STILLS[name](tmp_path / name)))
    assert np.abs(found - expected).mean() < 8


def test_what_is_transparent_shows_a_checker(tmp_path: Path) -> None:
    Image.new("RGBA", (80, 40), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    found = shown(thumbnail(tmp_path / "clear.png"))
    assert len(np.unique(found // 8)) >= 2
    assert found.max() < 70


def test_of_many_layers_the_combined_one_is_shown(tmp_path: Path) -> None:
    names = (*(f"a.Normal.{c}" for c in "RGB"), *(f"a.Combined.{c}" for c in "RGBA"), "a.Depth.Z")
    path = write(tmp_path / "layers.exr", "float", 8, names=names)
    read = pixels(8)[..., 3:7]
    plain = tmp_path / "plain.exr"
    out = oiio.ImageOutput.create(str(plain))
    assert out.open(str(plain), oiio.ImageSpec(WIDTH, HEIGHT, 4, "float"))
    assert out.write_image(np.ascontiguousarray(read))
    out.close()
    assert np.array_equal(shown(thumbnail(path)), shown(thumbnail(plain)))


def test_a_depth_alone_is_grey(tmp_path: Path) -> None:
    found = shown(thumbnail(write(tmp_path / "depth.exr", "float", 1, names=("Z",))))
    assert np.array_equal(found[..., 0], found[..., 2])


def test_pixels_that_are_no_numbers_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "nan.exr"
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), oiio.ImageSpec(8, 8, 3, "float"))
    assert out.write_image(np.full((8, 8, 3), np.nan, np.float32))
    out.close()
    assert thumbnail(path).jpeg


def test_without_a_view_it_says_that_the_picture_is_plain(tmp_path: Path) -> None:
    assert "plain sRGB" in thumbnail(STILLS["zip.exr"](tmp_path / "zip.exr")).note


def test_a_picture_for_a_screen_needs_no_view(tmp_path: Path) -> None:
    assert thumbnail(STILLS["8.png"](tmp_path / "8.png")).note == ""


def test_a_configuration_that_is_not_there_is_told(tmp_path: Path) -> None:
    view = View(config=str(tmp_path / "none.ocio"), display="sRGB", view="AgX")
    assert "there is no" in thumbnail(STILLS["zip.exr"](tmp_path / "zip.exr"), view=view).note


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(BadPicture):
        thumbnail(tmp_path / "a.png")


@pytest.mark.parametrize("name", STILLS)
def test_a_torn_picture_gives_a_picture_or_a_sentence(name: str, tmp_path: Path) -> None:
    good = STILLS[name](tmp_path / name)
    for part in (0.05, 0.3, 0.7):
        (tmp_path / f"cut-{name}").write_bytes(good.read_bytes()[: int(good.stat().st_size * part)])
        with contextlib.suppress(BadPicture):
            thumbnail(tmp_path / f"cut-{name}")


# ---------------------------------------------------------------- beside Blender's own


@pytest.fixture(scope="module", params=["bpy", "blender"])
def rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, View]:
    """A folder with one picture in three formats, by each Blender, and the view they were rendered with."""
    folder = tmp_path_factory.mktemp("rendered")
    script = folder / "render.py"
    script.write_text(textwrap.dedent(RENDER))
    if request.param == "bpy":
        command = [request.getfixturevalue("bpy_python"), str(script), str(folder)]
    else:
        blender = request.getfixturevalue("blender")
        command = [blender, "-b", "--factory-startup", "-noaudio", "-P", str(script), "--", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    config = (folder / "config").read_text()
    return folder, View(config=config, display="sRGB", view="Filmic", look="High Contrast", exposure=1.5, gamma=1.2)


@pytest.mark.parametrize("name", ["a.exr", "layers.exr"])
def test_an_exr_looks_as_the_png_that_blender_writes_of_it(name: str, rendered: tuple[Path, View]) -> None:
    folder, view = rendered
    seen = thumbnail(folder / name, view=view)
    assert seen.note == ""
    differences = np.abs(shown(seen) - shown(thumbnail(folder / "a.png")))
    assert differences.mean() < 1.0
    assert differences.max() <= 12  # JPEG's own, at edges


def test_a_view_that_the_configuration_lacks_is_told_and_shown_plain(rendered: tuple[Path, View]) -> None:
    folder, view = rendered
    for lacking in ({"view": "No Such View"}, {"display": "No Such Display"}, {"look": "No Such Look"}):
        given = {field: getattr(view, field) for field in view.__struct_fields__} | lacking
        seen = thumbnail(folder / "a.exr", view=View(**given))
        assert "No Such" in seen.note
        assert "plain sRGB" in seen.note
