# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths between machines that have one shared folder under different names (C33)."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brender.core.nouns import Mapping
from brender.core.pathmap import View, in_sight, is_shared, same_folder, shared_folder, translate, view, wrong_folder

SHOW = Mapping(name="show", linux="/mnt/show", windows="P:\\show", macos="/Volumes/show")
ASSETS = Mapping(name="assets", linux="/mnt/show/assets", windows="\\\\server\\assets\\lib", macos="")
DISK = Mapping(name="disk", linux="/mnt/disk", windows="z:", macos="/Volumes/disk/")
ALL = (SHOW, ASSETS, DISK)
LINUX, WINDOWS, MAC = View("Linux"), View("Windows"), View("Darwin")


@pytest.mark.parametrize(
    ("path", "here", "there", "found"),
    [
        ("/mnt/show/a/b.blend", LINUX, WINDOWS, "P:\\show\\a\\b.blend"),
        ("/mnt/show/a/b.blend", LINUX, MAC, "/Volumes/show/a/b.blend"),
        ("/mnt/show", LINUX, WINDOWS, "P:\\show"),
        ("/mnt/show/", LINUX, WINDOWS, "P:\\show"),
        ("/mnt/show/out/", LINUX, WINDOWS, "P:\\show\\out\\"),
        ("/mnt/show/out/s_####.png", LINUX, WINDOWS, "P:\\show\\out\\s_####.png"),
        ("P:\\show\\a\\b.blend", WINDOWS, LINUX, "/mnt/show/a/b.blend"),
        ("p:/SHOW/a\\b.blend", WINDOWS, LINUX, "/mnt/show/a/b.blend"),
        ("P:\\\\show\\a", WINDOWS, LINUX, "/mnt/show/a"),
        ("P:/show/out/", WINDOWS, LINUX, "/mnt/show/out/"),
        # the innermost folder counts, on either side
        ("/mnt/show/assets/t.png", LINUX, WINDOWS, "\\\\server\\assets\\lib\\t.png"),
        ("\\\\SERVER\\Assets\\LIB\\t.png", WINDOWS, LINUX, "/mnt/show/assets/t.png"),
        ("//server/assets/lib/t.png", WINDOWS, LINUX, "/mnt/show/assets/t.png"),
        # drive roots
        ("Z:", WINDOWS, LINUX, "/mnt/disk"),
        ("Z:\\", WINDOWS, LINUX, "/mnt/disk"),
        ("z:/x", WINDOWS, MAC, "/Volumes/disk/x"),
        ("/mnt/disk", LINUX, WINDOWS, "z:\\"),
        ("/mnt/disk/x/y", LINUX, WINDOWS, "z:\\x\\y"),
        ("/Volumes/disk/x", MAC, LINUX, "/mnt/disk/x"),
    ],
)
def test_a_path_in_a_mapped_folder_is_the_others_in_its_slashes(path: str, here: View, there: View, found: str) -> None:
    assert translate(path, here, there, ALL) == found
    assert translate(path, here, there, reversed(ALL)) == found


UNTOUCHED = [
    ("/mnt/showreel/a", LINUX),  # never a part of a component
    ("/mnt/shows", LINUX),
    ("/mnt/sho", LINUX),
    ("/MNT/SHOW/a", LINUX),  # case counts here
    ("/mnt/show\\a", LINUX),
    ("mnt/show/a", LINUX),
    ("/home/ada/mnt/show/a", LINUX),
    ("/mnt/show/../etc/passwd", LINUX),
    ("//mnt/show/a", LINUX),  # Blender's own, beside the .blend
    ("//renders/####", LINUX),
    ("//server/assets/lib/t.png", LINUX),
    ("file:///mnt/show/a", LINUX),
    ("https://mnt/show/a", LINUX),
    ("import os; os.chdir('/mnt/show')", LINUX),
    ("/mnt/show\0/a", LINUX),
    ("", LINUX),
    ("P:\\show\\a", LINUX),
    ("P:\\showreel\\a", WINDOWS),
    ("P:show\\a", WINDOWS),
    ("PP:\\show\\a", WINDOWS),
    ("\\show\\a", WINDOWS),
    ("P:\\show\\..\\a", WINDOWS),
    ("//server/assets/library/t.png", WINDOWS),
    ("//textures/wood.png", WINDOWS),
    ("\\\\?\\P:\\show\\a", WINDOWS),
    ("/mnt/show/a", WINDOWS),
    ("http://server/assets/lib", WINDOWS),
    ("print(r'P:\\show')", WINDOWS),
]


