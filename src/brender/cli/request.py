# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of `brender render` to the job that is submitted: the file's range, and one exact Blender."""

import platform
import secrets
from collections.abc import Sequence
from pathlib import Path

from brender.blendfile import SceneScan, Unreadable, scan
from brender.cli.blender_args import RenderArguments
from brender.cli.errors import CliError, say
from brender.client import places
from brender.client.api import Client
from brender.core.nouns import Connection, Limits
from brender.core.scene import Blender, FoundBlender
from brender.core.views import JobRequest

LIMITS = Limits()


def job_request(wanted: RenderArguments, data: Path, farm: Client | None = None) -> JobRequest:
    """The job. Raises `CliError` for a file or a Blender that is not there, `ArgumentsError` for an empty range.

    With `farm`, whose machines are others, its Blenders are the ones to choose from.
    """
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
        blender=_blender(wanted, found.header.version, data, farm),
        system=platform.system(),
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


def _blender(wanted: RenderArguments, version: tuple[int, int], data: Path, farm: Client | None) -> Blender | None:
    if farm is None:
        return chosen_blender(wanted.blender, version, data)
    online = (w for w in farm.workers().workers if w.connection is Connection.ONLINE)
    return farm_blender(wanted.blender, version, data, [each.blender for w in online for each in w.blenders])


def farm_blender(
    wanted: str | None, version: tuple[int, int], data: Path, offered: Sequence[Blender]
) -> Blender | None:
    """The Blender for a farm of other machines. What was named is what it is; else this machine's, if a worker has it
    too, and None, which leaves it to the manager, where none has.
    """
    try:
        own = chosen_blender(wanted, version, data)
    except CliError as error:
        if wanted is None:
            if offered:
                say("This machine has no Blender: of the farm's, the nearest to the file's version is taken.")
            return None
        return _named(wanted, offered, error)
    alike = [b for b in offered if (b.kind, b.version) == (own.kind, own.version)]
    if alike:
        return own if own in alike else alike[0]
    if wanted is None and offered:
        say(f"No worker has this machine's {own}: of the farm's, the nearest to the file's version is taken.")
        return None
    say(f"Warning: no worker that is there has {own}. The job waits for one.")
    return own


def _named(wanted: str, offered: Sequence[Blender], error: CliError) -> Blender:
    """One that this machine does not have, by its version."""
    from brender.worker import host

    try:
        return host.choose_among([FoundBlender(blender=b, path="") for b in offered], wanted, None, None).blender
    except host.NoBlenderError:
        raise error from None


def chosen_blender(wanted: str | None, version: tuple[int, int], data: Path) -> Blender:
    """The Blender of this machine that the job is bound to. What a worker here knows of their versions is used."""
    from brender.worker import host

    try:
        return host.choose(host.find_blenders(data / "worker" / "blenders.json"), wanted, version).blender
    except host.NoBlenderError as error:
        raise CliError(str(error)) from None
