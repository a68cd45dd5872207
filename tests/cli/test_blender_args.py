# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of `brender render`: Blender's meaning, and a sentence for what Blender would ignore in silence."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brender.cli.blender_args import ArgumentsError, RenderArguments, parse, wants_help
from brender.cli.blender_options import OPTIONS, help_text
from brender.core.scene import Launch, Settings


def read(line: str, cwd: str = "/home/ada/shots") -> RenderArguments:
    return parse(shlex.split(line), cwd)


def refused(line: str) -> str:
    with pytest.raises(ArgumentsError) as caught:
        read(line)
    return str(caught.value)


def frames(line: str, start: int = 10, end: int = 20, step: int = 1) -> list[int]:
    return list(read(f"s.blend {line}").resolved(start, end, step).frames)


# ---- what Blender means (tests/blender/test_blender_args_real.py asks it)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("-a", range(10, 21)),
        ("-s 1 -e 3 -a", range(1, 4)),
        ("-s -2 -e +1 -a", range(8, 22)),
        ("-s +3 -e -4 -a", range(13, 17)),
        ("-s 4 -s +2 -a", range(6, 21)),
        ("-s +2 -s +2 -s -1 -a", range(13, 21)),
        ("-j 4 -a", (10, 14, 18)),
        ("-f 1,3,5..9", (1, 3, 5, 6, 7, 8, 9)),
        ("-f +2", (12,)),
        ("-f -5", (16,)),
        ("-f -1", (20,)),
        ("-f +1..-9", (11, 12)),
        ("-f 2 -f 9..10 -f 2", (2, 9, 10)),
        ("-s 100 -e 110 -f +1,-1", (101, 110)),
        ("-f 3 -a", (3, *range(10, 21))),
        ("--render-frame 7", (7,)),
        ("--frame-start 19 --frame-end 20 --render-anim", (19, 20)),
        ("--frames -5--3,10-8", (-5, -4, -3, 10, 9, 8)),
    ],
)
def test_frames_mean_what_blender_means(line: str, meant: tuple[int, ...]) -> None:
    """C25."""
    assert frames(line) == list(meant)


def test_a_files_own_step_counts_for_the_animation_alone() -> None:
    assert frames("-a", step=5) == [10, 15, 20]
    assert frames("-f 1..3", step=5) == [1, 2, 3]
    assert frames("-j 2 -a", step=5) == [10, 12, 14, 16, 18, 20]


def test_every_setting_lands_in_its_field() -> None:
    line = "-b s.blend -S Two -E CYCLES -o //out/f_## -F EXR -x 0 -s 1 -e 9 -j 2 --samples 8 --size 320x180 -t 3 -a"
    found = read(line)
    assert found.settings == Settings(
        scene="Two", engine="CYCLES", output="//out/f_##", format="OPEN_EXR", use_extension=False, start=1, end=9,
        step=2, samples=8, width=320, height=180, percent=100,
    )  # fmt: skip
    assert found.launch == Launch(threads=3)
    assert read("s.blend --size 50% -a").settings == Settings(percent=50)


def test_brenders_own_options_may_stand_anywhere() -> None:
    line = (
        "--priority 70 s.blend --name=Shot\\ 7 -a --tag gpu --tag big --order every:10 --missing --detach "
        "--device cuda --blender 4.5 --manager http://farm:8765 --data d --max-time 10m --silence 90 "
        "--allow-missing --allow-cpu"
    )
    found = read(line)
    assert (found.priority, found.name, found.tags, found.order) == (70, "Shot 7", ("gpu", "big"), "every:10")
    assert (found.missing, found.detach, found.blender, found.manager) == (True, True, "4.5", "http://farm:8765")
    assert (found.data, found.max_time_s, found.silence_s) == ("/home/ada/shots/d", 600, 90)
    assert (found.allow.missing, found.allow.cpu, found.launch.device) == (True, True, "CUDA")


def test_start_up_options_may_stand_behind_the_render_as_in_blender() -> None:
    found = read("s.blend -a -y -b -t 2 --factory-startup -noaudio -NoAudio --log '*' --debug-cycles")
    assert found.launch == Launch(autoexec=True, threads=2, factory_startup=True)
    assert read("s.blend -y -Y -a").launch.autoexec is False


def test_scripts_keep_their_turn_and_what_stood_before_them() -> None:
    line = "--addons a,b --python-exit-code 3 --python-expr 0 s.blend -E CYCLES -P a.py -o //x --python-text T -e 9 -a"
    found = read(line)
    assert [(s.kind, s.source, s.before_open) for s in found.scripts] == [
        ("expr", "0", True),
        ("file", "/home/ada/shots/a.py", False),
        ("text", "T", False),
    ]
    assert [s.before for s in found.scripts] == [Settings(), Settings(engine="CYCLES"), Settings(output="//x")]
    assert found.settings == Settings(end=9)
    assert found.whole == Settings(engine="CYCLES", output="//x", end=9)
    assert found.launch == Launch(addons=("a", "b"), python_exit_code=3)
    assert found.range_is_the_scripts
    assert not read("s.blend -P a.py -s 1 -e 9 -a").range_is_the_scripts


