# SPDX-License-Identifier: GPL-3.0-or-later
"""Names from outside: what is refused on any system, and that what is allowed never leaves its folder."""

import ntpath
import posixpath
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brender.core.names import DEEPEST, LONGEST_NAME, LONGEST_PATH, refusal, twin

REFUSED = {
    "": "1 to 1024 characters",
    "a" * 8000: "1 to 1024 characters",
    "/".join("a" * (DEEPEST + 1)): "64 folders deep",
    "é" * 128: "at most 255 bytes",
    "/etc/passwd": "relative",
    "a//b": "relative",
    "a/": "relative",
    "..": "relative",
    "a/../../b": "relative",
    "./a": "relative",
    "a\\..\\b": "is not allowed",
    "\\\\server\\share": "is not allowed",
    "C:/a": "is not allowed",
    "a:stream": "is not allowed",
    "a::$DATA": "is not allowed",
    "a\0b": "is not allowed",
    "a\nb": "is not allowed",
    "a\x7fb": "is not allowed",
    "what?": "is not allowed",
    "*": "is not allowed",
    'a"b': "is not allowed",
    "a|b": "is not allowed",
    "<a>": "is not allowed",
    "gpj.\u202egnp": "invisible",  # shown as the name of a picture, and is none
    "a\u2066b\u2069": "invisible",
    "a\u200bb": "invisible",
    "a\u2028b": "invisible",
    "a\u2029b": "invisible",
    "a\x85b": "invisible",
    "\ufeffa": "invisible",
    "\ud800": "invisible",  # half of a character
    "a\udcff": "invisible",  # a byte that is no UTF-8, as Python writes it
    "\U000e0041a": "invisible",
    "a\uffff": "invisible",
    "\u3164": "invisible",
    " a": "begins with a space",
    "a ": "ends with a space",
    "a\u00a0": "ends with a space",
    "\u3000a": "begins with a space",
    "a.": "or a dot",
    "a./b": "or a dot",
    "...": "or a dot",
    "NUL": "a device on Windows",
    "con": "a device on Windows",
    "CON .txt": "a device on Windows",
    "textures/aux.h": "a device on Windows",
    "Com1.tar.gz": "a device on Windows",
    "COM¹": "a device on Windows",
    "lpt³.txt": "a device on Windows",
    "CONIN$": "a device on Windows",
}
ALLOWED = (
    "a",
    "PROGRA~1",
    ".hidden",
    "..hidden",
    "a..b",
    "shot_0007.png",
    "textures/Wand.<UDIM>.exr".replace("<UDIM>", "1001"),
    "Ольга/日本語.blend",
    "e\u0301",
    "😀.png",
    "console.txt",
    "COM10",
    "a" * LONGEST_NAME,
)


@pytest.mark.parametrize("path", REFUSED, ids=ascii)
def test_a_name_that_some_system_takes_for_something_else_is_refused(path: str) -> None:
    """C31, C32."""
    assert REFUSED[path] in (refusal(path) or "")


@pytest.mark.parametrize("path", ALLOWED, ids=ascii)
def test_a_name_that_is_one_everywhere_is_allowed(path: str) -> None:
    assert refusal(path) is None


HOSTILE = st.one_of(
    st.sampled_from(
        ["..", ".", "", "CON", "nul", "COM¹", "a:b", " ", "\0", "\\", "C:", "~", "\u202e", "\ud800", "x" * 300]
    ),
    st.text(max_size=12),
    st.text(alphabet="./\\ :abC\u0301~$1", max_size=12),
)
PATHS = st.lists(HOSTILE, max_size=6).map("/".join)


@given(PATHS)
def test_what_is_allowed_stays_in_its_folder_on_every_system(path: str) -> None:
    if refusal(path) is not None:
        return
    assert len(path) <= LONGEST_PATH
    assert "\0" not in path.encode().decode()
    for flavour, root in ((posixpath, "/farm"), (ntpath, "C:\\farm")):
        joined = flavour.normpath(flavour.join(root, path))
        assert joined.startswith(root + flavour.sep)
        assert flavour.splitdrive(path)[0] == ""
    assert [part.rstrip(" .") for part in path.split("/")] == path.split("/")


@given(PATHS)
def test_a_reason_is_a_sentence_that_can_be_printed(path: str) -> None:
    reason = refusal(path)
    assert reason is None or reason.encode().decode().isprintable()


@given(PATHS)
def test_twins_are_those_that_some_system_takes_for_one(path: str) -> None:
    if refusal(path) is None:
        assert twin(path) == twin(path.upper()) or path.upper().casefold() != path.casefold()
        assert twin(path) == twin(unicodedata.normalize("NFC", path)) == twin(unicodedata.normalize("NFD", path))
        assert twin(twin(path)) == twin(path)


@pytest.mark.parametrize(("one", "other"), [("A.png", "a.PNG"), ("é", "e\u0301"), ("Straße", "STRASSE"), ("Å", "Å")])
def test_two_names_of_one_file_are_twins(one: str, other: str) -> None:
    assert twin(one) == twin(other)
