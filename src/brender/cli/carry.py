# SPDX-License-Identifier: GPL-3.0-or-later
"""A job for a farm: opened where its file lies, or sent with all that it needs, as the farm is near or far."""

import ipaddress
import platform
import sys
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from brender.blendfile import SceneScan, Unreadable, scan
from brender.blendfile.made import format_of, output_of, size_of
from brender.cli.blender_args import RenderArguments
from brender.cli.connect import Place
from brender.cli.errors import CliError, say
from brender.cli.exits import Exit
from brender.cli.request import chosen_scene, job_request
from brender.client import places
from brender.client.api import Client
from brender.client.errors import ApiError
from brender.client.sending import Sent, send_scene
from brender.client.tracing import Traced, TraceError, trace
from brender.client.uses import Use
from brender.core.frames import FrameSet
from brender.core.nouns import Mapping, Step, StepKind
from brender.core.pathmap import View, in_sight
from brender.core.scene import Script
from brender.core.views import JobRequest
from brender.transfer import TransferError

MOST_LISTED = 50  # files that are not there


def farm_request(wanted: RenderArguments, place: Place, client: Client, quiet: bool = False) -> JobRequest:
    """The request for a manager that runs. Where it is elsewhere, the files are sent before this returns."""
    if not carries(place, client, wanted):
        return job_request(wanted, place.data, None if is_here(place, client) else client)
    request = _without_existing(job_request(wanted, place.data, client), wanted)
    traced = look_through(wanted.blend, request.scripts, wanted.allow.missing)
    sent = _send(client, traced, quiet)
    return msgspec.structs.replace(
        request,
        manifest=sent.manifest,
        blend=sent.blend,
        source=wanted.blend,
        scripts=_placed(request.scripts, sent.scripts),
    )


# --- whether -----------------------------------------------------------------------------------------------------


def carries(place: Place, client: Client, wanted: RenderArguments) -> bool:
    """Whether the scene's files are sent: the manager is another machine's, and shares no folder with the .blend."""
    if wanted.send is not None:
        return wanted.send
    return not is_here(place, client) and not _is_shared(client, wanted.blend)


def is_here(place: Place, client: Client) -> bool:
    """Whether the manager is this machine's: the data folder's own, or at a loopback address without TLS."""
    said = places.manager_file(place.data)
    if said is not None and said.url == client.url:
        return True
    parts = urlsplit(client.url)
    return parts.scheme == "http" and _is_loopback(parts.hostname or "")


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.lower() == "localhost"


def _is_shared(client: Client, blend: str) -> bool:
    """Whether the farm says that the folder of the .blend is one that the manager's machine has too."""
    rows = client.objects("mapping").data
    mappings = [msgspec.convert({f: row[f] for f in Mapping.__struct_fields__ if f in row}, Mapping) for row in rows]
    return in_sight(blend, View(platform.system()), View(client.farm().system), mappings)


# --- what --------------------------------------------------------------------------------------------------------


def look_through(blend: str, scripts: tuple[Script, ...], allow_missing: bool) -> Traced:
    """All that is needed. What is missing, or cannot be sent, is said, and refused unless that is allowed."""
    try:
        traced = trace(Path(blend), [Path(script.source) for script in scripts if script.kind == "file"])
    except TraceError as error:
        raise CliError(str(error)) from None
    for line in told(traced):
        say(line)
    faults = len(traced.missing) + len(traced.problems)
    if faults and not allow_missing:
        raise CliError(
            f"{_count(faults, 'file')} that the scene needs cannot be sent, so nothing was. Mend that, or render "
            "without them: --allow-missing."
        )
    return traced


def told(traced: Traced) -> list[str]:
    """What a person has to know of what is not there, a line each."""
    lines = [f"Not there: {_of(use)}" for use in traced.missing]
    lines += traced.problems
    lines += [f"Not there, and not used: {_of(use)}" for use in traced.unused]
    more = len(lines) - MOST_LISTED
    return [*lines[:MOST_LISTED], f"... and {more} more; `brender trace` lists all."] if more > 0 else lines


def _of(use: Use) -> str:
    return f"{use.path} ({use.what} {use.name}, in {use.owner.name})".replace(" ,", ",")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _placed(scripts: tuple[Script, ...], found: tuple[str, ...]) -> tuple[Script, ...]:
    """Script files by their place among what was sent."""
    waiting = iter(found)
    return tuple(
        msgspec.structs.replace(script, source=next(waiting)) if script.kind == "file" else script for script in scripts
    )


# --- what is there already ---------------------------------------------------------------------------------------


def _without_existing(request: JobRequest, wanted: RenderArguments) -> JobRequest:
    """Without the frames that are at home already, and good, where those are not to be rendered again. Only this
    machine can look."""
    try:
        scene = chosen_scene(scan(wanted.blend).scenes, wanted.whole.scene, wanted.blend)
    except Unreadable as error:
        raise CliError(error.message) from None
    if (scene.overwrite and not wanted.missing) or scene.multiview:  # of several views the manager says so
        return request
    frames = FrameSet.parse(request.frames)
    found = _found(wanted, scene, frames)
    left = frames.without(found)
    if not len(left):
        raise ApiError("All of it is there already, and good.", 422, "nothing_to_do")
    return msgspec.structs.replace(request, frames=str(left))


def _found(wanted: RenderArguments, scene: SceneScan, frames: FrameSet) -> FrameSet:
    from brender.imaging import existing

    settings = wanted.whole
    format = format_of(settings, scene)
    if format is None:
        return FrameSet()  # the manager refuses it, in words
    output = output_of(settings, scene, format, wanted.blend, platform.system() == "Windows")
    kind = StepKind.MOVIE if format.is_movie else StepKind.FRAMES
    if kind is StepKind.MOVIE and len(frames.ranges) != 1:
        return FrameSet()
    step = Step(name="render", kind=kind, frames=frames)
    return existing.good(output, step, size_of(settings, scene) if wanted.missing else None)


# --- bringing it there -------------------------------------------------------------------------------------------


def _send(client: Client, traced: Traced, quiet: bool) -> Sent:
    from brender.cli.sendbar import sending

    try:
        with sending(quiet=quiet or not sys.stdout.isatty(), silent=quiet) as shown:
            return send_scene(client, traced, places.cache_folder(), shown)
    except TraceError as error:
        raise CliError(str(error)) from None
    except TransferError as error:
        code = Exit.REFUSED if error.status else Exit.NO_MANAGER
        raise CliError(
            f"Nothing was submitted. {error.message} What was sent is found again next time.", code
        ) from None
    except KeyboardInterrupt:
        say("\nNothing was submitted. What was sent stays with the manager for a day, and is found again.")
        raise