def test_what_is_relative_before_a_script_is_set_before_it() -> None:
    found = read("s.blend -s +3 -P a.py -e 15 -a").resolved(10, 20)
    assert found.scripts[0].before == Settings(start=13)
    assert found.settings == Settings(end=15)
    assert list(found.frames) == [13, 14, 15]
    later = read("s.blend -s +3 -P a.py -s 18 -a").resolved(10, 20)
    assert list(later.frames) == [18, 19, 20]


def test_what_stands_behind_two_dashes_goes_to_the_scripts() -> None:
    found = read("s.blend -a -- --cycles-device OPTIX+CPU -h -o x -f")
    assert found.launch == Launch(script_args=("--cycles-device", "OPTIX+CPU", "-h", "-o", "x", "-f"), device="OPTIX")
    assert "CPU, CUDA" in refused("s.blend -a -- --cycles-device TPU")
    assert "one of" in refused("s.blend -a -- --cycles-device")


# ---- paths


@pytest.mark.parametrize(
    ("given_path", "cwd", "path"),
    [
        ("s.blend", "/a b", "/a b/s.blend"),
        ("../x/s.blend", "/a/b", "/a/x/s.blend"),
        ("/a b/c'd.blend", "/w", "/a b/c'd.blend"),
        ("/a//./b.blend", "/w", "/a//./b.blend"),
        ("Стул é 日本.blend", "/w", "/w/Стул é 日本.blend"),
        ("C:\\out dir\\s.blend", "/w", "C:\\out dir\\s.blend"),
        ("..\\s.blend", "C:\\a\\b", "C:\\a\\s.blend"),
        ("s.blend", "\\\\srv\\share", "\\\\srv\\share\\s.blend"),
    ],
)
def test_paths_are_taken_from_where_the_command_was_given(given_path: str, cwd: str, path: str) -> None:
    """C31, C32, C33."""
    assert parse([given_path, "-a"], cwd).blend == path


@pytest.mark.parametrize("path", ["//", "//../x_####", "C:\\out dir\\", "\\\\srv\\out\\", "/a b/", "/x//y"])
def test_an_output_that_says_where_it_is_stays_byte_for_byte(path: str) -> None:
    """C31, C33."""
    assert parse(["s.blend", "-o", path, "-a"], "/w").settings.output == path


def test_a_relative_output_keeps_its_trailing_slash() -> None:
    assert read("s.blend -o out/ -a", "/w").settings.output == "/w/out/"