@pytest.mark.parametrize(("path", "here"), UNTOUCHED)
def test_what_is_in_no_mapped_folder_stays_as_it_is(path: str, here: View) -> None:
    for there in (LINUX, WINDOWS, MAC):
        assert translate(path, here, there, ALL) == path
    assert shared_folder(path, here, ALL) is None


@pytest.mark.parametrize(
    ("path", "here", "there"),
    [
        ("/mnt/show//a/./b/", LINUX, LINUX),
        ("p:/SHOW//a\\b", WINDOWS, WINDOWS),
        ("/mnt/show//a", LINUX, View("Linux", (("show", "/mnt/show/"),))),
        ("P:/show/a", WINDOWS, View("Windows", (("show", "p:/Show"),))),
    ],
)
def test_where_both_have_a_folder_under_one_name_nothing_is_touched(path: str, here: View, there: View) -> None:
    assert translate(path, here, there, ALL) == path


def test_a_worker_may_have_a_folder_elsewhere() -> None:
    worker = view("Linux", ["show=/srv/nas/my show", "disk=/=/x"])
    assert translate("/mnt/show/a", LINUX, worker, ALL) == "/srv/nas/my show/a"
    assert translate("/srv/nas/my show/a", worker, LINUX, ALL) == "/mnt/show/a"
    assert translate("/srv/nas/my show/a", worker, WINDOWS, ALL) == "P:\\show\\a"
    assert translate("/mnt/disk/a", LINUX, worker, ALL) == "/=/x/a"
    assert translate("/mnt/show/assets/a", LINUX, worker, ALL) == "/mnt/show/assets/a"


def test_a_machine_without_the_folder_and_one_that_cannot_have_the_name_get_it_unchanged() -> None:
    assert translate("/mnt/show/assets/a", LINUX, MAC, ALL) == "/mnt/show/assets/a"
    assert translate("/mnt/show/a:b\\c.png", LINUX, WINDOWS, ALL) == "/mnt/show/a:b\\c.png"
    assert not in_sight("/mnt/show/assets/a", LINUX, MAC, ALL)
    assert not in_sight("/mnt/show/a:b\\c.png", LINUX, WINDOWS, ALL)
    assert not in_sight("/home/ada/a", LINUX, LINUX, ALL)
    assert in_sight("/mnt/show/a", LINUX, MAC, ALL)


def test_whether_a_path_is_shared_is_known_of_each_system() -> None:
    assert is_shared("/mnt/show/a.blend", "Linux", ALL)
    assert is_shared("P:/SHOW/a.blend", "Windows", ALL)
    assert not is_shared("P:/SHOW/a.blend", "Linux", ALL)
    assert not is_shared("/home/ada/a.blend", "Linux", ALL)
    assert not is_shared("/mnt/show/a.blend", "Linux", ())


@pytest.mark.parametrize(
    ("path", "windows", "why"),
    [
        ("mnt/show", False, "is an absolute path, such as /mnt/show, and not 'mnt/show'"),
        ("//mnt/show", False, "is an absolute path"),
        ("/", False, "the root of all files"),
        ("/mnt/../show", False, "without `.` and `..`"),
        ("P:", True, None),
        ("P:\\show", True, None),
        ("//server/show", True, None),
        ("\\\\server", True, "is an absolute path, such as P:\\show or \\\\server\\show"),
        ("show", True, "is an absolute path"),
        ("/mnt/show/", False, None),
    ],
)
def test_what_can_be_a_shared_folder(path: str, windows: bool, why: str | None) -> None:
    said = wrong_folder(path, windows)
    assert said is None if why is None else (said is not None and why in said)


