# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame is done when its file is good: what the worker says of real files, good and bad (C24)."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from brender.core.failures import Kind
from brender.worker.looking import look
from brender.worker.session.events import NotVerified, Verified, Written
from brender.worker.session.instructions import Verify
from tests import samples

OPENED = samples.opened(frame_end=1)


def asked(*files: Path, main: bool = True) -> Verify:
    return Verify("a", tuple(Written(str(file), f"/out/{file.name}", main) for file in files), OPENED, 1)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "0001.png"
    Image.new("RGB", (64, 36), "red").save(path)
    return path


def refused(asking: Verify) -> NotVerified:
    said = look(asking)
    assert isinstance(said, NotVerified)
    return said


def test_a_good_picture_is_described_and_shown_small(picture: Path) -> None:
    said = look(asked(picture))
    assert isinstance(said, Verified)
    (file,) = said.files
    assert (file.width, file.height, file.size) == (64, 36, picture.stat().st_size)
    assert file.sha256 == hashlib.sha256(picture.read_bytes()).hexdigest()
    assert (file.temporary, file.final) == (str(picture), "/out/0001.png")
    assert said.thumbnail.startswith(b"\xff\xd8")
    assert len(said.thumbnail) < 40_000


def test_a_torn_picture_is_refused(picture: Path) -> None:
    picture.write_bytes(picture.read_bytes()[:-30])
    assert refused(asked(picture)).kind is Kind.BAD_PICTURE


def test_an_empty_or_missing_picture_is_refused(picture: Path) -> None:
    picture.write_bytes(b"")
    assert refused(asked(picture)).message.startswith("0001.png is empty")
    picture.unlink()
    assert refused(asked(picture)).message == "0001.png is not there."


def test_a_picture_of_another_size_is_refused(picture: Path) -> None:
    Image.new("RGB", (32, 18)).save(picture)
    assert refused(asked(picture)).kind is Kind.BAD_PICTURE


def test_a_file_output_nodes_picture_may_have_another_size_and_format(picture: Path, tmp_path: Path) -> None:
    other = tmp_path / "mask0001.jpg"
    Image.new("RGB", (10, 10)).save(other)
    assert isinstance(look(asked(other, main=False)), Verified)
    assert refused(asked(other)).kind is Kind.BAD_PICTURE


def test_one_bad_file_of_several_fails_the_frame(picture: Path, tmp_path: Path) -> None:
    bad = tmp_path / "mask0001.png"
    bad.write_bytes(b"no picture")
    both = Verify("a", (*asked(picture).files, *asked(bad, main=False).files), OPENED, 1)
    assert refused(both).message == "mask0001.png is not in a format that Blender writes."
