# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent of a scene, seen with real ones: every kind of file, and laid out anew it finds all of it."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from brender.client.hashing import Hashes
from brender.client.layout import Layout, is_sensible, leads_to, relative, top_of
from brender.client.tracing import Traced, TraceError, rewritten, trace
from brender.core import names
from brender.core.manifest import Manifest, SceneFile
from brender.manager import content

SCRIPT = Path(__file__).with_name("make_traced.py")


class Maker:
    """A Blender, and the scenes that it has made."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._command = command
        self.folder = folder
        self.run("make", folder)

    def run(self, what: str, where: Path) -> str:
        words = [*self._command, "--", what, str(where)]
        environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(words, capture_output=True, text=True, timeout=100, env=environ, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def look(self, blend: Path) -> dict[str, bool]:
        """The paths that a scene names, and whether they are there."""
        line = next(line for line in self.run("look", blend).splitlines() if line.startswith("LOOKED "))
        found: dict[str, bool] = json.loads(line.removeprefix("LOOKED "))
        return found


@pytest.fixture(scope="module", params=["blender", "bpy"])
def maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    folder = tmp_path_factory.mktemp("made").resolve()
    if request.param == "blender":
        program = request.getfixturevalue("blender")
        return Maker([program, "-b", "--factory-startup", "-P", str(SCRIPT)], folder)
    return Maker([request.getfixturevalue("bpy_python"), str(SCRIPT)], folder)


def looked_through(blend: Path, *scripts: Path) -> Traced:
    """As at an artist's whose home is elsewhere. Nothing of theirs is written to."""
    before = {path: path.read_bytes() for path in blend.parent.rglob("*") if path.is_file()}
    found = trace(blend, scripts, home=Path("/home/anna"))
    assert {path: path.read_bytes() for path in blend.parent.rglob("*") if path.is_file()} == before
    assert content.wrong(manifest_of(found)) is None
    return found


def manifest_of(found: Traced) -> Manifest:
    files = tuple(
        SceneFile(path=f.place, sha256=hashlib.sha256(f.path.read_bytes()).hexdigest(), size=1) for f in found.files
    )
    return Manifest(blend=found.place, files=files)


def laid_out(found: Traced, folder: Path) -> Path:
    """As on a worker; the .blend there."""
    aside = folder / "copies"
    aside.mkdir(parents=True)
    copies = rewritten(found, aside)
    for file in found.files:
        target = folder / "tree" / file.place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copies.get(file.path, file.path), target)
    return folder / "tree" / found.place


def places(found: Traced) -> list[str]:
    return [file.place for file in found.files]


# --- scenes of others


def test_libraries_are_found_and_keep_their_places(scenes: Path) -> None:
    found = looked_through(scenes / "linked" / "01 - basic linking.blend")
    assert places(found) == [
        "01 - basic linking.blend",
        "libraries/skip - group_library.blend",
        "libraries/skip - library.blend",
    ]
    assert not found.edits


def test_pictures_are_found(scenes: Path) -> None:
    found = looked_through(scenes / "textures" / "light_area.blend")
    assert places(found) == ["checker.png", "checker_rough.png", "light_area.blend"]


def test_what_is_missing_is_told(scenes: Path) -> None:
    found = looked_through(scenes / "missing" / "01_missing_textures.blend")
    assert [use.path.name for use in found.missing] == ["MissingTexture.png"]


def test_what_is_no_scene_is_a_sentence(scenes: Path, tmp_path: Path) -> None:
    (tmp_path / "text.blend").write_text("nothing of the kind")
    for path in (scenes / "missing" / "corrupt_only_magic.blend", tmp_path / "text.blend"):
        with pytest.raises(TraceError, match=r"corrupt|is no"):
            trace(path)
    with pytest.raises(TraceError, match="is not there"):
        trace(tmp_path / "none.blend")


# --- scenes of every kind


