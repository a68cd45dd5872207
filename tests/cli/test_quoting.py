# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines to copy work in the shell they are copied to."""

import shlex
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brender.cli.quoting import command_line, going_on, program

ODD = [
    "/a b/c'd.blend",
    "C:\\out dir\\",
    'say "hi"',
    "",
    "$HOME",
    "*.png",
    "a&b",
    "Стул é 日本.blend",
    "--",
    "-1",
    "\\\\x\\",
]


def windows_split(line: str) -> list[str]:
    """CommandLineToArgvW, for arguments behind the program's name: the rule's other side."""
    words, word, quoted, slashes, begun = [], "", False, 0, False
    for char in line:
        if char == "\\":
            slashes, begun = slashes + 1, True
            continue
        if char == '"':
            word += "\\" * (slashes // 2) + ('"' if slashes % 2 else "")
            quoted, begun = quoted ^ (slashes % 2 == 0), True
        else:
            word += "\\" * slashes
            if char in " \t" and not quoted:
                words, word, begun = [*words, word] if begun else words, "", False
            else:
                word, begun = word + char, True
        slashes = 0
    word += "\\" * slashes
    return [*words, word] if begun else words


@pytest.mark.parametrize("word", ODD)
def test_an_odd_word_comes_back_from_a_posix_shell(word):
    """C31."""
    assert shlex.split(command_line(["brender", word], windows=False)) == ["brender", word]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1))
def test_any_words_come_back_on_windows(words):
    """C31: trailing backslashes, spaces and quotes."""
    assert windows_split(command_line(words, windows=True)) == words


@pytest.mark.parametrize("special", list("&|<>^();,"))
def test_what_a_windows_shell_would_act_on_is_quoted(special):
    assert command_line([f"a{special}b"], windows=True) == f'"a{special}b"'


def test_plain_words_stay_plain_on_windows():
    line = ["brender", "render", "C:\\shots\\a.blend", "-o", "//out/####", "-a"]
    assert command_line(line, windows=True) == 'brender render C:\\shots\\a.blend -o "//out/####" -a'


def test_going_on_renders_what_is_missing():
    assert going_on(["a.blend", "-a"]) == ["--missing", "a.blend", "-a"]


def test_going_on_twice_is_the_same_as_once():
    assert going_on(["--missing", "a.blend", "-a"]) == ["--missing", "a.blend", "-a"]


def test_what_belongs_to_a_script_is_not_taken_for_ours():
    assert going_on(["a.blend", "-a", "--", "--missing"]) == ["--missing", "a.blend", "-a", "--", "--missing"]


def test_the_program_is_called_as_it_was(tmp_path):
    assert program("/somewhere/bin/brender-not-on-the-path") == ["/somewhere/bin/brender-not-on-the-path"]
    assert program("/x/brender/__main__.py") == [sys.executable, "-m", "brender"]
