# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole scene is sent to a real server: once, whatever comes in between."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brender.client.api import Client
from brender.client.sending import Sent, send_scene
from brender.client.tracing import TraceError, trace
from brender.core import manifest as manifests
from brender.transfer import Changed
from tests.transfer.conftest import Served


class Seen:
    """Who is told; may do something when it is counted, or once so many bytes have moved."""

    def __init__(self, at_count: Callable[[], None] = lambda: None, stop_at: int | None = None) -> None:
        self.said: list[tuple[int, int, int]] = []
        self.phases: list[str] = []
        self.bytes = 0
        self._at_count = at_count
        self._stop_at = stop_at

    def phase(self, name: str, total: int) -> None:
        self.phases.append(name)
        self.bytes = 0

    def moved(self, by: int) -> None:
        self.bytes += by
        if self.phases[-1] == "sending" and self._stop_at is not None and self.bytes >= self._stop_at:
            raise KeyboardInterrupt

    def counted(self, files: int, size: int, new: int) -> None:
        self.said.append((files, size, new))
        self._at_count()


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{served.port}", "t") as asked:
        yield asked


@pytest.fixture
def blend(scenes: Path, tmp_path: Path) -> Path:
    shutil.copytree(scenes / "textures", tmp_path / "project")
    return tmp_path / "project/light_area.blend"


def sent(client: Client, blend: Path, seen: Seen) -> Sent:
    return send_scene(client, trace(blend), blend.parent.parent / "cache", seen)


def kept(served: Served, found: Sent) -> dict[str, bytes]:
    """What a worker would lay out."""
    data = served.kept(found.manifest)
    assert data is not None
    return {file.path: served.kept(file.sha256) or b"" for file in manifests.decode(data).files}


def test_a_scene_is_there_when_it_was_sent(served: Served, client: Client, blend: Path) -> None:
    seen = Seen()
    found = sent(client, blend, seen)
    assert found.blend == "light_area.blend"
    assert kept(served, found) == {path.name: path.read_bytes() for path in blend.parent.iterdir()}
    size = sum(path.stat().st_size for path in blend.parent.iterdir())
    assert seen.said == [(3, size, size)]
    assert (seen.phases, seen.bytes) == (["looking", "sending"], size)


def test_two_who_send_the_same_picture_store_it_once(served: Served, client: Client, blend: Path) -> None:
    first = sent(client, blend, Seen())
    other = shutil.copytree(blend.parent, blend.parent.parent / "other") / "shot.blend"
    (other.parent / "light_area.blend").rename(other)
    seen = Seen()
    second = sent(client, other, seen)
    assert second.manifest != first.manifest  # the .blend is called otherwise
    assert seen.said[0][2] == 0
    assert len(list((served.folder / "storage/content").glob("*/*"))) == 5


def test_who_stops_in_the_middle_goes_on_there(served: Served, client: Client, blend: Path) -> None:
    with (blend.parent / "checker.png").open("ab") as file:
        file.write(bytes(80 * 2**20))
    with pytest.raises(KeyboardInterrupt):
        sent(client, blend, Seen(stop_at=50 * 2**20))
    parts = list((served.folder / "incoming").rglob("*.part"))
    assert sum(part.stat().st_size for part in parts) >= 32 * 2**20
    found = sent(client, blend, Seen())
    assert kept(served, found)["checker.png"] == (blend.parent / "checker.png").read_bytes()


def test_a_file_that_changes_while_it_is_sent_is_looked_at_again(served: Served, client: Client, blend: Path) -> None:
    times = iter([b"other", b""])

    def change() -> None:
        if content := next(times):
            (blend.parent / "checker.png").write_bytes(content)

    seen = Seen(change)
    found = sent(client, blend, seen)
    assert kept(served, found)["checker.png"] == b"other"
    assert len(seen.said) == 2


def test_a_file_that_never_stands_still_is_said(client: Client, blend: Path) -> None:
    def change() -> None:
        (blend.parent / "checker.png").write_bytes(secrets.token_bytes(100))

    with pytest.raises(Changed, match=r"checker\.png has changed since it was looked at"):
        sent(client, blend, Seen(change))


def test_a_file_that_goes_away_is_said(client: Client, blend: Path) -> None:
    traced = trace(blend)
    (blend.parent / "checker.png").unlink()
    with pytest.raises(TraceError, match=r"checker\.png cannot be read: No such file"):
        send_scene(client, traced, blend.parent.parent / "cache", Seen())
