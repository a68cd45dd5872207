# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session opens: a .blend, how its Blender is started, and what is set on it before a frame.

These values travel unchanged from the command line over the manager to the process inside Blender
(as JSON, where inblender reads them as plain dictionaries). Nothing here knows how Blender does it.
"""

from typing import Literal

import msgspec

BlenderKind = Literal["blender", "bpy"]
Device = Literal["CPU", "CUDA", "OPTIX", "HIP", "ONEAPI", "METAL"]


class Blender(msgspec.Struct, frozen=True, kw_only=True):
    """One exact Blender: an installed program, or the `bpy` module of a Python.

    A job is bound to one at submit; only `kind`, `version` and `build` say whether two are the same.
    """

    kind: BlenderKind
    version: str  # "3.4.1"
    build: str = ""  # the build hash an installed Blender prints, "" where it has none

    def __str__(self) -> str:
        name = "Blender" if self.kind == "blender" else "bpy"
        return f"{name} {self.version}" + (f" ({self.build})" if self.build else "")


class FoundBlender(msgspec.Struct, frozen=True, kw_only=True):
    """A Blender that a worker found on its machine, and where: the program, or the Python that has bpy."""

    blender: Blender
    path: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is set on the opened scene, in the order of these fields. None leaves the file's own value."""

    scene: str | None = None  # -S: the scene to render
    engine: str | None = None  # -E: "CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH"
    output: str | None = None  # -o: Blender's output pattern, "//" and "####" as Blender means them
    format: str | None = None  # -F: as on Blender's command line ("PNG", "OPEN_EXR_MULTILAYER", "FFMPEG", ...)
    use_extension: bool | None = None  # -x
    start: int | None = None  # -s
    end: int | None = None  # -e
    step: int | None = None  # -j
    samples: int | None = None  # Cycles, EEVEE and Workbench alike
    width: int | None = None  # pixels, before the percentage
    height: int | None = None
    percent: int | None = None  # resolution percentage


class Script(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Python that the command line asks for. `before` is what stood before it there, and is set first."""

    kind: Literal["file", "expr", "text"]  # -P FILE, --python-expr CODE, --python-text NAME
    source: str  # of a file its absolute path; of a carried scene, its path within the manifest
    before: Settings = Settings()
    before_open: bool = False  # stood before the .blend: runs before it is opened


class Launch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the process of a session is started."""

    factory_startup: bool = False
    autoexec: bool | None = None  # -y True, -Y False, None: what Blender's preferences say
    addons: tuple[str, ...] = ()
    threads: int | None = None  # -t; 0 or None: all
    python_exit_code: int | None = None  # set and not 0: a Python error is fatal even with allow_python_errors
    script_args: tuple[str, ...] = ()  # what stood behind "--"
    sealed: bool = False  # the farm, or the worker, lets no Python of the file run, whatever preferences say
    device: Device | None = None  # --device or -- --cycles-device; None: the file's own wish


class Allow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the person lets pass that is otherwise refused."""

    missing: bool = False  # --allow-missing: files that the scene uses and are not there
    cpu: bool = False  # --allow-cpu: the scene asks for a GPU and there is none


class Scene(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """All that a session needs to open the scene. Two equal ones may share a warm Blender."""

    blend: str  # absolute path; of a carried scene, its path within the manifest
    blender: Blender
    launch: Launch = Launch()
    scripts: tuple[Script, ...] = ()
    settings: Settings = Settings()  # set last, after every script
    allow: Allow = Allow()
    hashes: tuple[tuple[str, str], ...] = ()  # (path, SHA-256) of the .blend and its libraries at submit
    manifest: str = ""  # SHA-256 of the `Manifest` of a carried scene; "": it is opened where it lies

    @property
    def python(self) -> str:
        """The option by which it asks for Python of its own to run; "" where it does not."""
        if self.scripts:
            return {"file": "-P", "expr": "--python-expr", "text": "--python-text"}[self.scripts[0].kind]
        return "-y" if self.launch.autoexec else ""
