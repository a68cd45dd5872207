# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the Python of the command line, as Blender does: as `__main__`, with Blender's arguments.

Blender goes on after an error and says success; here an error ends the opening. Handlers fail in silence too, so
`Errors` listens where Blender prints their traces.
"""

import sys
import sysconfig
import traceback
import types
from pathlib import Path
from typing import Any

import bpy

from . import settings
from .refusal import Refusal

Script = dict[str, Any]

EXPRESSION = "<python-expr>"  # what stands for a file's name in the traces of --python-expr


def run_all(scripts: list[Script], before_open: bool) -> None:
    """Those that stood before the .blend on the command line, or the others, each after its own settings."""
    for script in scripts:
        if bool(script.get("before_open")) == before_open:
            settings.apply(script.get("before", {}))
            _run(script)


def _run(script: Script) -> None:
    name, source = _source(script)
    main = types.ModuleType("__main__")
    main.__file__ = name
    ours = sys.modules["__main__"]
    sys.modules["__main__"] = main
    try:
        exec(compile(source, name, "exec"), main.__dict__)  # noqa: S102  the person asked for it
    except SystemExit as leave:
        _left(script, leave)
    except BaseException as error:
        traceback.print_exc()
        raise Refusal("python_error", describe(error, name)) from None
    finally:
        sys.modules["__main__"] = ours


def _left(script: Script, leave: SystemExit) -> None:
    if leave.code not in (None, 0):
        text = f"The script {script['source']!r} ended Blender with exit code {leave.code}."
        raise Refusal("python_error", text)


def _source(script: Script) -> tuple[str, str]:
    wanted = script["source"]
    if script["kind"] == "expr":
        return EXPRESSION, wanted
    if script["kind"] == "text":
        return _text(wanted)
    try:
        return wanted, Path(wanted).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        text = f'The script "{wanted}" could not be read: {error}. Check the path, as the worker sees it.'
        raise Refusal("python_error", text) from None


def _text(name: str) -> tuple[str, str]:
    block = bpy.data.texts.get(name)
    if block is None:
        raise Refusal("python_error", f'There is no text "{name}" in this file, which --python-text asks for.')
    return f"{bpy.data.filepath}/{name}", block.as_string()


def describe(error: BaseException, name: str) -> str:
    """What went wrong, in which file and line: the innermost line of the script itself."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == name]
    line = error.lineno if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
    place = f'"{name}"' + (f", line {line}" if line else "")
    return f"Python error in {place}: {type(error).__name__}: {error}. Blender would have gone on; brender does not."


class Errors:
    """The errors of handlers and of the file's own scripts, which Blender only prints.

    Those of add-ons are warnings: a person's Blender shows the same trace, and the picture is the same.
    """

    def __init__(self) -> None:
        self.fatal: str | None = None
        self.warnings: list[str] = []
        self._before = sys.excepthook
        sys.excepthook = self._hear

    def _hear(self, kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
        self._before(kind, error, trace)
        if issubclass(kind, SystemExit):
            return
        name = _place(error, trace)
        if _is_installed(name):
            self.warnings.append(describe(error, name).partition(" Blender would")[0])
        else:
            self.fatal = self.fatal or describe(error, name)

    def check(self) -> None:
        """Raises the first that is fatal, once."""
        fatal, self.fatal = self.fatal, None
        if fatal:
            raise Refusal("python_error", fatal)


def _place(error: BaseException, trace: types.TracebackType | None) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename
    frames = traceback.extract_tb(trace)
    return frames[0].filename if frames else "?"


def _is_installed(name: str) -> bool:
    """True for add-ons and Blender's own Python (drivers, Mantaflow: "<...>"): what does not belong to the job."""
    if name.startswith("<") and name != EXPRESSION:
        return True
    folders = [*bpy.utils.script_paths(), *sysconfig.get_paths().values()]
    return any(Path(folder) in Path(name).parents for folder in folders)
