# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's cache of carried scenes: real files on a real disk."""

import hashlib
import os
import shutil
import time
from pathlib import Path

import pytest

from brender.core import manifest as manifests
from brender.core.manifest import Manifest, SceneFile
from brender.worker import cache as caches
from brender.worker.cache import Cache, NoRoom


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(cache: Cache, *contents: bytes) -> str:
    """As if it had been fetched. The hash of the last one."""
    new = {sha(data): data for data in contents if not cache.has(sha(data))}
    for name, data in new.items():
        cache.place(name).write_bytes(data)
    cache.keep(new)
    return sha(contents[-1])


def scene(cache: Cache, files: dict[str, bytes], blend: str = "a.blend") -> tuple[str, Manifest]:
    """A manifest whose files are in the cache, and it too."""
    made = Manifest(
        blend=blend,
        files=tuple(SceneFile(path=p, sha256=sha(data), size=len(data)) for p, data in sorted(files.items())),
    )
    return put(cache, *files.values(), manifests.encode(made)), made


FILES = {"a.blend": b"the scene", "textures/wood.png": b"wood", "textures/copy of wood.png": b"wood"}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def laid_out(cache: Cache, files: dict[str, bytes] = FILES) -> tuple[str, Path]:
    name, manifest = scene(cache, files)
    return name, cache.lay_out(name, manifest)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_tree_has_the_files_of_its_manifest_at_their_places(cache: Cache, tmp_path: Path) -> None:
    name, tree = laid_out(cache)
    assert contents(tree) == FILES
    assert cache.tree(name) == tree
    assert Cache(tmp_path / "cache").tree(name) == tree  # the next process knows it, too


def test_content_is_kept_once_and_is_read_only(cache: Cache) -> None:
    _, tree = laid_out(cache)
    wood, copy = tree / "textures/wood.png", tree / "textures/copy of wood.png"
    assert wood.stat().st_ino == copy.stat().st_ino == cache.place(sha(b"wood")).stat().st_ino
    assert wood.stat().st_mode & 0o222 == 0
    assert os.access(tree / "textures", os.W_OK)  # a scene may have caches beside it


def test_a_disk_without_links_has_copies(cache: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)  # as exFAT does
    name, tree = laid_out(cache)
    assert contents(tree) == FILES
    assert (tree / "a.blend").stat().st_ino != cache.place(sha(b"the scene")).stat().st_ino
    again = Cache(tmp_path / "cache")
    assert again.tree(name) == tree
    assert again.size == cache.size > 2 * len(b"the scene")


def test_only_what_is_not_there_is_missing(cache: Cache) -> None:
    _, manifest = scene(cache, FILES)
    assert cache.missing(manifest) == []
    cache.place(sha(b"wood")).unlink()
    assert [file.sha256 for file in cache.missing(manifest)] == [sha(b"wood")]  # once, though it has two names


def test_what_a_scene_writes_over_is_found_out_and_not_used_again(cache: Cache) -> None:
    name, tree = laid_out(cache)
    path = tree / "textures/wood.png"
    path.chmod(0o644)
    path.write_bytes(b"wool")  # the same size: by a hard link it is the content's, too
    assert cache.tree(name) is None
    assert not tree.exists()
    assert not cache.has(sha(b"wood"))
    assert not cache.place(sha(b"wood")).exists()
    assert cache.has(sha(b"the scene"))


def test_a_file_with_another_stamp_and_the_same_content_is_read_and_stays(cache: Cache) -> None:
    name, tree = laid_out(cache)
    os.utime(tree / "a.blend", (1, 1))
    assert cache.tree(name) is None  # it is laid out anew
    assert cache.has(sha(b"the scene"))


def test_a_tree_is_exactly_its_manifest_whenever_it_is_opened(cache: Cache, tmp_path: Path) -> None:
    """A cache that an earlier Blender has left beside the .blend would change the frames of the next."""
    name, tree = laid_out(cache)
    (tree / "blendcache_a").mkdir()
    (tree / "blendcache_a" / "x.bphys").write_bytes(b"baked")
    (tree / "textures" / "new.png").write_bytes(b"new")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    (tree / "link").symlink_to(outside)
    assert cache.tree(name) == tree
    assert contents(tree) == FILES
    assert (outside / "mine").read_text() == "mine"


def test_a_folder_that_was_replaced_by_a_link_is_not_walked_into(cache: Cache, tmp_path: Path) -> None:
    name, tree = laid_out(cache)
    outside = tmp_path / "outside"
    shutil.copytree(tree / "textures", outside)
    shutil.rmtree(tree / "textures")
    (tree / "textures").symlink_to(outside)
    assert cache.tree(name) is None  # other inodes
    assert sorted(p.name for p in outside.iterdir()) == ["copy of wood.png", "wood.png"]