@pytest.mark.blender
@pytest.mark.bpy
class TestMade:
    def test_every_kind_of_file_is_sent_and_found_again(self, maker: Maker, tmp_path: Path) -> None:
        found = looked_through(maker.folder / "every/shots/01/shot.blend")
        assert places(found) == [
            "plate/p.001.png", "plate/p.002.png",
            "seq/f_0001_beauty.png", "seq/f_0002_beauty.png", "seq/f_0010_beauty.png",
            "shots/01/shot.blend", "smoke.vdb",
            "tex/skin.1001.png", "tex/skin.1002.png", "tex/skin.1011.png", "tex/wood.png",
            "voice.wav", "wave.mdd",
        ]  # fmt: skip
        assert [use.path.name for use in found.missing] == ["missing.png"]
        assert [use.path.name for use in found.unused] == ["unused.png"]
        ((edit,),) = found.edits.values()
        assert (edit.use.what, edit.new) == ("strip", "//../../voice.wav")  # Blender made it absolute
        seen = maker.look(laid_out(found, tmp_path))
        assert {Path(path).name for path, there in seen.items() if not there} == {"missing.png", "unused.png"}
        assert all(path.startswith(str(tmp_path / "tree")) for path in seen)

    def test_a_library_in_a_library_is_sent_with_its_pictures(self, maker: Maker, tmp_path: Path) -> None:
        found = looked_through(maker.folder / "nested/shot.blend")
        assert places(found) == ["props/box.blend", "shared/tex/wood.png", "shared/wood.blend", "shot.blend"]
        assert not found.edits
        seen = maker.look(laid_out(found, tmp_path))
        assert len(seen) == 3
        assert all(seen.values())

    def test_what_lies_elsewhere_is_sent_and_named_anew_in_a_copy(self, maker: Maker, tmp_path: Path) -> None:
        found = looked_through(maker.folder / "project/shot.blend")
        stock, store = (f"_outside{maker.folder}/{name}" for name in ("stock", "store"))
        assert places(found) == [
            f"{stock}/sky é.png", f"{stock}/tiles/t.1001.png", f"{stock}/tiles/t.1002.png",
            f"{store}/chars/anna.blend", f"{store}/tex/anna.png",
            "shot.blend",
        ]  # fmt: skip
        assert set(found.edits) == {maker.folder / "project/shot.blend"}  # the library's own paths hold as they are
        blend = laid_out(found, tmp_path)
        seen = maker.look(blend)
        assert len(seen) == 4
        assert all(seen.values())
        assert all(path.startswith(str(tmp_path / "tree")) for path in seen)
        old = b"\0" + str(maker.folder).encode() + b"/stock"
        assert old not in blend.read_bytes()

    def test_the_same_scene_gives_the_same_copy(self, maker: Maker, tmp_path: Path) -> None:
        one, other = (
            laid_out(looked_through(maker.folder / "project/shot.blend"), tmp_path / name) for name in ("a", "b")
        )
        assert one.read_bytes() == other.read_bytes()

    def test_odd_names_are_sent_and_found_again(self, maker: Maker, tmp_path: Path) -> None:
        """C31 quotes and spaces, C32 letters outside ASCII, composed and decomposed."""
        (folder,) = maker.folder.glob("it's*")
        found = looked_through(folder / "a shot.blend")
        sent = places(found)
        assert len(sent) == 8
        assert len({names.twin(place) for place in sent}) == 8
        assert {"a shot.blend", "tex/plain.png", "tex/Wood.png"} < set(sent)
        seen = maker.look(laid_out(found, tmp_path))
        assert len(seen) == 7
        assert all(seen.values())

    def test_a_script_goes_with_it_wherever_it_lies(self, maker: Maker, tmp_path: Path) -> None:
        near, far = maker.folder / "nested/tools/near.py", tmp_path / "far.py"
        near.parent.mkdir(exist_ok=True)
        for script in (near, far):
            script.write_text("pass")
        found = looked_through(maker.folder / "nested/shot.blend", far, near)
        assert found.scripts == (f"_outside{far}", "tools/near.py")
        assert set(found.scripts) < set(places(found))

    def test_a_path_that_is_too_long_for_its_field_is_said(self, maker: Maker, tmp_path: Path) -> None:
        deep = tmp_path.joinpath(*["d" * 100] * 9)
        (deep / "project").mkdir(parents=True)
        shutil.copy(maker.folder / "project/shot.blend", deep / "project/shot.blend")
        found = trace(deep / "project/shot.blend", home=Path("/home/anna"))
        assert not found.problems  # what is outside is named from the top, however deep that lies