def test_two_texts_can_be_one_folder() -> None:
    assert same_folder("/a/b/", "/a//b", windows=False)
    assert not same_folder("/a/b", "/a/B", windows=False)
    assert not same_folder("/a/b", "/a", windows=False)
    assert not same_folder("", "", windows=False)
    assert same_folder("p:\\A", "P:/a/", windows=True)
    assert same_folder("\\\\S\\x", "//s/X", windows=True)


# --- whatever the paths are

part = st.text(string.ascii_letters + string.digits + " .#é日-_%", min_size=1, max_size=6).filter(
    lambda text: text not in (".", "..")
)
below = st.lists(part, max_size=4)
folder = st.lists(part, min_size=1, max_size=3)


@st.composite
def mappings(draw: st.DrawFn) -> tuple[Mapping, ...]:
    """Folders of which none holds another, on any system, so that each path has one way there and back."""
    drawn = draw(st.lists(folder, min_size=1, max_size=4))
    tails = ["/".join(parts) for parts in drawn]
    return tuple(
        Mapping(
            name=f"m{nth}",
            linux=f"/mnt/{nth}/{tail}",
            windows=draw(st.sampled_from((f"{'PQRS'[nth]}:\\", f"//server/{nth}/", f"T:\\{nth}/"))) + tail,
            macos=f"/Volumes/{nth}/{tail}",
        )
        for nth, tail in enumerate(tails)
    )


systems = st.sampled_from((LINUX, WINDOWS, MAC))


def within(mapping: Mapping, here: View, parts: list[str]) -> str:
    slash = "\\" if here.windows else "/"
    return slash.join([here.of(mapping).replace("/", slash), *parts])


@given(mappings(), st.data(), below, systems, systems)
def test_there_and_back_is_where_it_was(
    known: tuple[Mapping, ...], data: st.DataObject, parts: list[str], here: View, there: View
) -> None:
    path = within(data.draw(st.sampled_from(known)), here, parts)
    moved = translate(path, here, there, known)
    assert ("\\" not in moved) if not there.windows else ("/" not in moved)
    assert translate(moved, there, here, known) == path
    assert shared_folder(moved, there, known) == shared_folder(path, here, known)


@given(mappings(), st.data(), below, part, systems, systems)
def test_a_name_that_only_begins_as_a_folder_does_is_not_in_it(
    known: tuple[Mapping, ...], data: st.DataObject, parts: list[str], more: str, here: View, there: View
) -> None:
    mapping = data.draw(st.sampled_from(known))
    path = within(mapping, here, []) + more + "".join(("\\" if here.windows else "/") + each for each in parts)
    if all(shared_folder(path, here, (other,)) is None for other in known if other is not mapping):
        assert translate(path, here, there, known) == path


@given(mappings(), st.text(max_size=40), systems, systems)
def test_any_text_that_is_in_no_folder_stays_as_it_is(
    known: tuple[Mapping, ...], text: str, here: View, there: View
) -> None:
    if shared_folder(text, here, known) is None:
        assert translate(text, here, there, known) == text


@given(mappings(), st.data(), below)
def test_windows_takes_any_case_and_both_slashes(
    known: tuple[Mapping, ...], data: st.DataObject, parts: list[str]
) -> None:
    path = within(data.draw(st.sampled_from(known)), WINDOWS, parts)
    other = "".join(data.draw(st.sampled_from((c, "/" if c == "\\" else c))) for c in path)
    assert translate(other, WINDOWS, LINUX, known) == translate(path, WINDOWS, LINUX, known)
    head = within(shared_folder(path, WINDOWS, known) or known[0], WINDOWS, [])
    swapped = head.swapcase() + path[len(head) :]
    assert translate(swapped, WINDOWS, LINUX, known) == translate(path, WINDOWS, LINUX, known)