def test_a_tree_that_was_half_laid_out_is_nothing(cache: Cache, tmp_path: Path) -> None:
    trees = tmp_path / "cache" / "trees"
    (trees / f"{caches.BUILDING}x").mkdir()
    (trees / ("f" * 64)).mkdir()  # the power went before its index was there
    name, tree = laid_out(cache)
    again = Cache(tmp_path / "cache")
    assert again.tree("f" * 64) is None
    assert again.tree(name) == tree
    assert sorted(p.name for p in trees.iterdir()) == [name, f"{name}.json"]


def test_a_file_of_another_size_than_the_manifest_says_is_not_laid_out(cache: Cache, tmp_path: Path) -> None:
    put(cache, b"the scene")
    lying = Manifest(blend="a.blend", files=(SceneFile(path="a.blend", sha256=sha(b"the scene"), size=5),))
    with pytest.raises(OSError, match="size"):
        cache.lay_out("f" * 64, lying)
    assert list((tmp_path / "cache" / "trees").iterdir()) == []


def test_content_that_came_in_the_moment_before_the_end_is_looked_at_and_used(cache: Cache, tmp_path: Path) -> None:
    cache.place(sha(b"whole")).write_bytes(b"whole")  # renamed into place, and the process was killed
    cache.place(sha(b"other")).write_bytes(b"torn")
    again = Cache(tmp_path / "cache")
    assert again.size == len(b"whole") + len(b"torn")
    assert again.has(sha(b"whole"))
    assert not again.has(sha(b"other"))


def test_what_has_come_of_a_file_is_kept_for_a_while(cache: Cache, tmp_path: Path) -> None:
    new, old = cache.place(sha(b"1")).with_name(".a.part"), cache.place(sha(b"2")).with_name(".b.part")
    new.write_bytes(b"x")
    old.write_bytes(b"x")
    os.utime(old, (time.time() - caches.STALE_S - 1,) * 2)
    Cache(tmp_path / "cache")
    assert (new.exists(), old.exists()) == (True, False)


# --- room ------------------------------------------------------------------------------------------------------------


def trees_of(folder: Path, count: int, most: int) -> tuple[Cache, list[str]]:
    """So many trees of 1,000 bytes and a bit, that were used one after the other."""
    cache = Cache(folder, most)
    found = []
    for number in range(count):
        name, _ = laid_out(cache, {"a.blend": bytes([number]) * 1000})
        os.utime(folder / "trees" / f"{name}.json", (1000 + number,) * 2)
        found.append(name)
    return cache, found


def test_what_nobody_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache, names = trees_of(tmp_path, 4, 6000)
    cache.tree(names[0])  # is used again
    cache.make_room(3000, ())
    there = [name for name in names if cache.tree(name)]
    assert there == [names[0], names[3]]
    assert cache.size + 3000 <= 6000


def test_what_is_in_use_never_goes(tmp_path: Path) -> None:
    cache, names = trees_of(tmp_path, 2, 3000)
    kept = {names[0], sha(bytes([0]) * 1000)}
    cache.make_room(2900, kept)
    assert cache.tree(names[0])
    assert not cache.tree(names[1])


def test_content_that_another_tree_has_stays_with_it(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 10_000)
    shared = b"s" * 3000
    first, _ = laid_out(cache, {"a.blend": b"1" * 1000, "wood": shared})
    second, tree = laid_out(cache, {"a.blend": b"2" * 1000, "wood": shared})
    os.utime(tmp_path / "trees" / f"{first}.json", (1000, 1000))
    cache.make_room(5500, ())
    assert cache.tree(first) is None
    assert cache.tree(second) == tree
    assert cache.has(sha(shared))
    assert not cache.has(sha(b"1" * 1000))


def test_a_scene_that_is_larger_than_the_cache_is_refused_in_a_sentence(tmp_path: Path) -> None:
    cache, names = trees_of(tmp_path, 1, 6000)
    with pytest.raises(NoRoom, match="--cache-gb"):
        cache.make_room(6001, ())
    assert cache.tree(names[0])  # nothing went in vain


def test_room_on_the_disk_stays_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, names = trees_of(tmp_path, 1, 6000)
    full = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(NoRoom, match="no room"):
        cache.make_room(500, ())
    assert cache.tree(names[0]) is None  # what could go, went


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "", "a" * 63])
def test_what_is_no_hash_has_no_place(cache: Cache, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        cache.place(name)


def test_a_scene_of_hundreds_of_files_that_is_there_is_opened_in_no_time(cache: Cache, tmp_path: Path) -> None:
    """`cache_hit_open_ms`: nothing is read."""
    files = {f"textures/{number % 7}/{number}.png": b"%d" % number * 50 for number in range(400)}
    name, _ = laid_out(cache, files | {"a.blend": b"scene"})
    again = Cache(tmp_path / "cache")
    began = time.perf_counter()
    assert again.tree(name)
    assert time.perf_counter() - began < 0.2