# --- places


HOME = Path("/home/anna")


@pytest.mark.parametrize(
    ("blend", "related", "top"),
    [
        ("/p/show/shots/01/a.blend", ["/p/show/tex/x.png"], "/p/show"),
        ("/p/show/a.blend", ["/p/other/x.png"], "/p/show"),  # /p is not a project's
        ("/home/anna/show/a.blend", ["/home/anna/tex/x.png"], "/home/anna"),
        ("/home/anna/show/a.blend", ["/home/bert/x.png"], "/home/anna/show"),
        ("/home/anna/show/a.blend", ["/usr/share/x.png", "/home/anna/show/t/x.png"], "/home/anna/show"),
        ("/a.blend", ["/x.png"], "/"),
    ],
)
def test_the_top_is_a_projects_folder(blend: str, related: list[str], top: str) -> None:
    assert top_of(Path(blend), map(Path, related), HOME) == Path(top)


def test_homes_and_the_root_are_no_projects() -> None:
    assert not any(is_sensible(Path(path), HOME) for path in ("/", "/home", "/mnt"))
    assert is_sensible(Path("/mnt/show"), HOME)


def test_every_place_is_one_that_every_system_can_have() -> None:
    layout = Layout(Path("/p/show"))
    odd = ["NUL.png", "a:b", "x ", "e.", "\u202ename.png", "con", "a" * 250 + ".png", "*?", "_outside", "\udcff.png"]
    for name in odd:
        for path in (f"/p/show/{name}", f"/p/show/{name}/x.png", f"/q/{name}"):
            place = layout.place(Path(path))
            assert names.refusal(place) is None, place
    given = [layout.place(Path(f"/p/show/{name}")) for name in odd]
    assert len({names.twin(place) for place in given}) == len(odd)
    assert layout.place(Path("/p/show/_outside/x")) != layout.place(Path("/x"))


@pytest.mark.parametrize(
    ("stored", "owner", "found"),
    [
        ("//tex/a.png", "a.blend", "tex/a.png"), ("//../tex\\a.png", "shots/a.blend", "tex/a.png"),
        ("//./a.png", "s/a.blend", "s/a.png"), ("//../../a.png", "s/a.blend", None), ("/x/a.png", "a.blend", None),
        ("a.png", "a.blend", None), ("//..", "s/t/a.blend", "s"),
    ],
)  # fmt: skip
def test_a_relative_path_leads_somewhere(stored: str, owner: str, found: str | None) -> None:
    assert leads_to(stored, owner) == found
    if found:
        assert leads_to(relative(found, owner), owner) == found


# --- hashes


@pytest.fixture
def hashes(tmp_path: Path) -> Iterator[Hashes]:
    with Hashes(tmp_path / "cache") as opened:
        yield opened


def old(path: Path, text: str) -> Path:
    path.write_text(text)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def test_a_file_that_has_not_changed_is_not_read_again(hashes: Hashes, tmp_path: Path) -> None:
    path = old(tmp_path / "a", "first")
    first = hashes.of([path], lambda _: None)[path]
    assert first.sha256 == hashlib.sha256(b"first").hexdigest()
    stamp = hashes._ask("UPDATE hashes SET sha256 = 'remembered' RETURNING path")
    assert stamp == [(os.fsencode(path),)]
    assert hashes.of([path], lambda _: None)[path].sha256 == "remembered"
    old(path, "other")  # as large, and as old by its own account
    assert hashes.of([path], lambda _: None)[path].sha256 == hashlib.sha256(b"other").hexdigest()


def test_a_damaged_memory_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/hashes.sqlite").write_bytes(b"no database at all" * 1000)
    path = old(tmp_path / "a", "text")
    with Hashes(tmp_path / "cache") as opened:
        assert opened.of([path], lambda _: None)[path].size == 4
    with Hashes(tmp_path / "cache") as opened:
        assert opened._ask("SELECT count(*) FROM hashes") == [(1,)]


def test_where_nothing_can_be_remembered_it_is_hashed_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = old(tmp_path / "a", "text")
    with Hashes(tmp_path / "file") as opened:
        assert opened.of([path], lambda _: None)[path].sha256 == hashlib.sha256(b"text").hexdigest()
