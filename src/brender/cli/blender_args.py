# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the arguments of `brender render`: Blender's own, meant as Blender means them, and brender's.

What Blender would ignore in silence (C29) is refused with a sentence that says what to do. What can only be
known from the file (frames counted from its start or end) stays relative until `resolved` is told its range.
"""

import ntpath
import posixpath
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Literal, NoReturn, get_args

import msgspec

from brender.cli.blender_options import HELP, OPTIONS, Option
from brender.cli.render_arguments import Animation, ArgumentsError, FrameAt, FrameSpan, RenderArguments, Resolved
from brender.core import order
from brender.core.frames import MAX_FRAME, FramesError, FrameSet
from brender.core.outputs import FORMATS, absolute
from brender.core.scene import Allow, Device, Launch, Script, Settings

__all__ = ["Animation", "ArgumentsError", "FrameAt", "FrameSpan", "RenderArguments", "Resolved", "parse", "wants_help"]


def wants_help(args: Sequence[str]) -> bool:
    """Whether -h or --help stands among them, before any `--`."""
    own = args[: args.index("--")] if "--" in args else args
    return any(a in HELP for a in own)


def parse(args: Sequence[str], cwd: str) -> RenderArguments:
    """Read what stands behind `brender render`; paths are taken from `cwd`. ArgumentsError says what is wrong."""
    return _Reader(args, cwd).read()


_TIME = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|)")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


class _Reader:
    """One command line on its way: what has been read so far, and what comes next."""

    def __init__(self, args: Sequence[str], cwd: str) -> None:
        self._args, self._cwd, self._at = list(args), cwd, 0
        self._windows = bool(re.match(r"[A-Za-z]:[\\/]|\\\\", cwd))
        self._blend: str | None = None
        self._rendered = ""  # the last -a or -f, as it was written
        self._settings: dict[str, object] = {}  # since the last script
        self._set_names: list[str] = []  # options that set something on the scene so far
        self._moved: dict[str, FrameAt] = {}
        self._own_settings: dict[str, object] = {}
        self._scripts: list[Script] = []
        self._launch: dict[str, object] = {}
        self._allow: dict[str, bool] = {}
        self._renders: list[Animation | FrameSpan] = []
        self._job: dict[str, object] = {}
        self._tags: list[str] = []

    def read(self) -> RenderArguments:
        while self._at < len(self._args):
            word = self._args[self._at]
            self._at += 1
            if word == "--":
                self._script_args(self._args[self._at :])
                break
            self._word(word)
        return self._whole()

    # ---- words

    def _word(self, word: str) -> None:
        name, equals, value = word.partition("=")
        option = OPTIONS.get(word) or (OPTIONS.get(word.lower()) if word.lower().endswith("audio") else None)
        if option is None and equals and name in OPTIONS:
            self._with_equals(OPTIONS[name], name, value)
        elif option is not None:
            self._option(option, word, [self._value(option, word, want) for want in option.wants])
        elif word.startswith("-") and word != "-":
            self._unknown(word)
        else:
            self._file(word)

    def _with_equals(self, option: Option, name: str, value: str) -> None:
        if not option.act.startswith("own") or not option.wants:
            raise ArgumentsError(f"Blender does not take '{name}={value}'; write {name} {value}")
        self._option(option, name, [value])

    def _value(self, option: Option, word: str, want: str) -> str:
        if self._at >= len(self._args) or self._args[self._at] == "--":
            raise ArgumentsError(f"{word} wants {' '.join(option.wants)} behind it, and nothing is there")
        value = self._args[self._at]
        if value in OPTIONS:
            raise ArgumentsError(f"{word} wants {want} behind it, and the option {value} is there")
        self._at += 1
        return value

    def _unknown(self, word: str) -> NoReturn:
        if joined := next((n for n in OPTIONS if len(n) == 2 and word.startswith(n) and word[2:3].isdigit()), None):
            raise ArgumentsError(f"Blender does not take {word} in one word; write {joined} {word[2:]}")
        if all(f"-{letter}" in OPTIONS for letter in word[1:]):
            raise ArgumentsError(f"Blender does not take {word} in one word; write -{' -'.join(word[1:])}")
        close = get_close_matches(word, OPTIONS, n=1, cutoff=0.75)
        hint = f"did you mean {close[0]}?" if close else "brender render --help lists them"
        raise ArgumentsError(f"there is no option {word}; {hint}")

    def _option(self, option: Option, word: str, values: list[str]) -> None:
        if option.act == "refuse":
            raise ArgumentsError(f"{word} {option.help}")
        if option.when == "scene":
            self._in_turn(word, values, renders=option.act.startswith("render"))
        if option.act == "accept":
            return
        act: Callable[..., None] = getattr(self, f"_{option.act}")
        act(word, *values)

    def _in_turn(self, word: str, values: list[str], renders: bool) -> None:
        """Refuse what comes too early or too late for Blender, which takes it from left to right."""
        written = " ".join((word, *values))
        if self._blend is None and not self._goes_before_the_file(word):
            would = "render the scene it starts with" if renders else "lose it when the file is opened"
            raise ArgumentsError(
                f"{written} stands before the .blend file: Blender would {would}; put it behind the file"
            )
        if self._rendered and not renders:
            self._too_late(written)
        self._rendered = written if renders else self._rendered

    def _goes_before_the_file(self, word: str) -> bool:
        return word in ("-P", "--python", "--python-expr", "--python-exit-code", "--addons")

    def _too_late(self, written: str) -> NoReturn:
        if any(a in ("-a", "--render-anim", "-f", "--render-frame") for a in self._own_words()[self._at :]):
            raise ArgumentsError(
                f"{written} stands between two render actions; brender renders all frames of one command with the "
                f"same settings: put it before {self._rendered}, or make two commands of it"
            )
        raise ArgumentsError(
            f"{written} stands behind {self._rendered}, where Blender would heed it only after it has rendered; "
            f"put it before {self._rendered}"
        )

    def _own_words(self) -> list[str]:
        return self._args[: self._args.index("--")] if "--" in self._args else self._args

    def _file(self, word: str) -> None:
        if word.endswith(".py"):
            raise ArgumentsError(f"{word} is a Python file; write -P {word} to run it, behind the .blend file")
        if self._blend is not None:
            raise ArgumentsError(f"there are two files, {self._blend} and {word}; a command renders one")
        if self._rendered:
            raise ArgumentsError(f"{self._rendered} stands before the file {word}; put it behind the file")
        if not word:
            raise ArgumentsError("the file's name is empty")
        self._blend = self._path(word)

    def _script_args(self, words: list[str]) -> None:
        self._launch["script_args"] = tuple(words)
        for word, value in zip(words, [*words[1:], ""], strict=True):
            if word == "--cycles-device":
                self._own_device("--cycles-device", value.upper().removesuffix("+CPU"))

    # ---- values

    def _path(self, path: str) -> str:
        """Absolute; what is so already stays as it is, byte for byte (C33)."""
        if re.match(r"/|[A-Za-z]:[\\/]|\\\\", path):
            return path
        joined = (ntpath if self._windows else posixpath).join(self._cwd, path)
        return absolute(joined, "", self._windows)

    def _integer(self, word: str, value: str, low: int, high: int | None = None) -> int:
        wanted = f"a whole number from {low} to {high}" if high is not None else f"a whole number from {low} up"
        if not _INTEGER.fullmatch(value) or not low <= int(value) <= (high if high is not None else int(value)):
            raise ArgumentsError(f"{word} wants {wanted}, not '{value}'")
        return int(value)

    def _seconds(self, word: str, value: str) -> float:
        found = _TIME.fullmatch(value)
        if not found or float(found[1]) <= 0:
            raise ArgumentsError(f"{word} wants a time such as 90, 90s, 10m or 2h, not '{value}'")
        return float(found[1]) * _UNITS[found[2]]

    def _set(self, word: str, name: str, value: object) -> None:
        self._settings[name] = value
        self._set_names.append(word)

    # ---- what Blender renders

    def _render_animation(self, word: str) -> None:
        self._renders.append(Animation())

    def _render_frames(self, word: str, text: str) -> None:
        column = 1
        for item in text.split(","):
            self._renders.append(self._span(word, text, item, column))
            column += len(item) + 1

    def _span(self, word: str, text: str, item: str, column: int) -> FrameSpan:
        first, dots, last = item.partition("..")
        one = self._frame_of(word, text, first, column)
        two = self._frame_of(word, text, last, column + len(first) + 2) if dots else one
        if one.of == two.of and one.number > two.number:
            self._refuse_frames(word, text, column, "the range goes downwards, and Blender would ignore it")
        return FrameSpan(one, two)

    def _frame_of(self, word: str, text: str, number: str, column: int) -> FrameAt:
        if not _INTEGER.fullmatch(number):
            self._refuse_frames(word, text, column, _no_number(number))
        if number[0] in "+-":
            if self._scripts_ran:
                self._refuse_relative(word, text)
            # Blender: +0 is the first frame, -1 the last one
            return FrameAt(int(number), "start") if number[0] == "+" else FrameAt(int(number) + 1, "end")
        if int(number) > MAX_FRAME:
            self._refuse_frames(word, text, column, f"Blender's last frame is {MAX_FRAME}; it would render that one")
        return FrameAt(int(number))

    def _refuse_frames(self, word: str, text: str, column: int, reason: str) -> NoReturn:
        raise ArgumentsError(f"{word} {FramesError(reason, text, column)}")

    @property
    def _scripts_ran(self) -> bool:
        return any(not s.before_open for s in self._scripts)

    def _refuse_relative(self, word: str, text: str) -> NoReturn:
        raise ArgumentsError(
            f"{word} {text} counts from the scene's own range, which the script before it may change; "
            f"write the frame's number, or put it before the script"
        )

    def _set_start(self, word: str, value: str) -> None:
        self._set_edge(word, value, "start")

    def _set_end(self, word: str, value: str) -> None:
        self._set_edge(word, value, "end")

    def _set_edge(self, word: str, value: str, edge: Literal["start", "end"]) -> None:
        if not _INTEGER.fullmatch(value):
            raise ArgumentsError(f"{word} wants a frame such as 12, +3 or -3, not '{value}'")
        if value[0] not in "+-":
            if not self._scripts_ran:
                self._moved.pop(edge, None)
            self._set(word, edge, FrameAt(int(value)).at(0, 0))
        elif self._scripts_ran:
            self._refuse_relative(word, value)
        elif edge in self._settings:
            self._set(word, edge, FrameAt(int(str(self._settings[edge])) + int(value)).at(0, 0))
        else:
            before = self._moved[edge].number if edge in self._moved else 0
            self._moved[edge] = FrameAt(before + int(value), edge)
            self._set_names.append(word)

    def _set_step(self, word: str, value: str) -> None:
        self._set(word, "step", self._integer(word, value, 1, MAX_FRAME))

    def _set_scene(self, word: str, name: str) -> None:
        if self._set_names:
            raise ArgumentsError(
                f"{word} {name} stands behind {', '.join(dict.fromkeys(self._set_names))}, which Blender would set on "
                f"another scene; put {word} {name} right behind the file"
            )
        self._settings["scene"] = name

    def _set_engine(self, word: str, name: str) -> None:
        if name == "help":
            raise ArgumentsError(f"{word} help prints a list and renders nothing; ask blender -b {word} help")
        if not name:
            raise ArgumentsError(f"{word} wants an engine such as CYCLES, and its name is empty")
        self._set(word, "engine", name)  # add-ons bring engines of their own; the Blender of the job knows them

    def _set_output(self, word: str, pattern: str) -> None:
        if not pattern:
            raise ArgumentsError(f"{word} wants a path, and it is empty")
        self._set(word, "output", self._path(pattern))

    def _set_format(self, word: str, name: str) -> None:
        if name not in FORMATS:
            close = get_close_matches(name.upper(), FORMATS, n=1)
            hint = f"did you mean {close[0]}?" if close else "there are " + ", ".join(sorted(FORMATS))
            raise ArgumentsError(f"{word} {name}: Blender writes no such format, and would use the file's own; {hint}")
        self._set(word, "format", FORMATS[name].name)

    def _set_extension(self, word: str, value: str) -> None:
        if value not in ("0", "1"):
            raise ArgumentsError(f"{word} wants 0 or 1, not '{value}'; Blender would ignore it")
        self._set(word, "use_extension", value == "1")

    def _set_threads(self, word: str, value: str) -> None:
        self._launch["threads"] = self._integer(word, value, 0, 1024)

    # ---- Python

    def _run_file(self, word: str, path: str) -> None:
        self._run("file", self._path(path))

    def _run_expr(self, word: str, code: str) -> None:
        self._run("expr", code)

    def _run_text(self, word: str, name: str) -> None:
        self._run("text", name)

    def _run(self, kind: Literal["file", "expr", "text"], source: str) -> None:
        before = msgspec.convert(self._settings, Settings)
        self._scripts.append(Script(kind=kind, source=source, before=before, before_open=self._blend is None))
        self._settings = {}

    def _set_exit_code(self, word: str, value: str) -> None:
        if self._scripts:
            raise ArgumentsError(
                f"{word} {value} stands behind a script, whose errors Blender would then overlook; put it before"
            )
        self._launch["python_exit_code"] = self._integer(word, value, 0, 255)

    def _enable_autoexec(self, word: str) -> None:
        self._launch["autoexec"] = True

    def _disable_autoexec(self, word: str) -> None:
        self._launch["autoexec"] = False

    def _set_addons(self, word: str, names: str) -> None:
        known = self._launch.get("addons", ())
        self._launch["addons"] = (*known, *(n for n in names.split(",") if n)) if isinstance(known, tuple) else ()

    def _set_factory_startup(self, word: str) -> None:
        self._launch["factory_startup"] = True

    # ---- brender's own

    def _own_frames(self, word: str, text: str) -> None:
        try:
            self._job["given_frames"] = FrameSet.parse(text)
        except FramesError as e:
            raise ArgumentsError(f"{word}: {e}") from None

    def _own_samples(self, word: str, value: str) -> None:
        self._own_settings["samples"] = self._integer(word, value, 1, 1 << 24)

    def _own_size(self, word: str, value: str) -> None:
        if found := re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", value):
            self._own_settings["width"] = self._integer(word, found[1], 4, 65536)  # Blender's own bounds
            self._own_settings["height"] = self._integer(word, found[2], 4, 65536)
            self._own_settings["percent"] = 100
        elif found := re.fullmatch(r"([0-9]{1,6})%", value):
            self._own_settings["percent"] = self._integer(word, found[1], 1, 32767)
        else:
            raise ArgumentsError(f"{word} wants a size such as 320x180 or 50%, not '{value}'")

    def _own_order(self, word: str, value: str) -> None:
        if reason := order.refusal(value):
            raise ArgumentsError(f"{word}: {reason}")
        self._job["order"] = value

    def _own_name(self, word: str, value: str) -> None:
        self._job["name"] = value

    def _own_priority(self, word: str, value: str) -> None:
        self._job["priority"] = self._integer(word, value, 0, 100)

    def _own_tag(self, word: str, value: str) -> None:
        if not value.strip():
            raise ArgumentsError(f"{word} wants a tag, and it is empty")
        self._tags.append(value)

    def _own_blender(self, word: str, value: str) -> None:
        self._job["blender"] = self._path(value) if re.search(r"[/\\]", value) else value

    def _own_device(self, word: str, value: str) -> None:
        if value.upper() not in get_args(Device):
            raise ArgumentsError(f"{word} wants one of {', '.join(get_args(Device))}, not '{value}'")
        self._launch["device"] = value.upper()

    def _own_manager(self, word: str, value: str) -> None:
        self._job["manager"] = value

    def _own_data(self, word: str, value: str) -> None:
        self._job["data"] = self._path(value)

    def _own_max_time(self, word: str, value: str) -> None:
        self._job["max_time_s"] = self._seconds(word, value)

    def _own_silence(self, word: str, value: str) -> None:
        self._job["silence_s"] = self._seconds(word, value)

    def _own_missing(self, word: str) -> None:
        self._job["missing"] = True

    def _own_sheet(self, word: str, value: str) -> None:
        self._job["sheet"] = self._path(value)

    def _own_send(self, word: str) -> None:
        self._sends(word, True)

    def _own_in_place(self, word: str) -> None:
        self._sends(word, False)

    def _sends(self, word: str, send: bool) -> None:
        if self._job.setdefault("send", send) is not send:
            raise ArgumentsError(f"{word} is the opposite of the other of --send and --in-place; leave one of them out")

    def _own_detach(self, word: str) -> None:
        self._job["detach"] = True

    def _own_allow_missing(self, word: str) -> None:
        self._allow["missing"] = True

    def _own_allow_cpu(self, word: str) -> None:
        self._allow["cpu"] = True

    # ---- the whole

    def _whole(self) -> RenderArguments:
        if self._blend is None:
            raise ArgumentsError("there is no .blend file to render; write brender render FILE.blend -a")
        self._must_render()
        arguments = RenderArguments(
            blend=self._blend,
            settings=msgspec.convert(self._settings | self._own_settings, Settings),
            scripts=tuple(self._scripts),
            launch=msgspec.convert(self._launch, Launch),
            allow=msgspec.convert(self._allow, Allow),
            renders=tuple(self._renders),
            start=self._moved.get("start"),
            end=self._moved.get("end"),
            tags=tuple(dict.fromkeys(self._tags)),
            **self._job,  # type: ignore[arg-type]
        )
        whole = arguments.whole
        if whole.start is not None and whole.end is not None:  # what no file can mend is refused before it is read
            arguments.resolved(whole.start, whole.end)
        return arguments

    def _must_render(self) -> None:
        if self._renders and "given_frames" in self._job:
            raise ArgumentsError(f"--frames and {self._rendered} both say what to render; leave one of them out")
        if not self._renders and "given_frames" not in self._job:
            raise ArgumentsError(
                "nothing says what to render, and Blender would render nothing; add -a for the whole range, or -f 1 "
                "for a frame"
            )


def _no_number(text: str) -> str:
    if re.fullmatch(r"[0-9]+-[0-9]+", text):
        return f"behind -f a range is written with two dots: {text.replace('-', '..')}"
    return f"'{text}' is no frame" if text else "a frame is wanted here"