# ---- what is refused


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("s.blend -a -o //x", "-o //x stands behind -a.*put it before -a"),
        ("s.blend -f 7 -E CYCLES", "-E CYCLES stands behind -f 7"),
        ("s.blend -f 1 -P x.py", "-P x.py stands behind -f 1"),
        ("s.blend -a --addons x", "behind -a"),
        ("s.blend -f 1 -o //x -f 2", "between two render actions.*make two commands"),
        ("-E CYCLES s.blend -a", "-E CYCLES stands before the .blend file.*lose it.*put it behind"),
        ("-s 5 s.blend -a", "-s 5 stands before"),
        ("-a s.blend", "-a stands before the .blend file.*scene it starts with"),
        ("s.blend -s 1 -E CYCLES -S Two -a", "-S Two stands behind -s, -E.*another scene"),
        ("s.blend -s 1 -P x.py -S Two -a", "another scene"),
        ("s.blend -P x.py --python-exit-code 1 -a", "behind a script.*put it before"),
        ("s.blend -P x.py -s +1 -a", "script before it may change"),
        ("s.blend -P x.py -f -1", "script before it may change"),
    ],
)
def test_an_order_that_blender_ignores_in_silence_is_refused(line: str, words: str) -> None:
    """C29."""
    with pytest.raises(ArgumentsError, match=words):
        read(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("s.blend -f abc", "'abc' is no frame .column 1."),
        ("s.blend -f 1,,3", "column 3"),
        ("s.blend -f 9..5", "downwards"),
        ("s.blend -f 1-10", "two dots: 1..10"),
        ("s.blend -f 5..", "wanted here .column 4."),
        ("s.blend -f 1,2x", "column 3"),
        ("s.blend -f 99999999", "last frame is 1048574"),
        ("s.blend -f ''", "frame is wanted"),
        ("s.blend -f '1, 2'", "' 2' is no frame"),
        ("s.blend -s 5 -e 1 -a", "range is empty"),
        ("s.blend -s 99999999 -a", "beyond Blender's frames"),
        ("s.blend -s 5x -a", "-s wants a frame"),
        ("s.blend -s '' -a", "-s wants a frame"),
        ("s.blend -j 0 -a", "-j wants a whole number from 1"),
        ("s.blend -t 5000 -a", "from 0 to 1024"),
        ("s.blend -x yes -a", "wants 0 or 1"),
        ("s.blend -F MPEG -a", "writes no such format"),
        ("s.blend -F png -a", "did you mean PNG"),
        ("s.blend -F DDS -a", "no such format"),
        ("s.blend -E help -a", "ask blender"),
        ("s.blend", "add -a for the whole range, or -f 1"),
        ("-a", "before the .blend file"),
        ("", "no .blend file"),
        ("a.blend b.blend -a", "two files, /home/ada/shots/a.blend and b.blend"),
        ("s.blend x.py -a", "write -P x.py"),
        ("s.blend --fram-start 1 -a", "did you mean --frame-start"),
        ("s.blend --frame-start=1 -a", "write --frame-start 1"),
        ("s.blend -s5 -a", "write -s 5"),
        ("-ba s.blend", "write -b -a"),
        ("s.blend --quux", "brender render --help lists them"),
        ("s.blend -a --name", "--name wants TEXT behind it, and nothing is there"),
        ("s.blend -o -a", "-o wants PATH behind it, and the option -a is there"),
        ("s.blend -a --priority -- x", "nothing is there"),
        ("s.blend -a --priority high", "whole number"),
        ("s.blend -a --size big", "320x180 or 50%"),
        ("s.blend -a --size 0x10", "from 4"),
        ("s.blend -a --order random", "sequence, spread and every:N"),
        ("s.blend -a --max-time soon", "90s"),
        ("s.blend -a --device TPU", "one of CPU"),
        ("s.blend --frames '1 10'", "--frames: there is a space"),
        ("s.blend --frames 1-5 -a", "leave one of them out"),
        ("s.blend --python-console -a", "nobody sits at a worker"),
        ("s.blend --open-last -a", "name the .blend file"),
    ],
)
def test_what_blender_would_take_otherwise_is_refused_with_a_sentence(line: str, words: str) -> None:
    """C25, C29, C34."""
    with pytest.raises(ArgumentsError, match=words):
        read(line)


def test_a_refused_frame_is_pointed_at() -> None:
    """C25."""
    lines = refused("s.blend -f 1,3,5-9,12").splitlines()
    assert lines[1:] == ["  1,3,5-9,12", "      ^"]


@pytest.mark.parametrize("line", ["-e 9 -a", "-s 21 -a", "-f +8..-9", "-s +11 -a", "-f +1048570"])
def test_a_range_that_only_the_file_shows_to_be_empty_is_refused_then(line: str) -> None:
    with pytest.raises(ArgumentsError, match=r"empty|no frame|beyond"):
        read(f"s.blend {line}").resolved(10, 20)


@given(
    st.lists(st.one_of(st.sampled_from([*OPTIONS, "s.blend", "1", "-5", "1..3", "="]), st.text(max_size=5)), max_size=9)
)
def test_any_command_line_is_read_or_refused_and_nothing_else(args: list[str]) -> None:
    try:
        found = parse(args, "/w")
    except ArgumentsError as e:
        assert str(e)  # noqa: PT017 - either outcome is right
    else:
        assert found.blend


# ---- help


def test_help_tells_every_option_within_a_terminals_width() -> None:
    text = help_text(90)
    missing = [n for n, o in OPTIONS.items() if n not in text and not n.startswith("--debug-")]
    assert missing == []
    assert max(map(len, text.splitlines())) <= 90


def test_every_row_of_the_table_can_be_read() -> None:
    values = {"FRAMES": "1", "FRAME": "1", "0|1": "1", "FORMAT": "PNG", "SIZE": "50%", "ORDER": "spread", "TIME": "9s",
              "DEVICE": "CPU", "RANGES": "1-3", "N": "3"}  # fmt: skip
    for name, option in OPTIONS.items():
        if name == "--":
            continue
        words = [name, *(values.get(want, "x") for want in option.wants)]
        render = [] if option.act.startswith("render") or name == "--frames" else ["-a"]
        if option.act == "refuse":
            with pytest.raises(ArgumentsError, match=name):
                parse(["s.blend", *words, "-a"], "/w")
        else:
            assert parse(["s.blend", *words, *render], "/w").blend == "/w/s.blend"


def test_help_is_asked_for_before_two_dashes_only() -> None:
    assert wants_help(["s.blend", "--help"])
    assert not wants_help(["s.blend", "-a", "--", "-h"])
