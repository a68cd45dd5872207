# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `brender render`, one row each: Blender's own, which mean what they mean there, and brender's.

blender_args reads command lines by this table, and `brender render --help` is made from it. `when` is when
Blender looks at an option: `anywhere` before it opens the file, `scene` in its turn from left to right.
"""

import textwrap
from typing import Literal, NamedTuple

When = Literal["anywhere", "scene"]


class Option(NamedTuple):
    """One row. `act` is what blender_args does with it: a method of its reader, `accept` (no effect) or `refuse`."""

    names: tuple[str, ...]
    wants: tuple[str, ...]  # what each of its values is, in words
    act: str
    help: str  # for `refuse`: why, as the rest of a sentence
    when: When = "anywhere"


def _row(names: str, act: str, help: str, when: When = "anywhere") -> Option:
    """`"-f --render-frame FRAMES"`: the names, then what it wants."""
    words = names.split()
    wants = tuple(w for w in words if not w.startswith("-"))
    return Option(tuple(w for w in words if w not in wants), wants, act, help, when)


RENDER = (
    _row("-a --render-anim", "render_animation", "render every frame from the scene's start to its end", "scene"),
    _row(
        "-f --render-frame FRAMES",
        "render_frames",
        "render these frames: 7 or 1,3,5..9; +2 counts from the start, -5 from the end",
        "scene",
    ),
    _row("-s --frame-start FRAME", "set_start", "first frame; +N and -N count from the scene's own", "scene"),
    _row("-e --frame-end FRAME", "set_end", "last frame; +N and -N count from the scene's own", "scene"),
    _row("-j --frame-jump N", "set_step", "render each Nth frame of -a", "scene"),
    _row("-S --scene NAME", "set_scene", "the scene to render; put it before what is set on it", "scene"),
    _row("-E --engine ENGINE", "set_engine", "CYCLES, BLENDER_EEVEE, BLENDER_WORKBENCH, ...", "scene"),
    _row(
        "-o --render-output PATH", "set_output", "where frames go; // is the .blend's folder, #### the number", "scene"
    ),
    _row(
        "-F --render-format FORMAT",
        "set_format",
        "PNG, JPEG, TIFF, OPEN_EXR, OPEN_EXR_MULTILAYER, FFMPEG, ...",
        "scene",
    ),
    _row("-x --use-extension 0|1", "set_extension", "whether the format's extension is put behind the name", "scene"),
    _row("-t --threads N", "set_threads", "threads to render with; 0 is all of the machine's"),
    _row("-b --background", "accept", "without a window: always so here"),
)

PYTHON = (
    _row("-P --python FILE", "run_file", "run a Python file, in its turn", "scene"),
    _row("--python-expr CODE", "run_expr", "run a line of Python, in its turn", "scene"),
    _row("--python-text NAME", "run_text", "run a text of the .blend, in its turn", "scene"),
    _row("--python-exit-code N", "set_exit_code", "not 0: an error in a script behind it fails the job", "scene"),
    _row("-y --enable-autoexec", "enable_autoexec", "let the Python in the file run by itself"),
    _row("-Y --disable-autoexec", "disable_autoexec", "do not let it"),
    _row("--addons NAMES", "set_addons", "add-ons to enable, with commas between", "scene"),
    _row("--factory-startup", "set_factory_startup", "without the worker's own preferences"),
    _row("--", "", "what stands behind goes to the scripts unchanged; --cycles-device is heeded"),
)

OWN = (
    _row("--frames RANGES", "own_frames", "these frames instead of -a and -f: 1-3,5..9,12 or 1-100x10 or 10-1"),
    _row("--samples N", "own_samples", "samples, for Cycles, EEVEE and Workbench alike"),
    _row("--size SIZE", "own_size", "320x180, or 50% of the scene's size"),
    _row("--order ORDER", "own_order", "sequence, spread (first, middle, last, halves), or every:N"),
    _row("--missing", "own_missing", "only the frames whose files are not there, or not good"),
    _row("--name TEXT", "own_name", "the job's name; otherwise the file's"),
    _row("--priority N", "own_priority", "higher goes first; 50 unless given"),
    _row("--tag TAG", "own_tag", "only on workers with this tag; may be given more than once"),
    _row("--blender WHICH", "own_blender", "a program, a version such as 4.5, or bpy; otherwise blender on the PATH"),
    _row("--device DEVICE", "own_device", "CPU, CUDA, OPTIX, HIP, ONEAPI or METAL; otherwise as the file says"),
    _row("--allow-missing", "own_allow_missing", "render though files that the scene uses are not there"),
    _row("--allow-cpu", "own_allow_cpu", "render on the CPU where the scene asks for a GPU and there is none"),
    _row("--max-time TIME", "own_max_time", "the longest that a frame may take: 90, 90s, 10m, 2h"),
    _row("--silence TIME", "own_silence", "the longest that Blender may give no sign of life"),
    _row("--manager URL", "own_manager", "the farm to send it to; otherwise the one that is known"),
    _row("--data FOLDER", "own_data", "the data folder of this machine's farm"),
    _row("--sheet FILE", "own_sheet", "write a contact sheet of the frames there when it is over (PNG)"),
    _row("--send", "own_send", "send the scene's files, though the manager is on this machine or shares the folder"),
    _row("--in-place", "own_in_place", "do not send them: the farm opens the file where it lies, on shared storage"),
    _row("--detach", "own_detach", "come back as soon as the job is submitted"),
)

_DEBUG = (
    *("all", "cycles", "events", "exit-on-error", "ffmpeg", "fpe", "freestyle", "ghost", "handlers", "io", "jobs"),
    *("depsgraph", "depsgraph-build", "depsgraph-eval", "depsgraph-no-threads", "depsgraph-pretty", "depsgraph-tag"),
    *("depsgraph-time", "depsgraph-uid", "depsgraph-uuid", "gpu", "gpu-force-workarounds", "gpu-disable-ssbo"),
    *("gpu-compile-shaders", "gpu-renderdoc", "gpu-scope-capture", "libmv", "memory", "python", "wintab", "wm"),
    *("xr", "xr-time"),
)
ACCEPTED = (
    _row("-noaudio", "accept", ""),
    _row("-setaudio DEVICE", "accept", ""),
    _row("-d --debug", "accept", ""),
    _row("-q --quiet", "accept", ""),
    _row("--verbose N", "accept", ""),
    *(_row(f"--log{end}", "accept", "") for end in (" MATCH", "-level LEVEL", "-file FILE")),
    *(_row(f"--log-show-{what}", "accept", "") for what in ("basename", "backtrace", "timestamp", "source", "memory")),
    *(_row(f"--debug-{what}", "accept", "") for what in _DEBUG),
    _row("-w --window-border", "accept", ""),
    _row("-W --window-fullscreen", "accept", ""),
    _row("-M --window-maximized", "accept", ""),
    _row("-p --window-geometry X Y WIDTH HEIGHT", "accept", ""),
    _row("-con --start-console", "accept", ""),
    _row("--no-native-pixels", "accept", ""),
    _row("--no-window-focus", "accept", ""),
    _row("--no-window-frame", "accept", ""),
    _row("--disable-crash-handler", "accept", ""),
    _row("--disable-abort-handler", "accept", ""),
    _row("--offline-mode", "accept", ""),
    _row("--enable-event-simulate", "accept", ""),
    _row("--profile-gpu", "accept", ""),
)

REFUSED = (
    _row("--python-console", "refuse", "waits for a person to type, and nobody sits at a worker"),
    _row("--open-last", "refuse", "opens what was open last on each worker; name the .blend file instead"),
    _row("-c --command NAME", "refuse", "runs another program within Blender and renders nothing"),
    _row("--app-template NAME", "refuse", "changes what Blender starts with, and the workers start with the file"),
    _row("--online-mode", "refuse", "lets add-ons use the network, which is for each worker's preferences to say"),
    _row("--python-use-system-env", "refuse", "takes in the Python of one machine, and workers are several"),
    *(
        _row(f"--env-system-{what} FOLDER", "refuse", "names a folder of one machine, and workers are several")
        for what in ("datafiles", "scripts", "python", "extensions")
    ),
    _row("--gpu-backend NAME", "refuse", "is for each worker's machine to choose"),
    _row("--debug-value N", "refuse", "changes what Blender does in ways that no one here can check"),
    _row("--disable-depsgraph-on-file-load", "refuse", "changes what a script sees, and the workers do not do it"),
    _row("--disable-liboverride-auto-resync", "refuse", "changes what is rendered, and the workers do not do it"),
    _row("-R --register", "refuse", "registers a file type and renders nothing"),
    _row("-r", "refuse", "registers a file type and renders nothing"),
    _row("--log-list-categories", "refuse", "prints a list and renders nothing; ask blender itself"),
    _row("-v --version", "refuse", "prints a version and renders nothing; brender --version tells brender's"),
)

OPTIONS = {
    name: option for rows in (RENDER, PYTHON, OWN, ACCEPTED, REFUSED) for option in rows for name in option.names
}
HELP = ("-h", "--help", "/?")

_INTRODUCTION = """\
Usage: brender render FILE.blend [OPTIONS]

