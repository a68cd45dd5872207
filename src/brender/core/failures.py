# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way a run can fail, by kind. A fatal kind is one that no other attempt can mend: the job stops for it."""

import enum


class Kind(enum.StrEnum):
    """The kinds, as they stand on the wire, in the record and on the page."""

    # fatal: the scene or the request is at fault, and every attempt would end the same
    FILE_UNREADABLE = "file_unreadable"  # not a .blend, truncated, corrupt
    FILE_NEWER = "file_newer"  # saved by a newer Blender than the one the job is bound to
    FILE_ABSENT = "file_absent"  # the .blend itself is not there
    MISSING_LIBRARY = "missing_library"
    MISSING_FILE = "missing_file"  # a texture, cache, font, sound, ... that the rendered scene uses
    MISSING_ENGINE = "missing_engine"
    MISSING_NODES = "missing_nodes"  # nodes of an add-on that is not there
    MISSING_ADDON = "missing_addon"  # --addons names one that cannot be enabled
    MISSING_VIEW = "missing_view"  # view or look that the OCIO configuration lacks
    MISSING_SCENE = "missing_scene"  # -S names a scene that is not in the file
    MISSING_GPU = "missing_gpu"
    NO_CAMERA = "no_camera"
    UNKNOWN_FORMAT = "unknown_format"
    SCRIPTS_BLOCKED = "scripts_blocked"  # a driver or script did not run, as auto-run is off
    PYTHON_ERROR = "python_error"
    SIMULATION_UNBAKED = "simulation_unbaked"
    BAD_SETTING = "bad_setting"  # a value that Blender does not take
    OUTPUT_UNWRITABLE = "output_unwritable"
    # pauses the job: someone must look, then it can go on
    SCENE_CHANGED = "scene_changed"  # the .blend or a library is no longer the one submitted
    WARM_DIFFERS = "warm_differs"  # a frame rendered warm has other pixels than the same frame rendered cold
    # not fatal: tried again, up to the bound
    BLENDER_MISSING = "blender_missing"  # it was found at start-up and is not there any more
    FILES_NOT_FETCHED = "files_not_fetched"  # of a carried scene: the manager has them no more, or the disk no room
    BLENDER_CRASHED = "blender_crashed"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    NOTHING_RENDERED = "nothing_rendered"  # Blender said success and wrote no file
    BAD_PICTURE = "bad_picture"  # empty, torn, of another size, or does not decode
    TIME_LIMIT = "time_limit"
    SILENT = "silent"  # no sign of life for as long as the job allows
    RENDER_ERROR = "render_error"  # Blender said so itself
    WORKER_ERROR = "worker_error"  # the worker's own machine or program


FATAL = frozenset(k for k in Kind if list(Kind).index(k) < list(Kind).index(Kind.SCENE_CHANGED))


def is_fatal(kind: Kind) -> bool:
    """True where no other attempt can mend it, so that the job ends at once."""
    return kind in FATAL
