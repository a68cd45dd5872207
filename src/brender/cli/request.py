# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of `brender render` to the job that is submitted: the file's range, and one exact Blender."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from brender.blendfile import SceneScan, Unreadable, scan
from brender.cli.blender_args import RenderArguments
from brender.cli.errors import CliError, say
from brender.client import places
from brender.core.nouns import Limits
from brender.core.scene import Blender
from brender.core.views import JobRequest

LIMITS = Limits()


def job_request(wanted: RenderArguments, data: Path) -> JobRequest:
    """The job. Raises `CliError` for a file or a Blender that is not there, `ArgumentsError` for an empty range."""
    try:
        found = scan(wanted.blend)
    except Unreadable as error:
        raise CliError(error.message) from None
    scene = chosen_scene(found.scenes, wanted.whole.scene, wanted.blend)
    resolved = wanted.resolved(scene.start, scene.end, scene.step)
    if wanted.range_is_the_scripts:
        whose = f"{scene.start} to {scene.end} is the file's own range"
        say(f"Warning: {whose}; if a script moves it, name the one to render with -s and -e.")
    return JobRequest(
        request_id=secrets.token_hex(16),
        blend=wanted.blend,
        name=wanted.name or "",
        frames=str(resolved.frames),
        only_missing=wanted.missing,
        settings=resolved.settings,
        scripts=resolved.scripts,
        launch=wanted.launch,
        allow=wanted.allow,
        blender=chosen_blender(wanted.blender, found.header.version, data),
        owner=places.user(),
        priority=50 if wanted.priority is None else wanted.priority,
        tags=wanted.tags,
        order=wanted.order,
        limits=Limits(max_run_s=wanted.max_time_s or LIMITS.max_run_s, silence_s=wanted.silence_s or LIMITS.silence_s),
    )


def chosen_scene(scenes: Sequence[SceneScan], name: str | None, blend: str) -> SceneScan:
    """The scene that is rendered: that of -S, else the file's active one."""
    for scene in scenes:
        if scene.name == name or (name is None and scene.active):
            return scene
    if name is None and scenes:
        return scenes[0]
    known = ", ".join(scene.name for scene in scenes) or "none"
    raise CliError(f"{blend} has no scene {name!r}. It has: {known}." if name else f"{blend} has no scene to render.")


def chosen_blender(wanted: str | None, version: tuple[int, int], data: Path) -> Blender:
    """The Blender of this machine that the job is bound to. What a worker here knows of their versions is used."""
    from brender.worker import host

    try:
        return host.choose(host.find_blenders(data / "worker" / "blenders.json"), wanted, version).blender
    except host.NoBlenderError as error:
        raise CliError(str(error)) from None