Render a scene with Blender's own arguments: on the farm where one is known,
else on this machine. Like Blender, brender takes them from left to right:
first the file, then what is set, then -a or -f.

    brender render shot.blend -s 1 -e 250 -a
    brender render shot.blend -E CYCLES -o //out/shot_#### -F OPEN_EXR -f 1,50,100..110
"""


def help_text(width: int = 100) -> str:
    """What `brender render --help` prints, without a line wider than `width`."""
    sections = [
        _INTRODUCTION.rstrip(),
        _section("What Blender renders:", RENDER, width),
        _section("Python:", PYTHON, width),
        _section("What brender adds:", OWN, width),
        _names("Taken, without effect on a farm:", ACCEPTED, width),
        _names("Refused, as they make no sense on a farm:", REFUSED, width),
    ]
    return "\n\n".join(sections) + "\n"


def _section(title: str, rows: tuple[Option, ...], width: int) -> str:
    column = 30
    lines = [title]
    for row in rows:
        left = "  " + " ".join((", ".join(row.names), *row.wants))
        help = textwrap.wrap(row.help, width - column)
        if len(left) >= column - 1:
            lines.append(left)
            left = ""
        lines += [(left if i == 0 else "").ljust(column) + text for i, text in enumerate(help)]
    return "\n".join(lines)


def _names(title: str, rows: tuple[Option, ...], width: int) -> str:
    debug = {f"--debug-{what}" for what in _DEBUG}
    names = " ".join(dict.fromkeys("--debug-..." if n in debug else n for row in rows for n in row.names))
    indent = "  "
    lines = textwrap.wrap(names, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join([title, *lines])
