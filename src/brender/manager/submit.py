# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's request for a job becomes a command: the .blend is read, without Blender, for all that was left open.

It blocks, so it is called in a thread. What a Python script of the request changes in the scene cannot be known here:
frames and outputs are what the file, or the request itself, says. Whatever only Blender can tell (missing textures,
add-ons, a camera) is told by the worker that opens the scene.
"""

import os
import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

import msgspec

from brender import blendfile
from brender.blendfile import BlendScan, SceneScan, Unreadable
from brender.blendfile.made import format_of, output_of, size_of
from brender.core import order
from brender.core.commands import Refusal, SubmitJob
from brender.core.failures import Kind
from brender.core.frames import FramesError, FrameSet
from brender.core.nouns import Mapping, Step, StepKind
from brender.core.outputs import FORMATS, Format, Output, movie_path, still_pattern
from brender.core.pathmap import View, in_sight
from brender.core.scene import Blender, Scene, Settings
from brender.core.seen import moved_scripts, moved_settings, mover
from brender.core.views import JobRequest
from brender.imaging import existing
from brender.manager import carried
from brender.manager.carried import Carried
from brender.manager.content import Content


class NotSubmitted(Refusal):
    """A request that is refused: the sentence, the field at fault, and the kind of failure its frames would have."""

    def __init__(
        self, message: str, where: str | None = None, kind: Kind | None = None, reason: str = "invalid"
    ) -> None:
        super().__init__(message, reason)
        self.where = where
        self.kind = kind


class _Making(msgspec.Struct, frozen=True):
    """What is to be made, once the file has been read."""

    settings: Settings  # as they stand after all scripts
    scene: SceneScan
    output: Output
    step: Step
    outputs: str


class _Where(msgspec.Struct, frozen=True):
    """Whose paths an output is meant in: "//" is the folder of this .blend."""

    blend: str  # "": nobody said, so that only a frame's name is known
    windows: bool


class Shared(msgspec.Struct, frozen=True):
    """The folders that machines share, and where the manager has them."""

    view: View
    mappings: tuple[Mapping, ...] = ()


ALONE = Shared(View(platform.system()))


def prepare(
    request: JobRequest, offered: Sequence[Blender], shared: Shared = ALONE, content: Content | None = None
) -> SubmitJob:
    """The command for a request; `offered` are the Blenders of the workers that are there, and in `content` is what
    was sent. Raises `NotSubmitted`.
    """
    if request.manifest:
        return _of_sent(request, offered, content)
    request = _as_here(request, shared)
    _look_at(request)
    scan = _scan(request.blend)
    blender = _bound(request, scan, offered)
    making = _making(request, scan, _Where(scan.path, os.name == "nt"))
    step = _without_existing(request, making)
    return SubmitJob(
        request_id=request.request_id,
        name=request.name or Path(scan.path).name,
        owner=request.owner,
        scene=Scene(
            blend=scan.path,
            blender=blender,
            launch=request.launch,
            scripts=request.scripts,
            settings=_settings(request, making, shared),
            allow=request.allow,
            hashes=_hashes(scan),
        ),
        steps=(step,),
        outputs=making.outputs,
        priority=request.priority,
        tags=request.tags,
        limits=request.limits,
        warnings=tuple(_warnings(request, scan, blender, making)),
    )


# --- what was sent -----------------------------------------------------------------------------------------------


def _of_sent(request: JobRequest, offered: Sequence[Blender], content: Content | None) -> SubmitJob:
    """For a scene whose files were sent. What is said of it names them as they are called where they came from."""
    if content is None:
        raise NotSubmitted("Nothing can be sent to this manager.", "manifest")
    _look_at(request)
    with carried.laid_out(request, content) as there:
        try:
            return _carried(request, offered, there)
        except NotSubmitted as error:
            raise NotSubmitted(there.in_their_words(error.message), error.where, error.kind, error.reason) from None


def _carried(request: JobRequest, offered: Sequence[Blender], there: Carried) -> SubmitJob:
    scan = _scan(there.blend, there.root)
    blender = _bound(request, scan, offered)
    making = _making(request, scan, _Where(request.source, there.windows))
    last_part, name = there.last_part(making.output), re.split(r"[\\/]", making.outputs)[-1]
    if reason := carried.unnameable(name):
        raise NotSubmitted(reason, "settings.output")
    return SubmitJob(
        request_id=request.request_id,
        name=request.name or carried.called(request),
        owner=request.owner,
        scene=Scene(
            blend=request.blend,
            blender=blender,
            launch=request.launch,
            scripts=request.scripts,
            settings=there.settings(last_part),
            allow=request.allow,
            manifest=request.manifest,
        ),
        steps=(making.step,),  # of what is there already only the artist's machine knows
        outputs=there.outputs(name),
        priority=request.priority,
        tags=request.tags,
        limits=request.limits,
        warnings=tuple(map(there.in_their_words, _warnings(request, scan, blender, making))),
        source=request.source,
        home=making.outputs if request.source else "",
    )


# --- where it is asked from --------------------------------------------------------------------------------------


def _as_here(request: JobRequest, shared: Shared) -> JobRequest:
    """The request in the manager's paths. One in the manager's own view is not touched, nor one that is carried."""
    if request.manifest or request.system in ("", shared.view.system):
        return request
    theirs = View(request.system)
    if theirs.windows != shared.view.windows and not in_sight(request.blend, theirs, shared.view, shared.mappings):
        raise NotSubmitted(
            f"{request.blend} is in no folder that this machine and the manager's share. Map its folder "
            "(`brender create mapping`), or let the files be sent.",
            "blend",
        )
    move = mover(theirs, shared.view, shared.mappings)
    return msgspec.structs.replace(
        request,
        blend=move(request.blend),
        settings=moved_settings(request.settings, move),
        scripts=moved_scripts(request.scripts, move),
    )


def _settings(request: JobRequest, making: _Making, shared: Shared) -> Settings:
    """Those of the request. An absolute output of the file's own is said too, where folders have several names: it is
    the manager's, and moves with the others.
    """
    own = making.scene.output
    if not shared.mappings or making.settings.output or own.startswith("//"):
        return request.settings
    return msgspec.structs.replace(request.settings, output=own)


# --- the request itself ------------------------------------------------------------------------------------------


def _look_at(request: JobRequest) -> None:
    """What can be said against it without the file."""
    if not request.request_id:
        raise NotSubmitted("A job wants a request_id of the asker's own making.", "request_id")
    if request.manifest and (problem := carried.wrong(request)):
        raise NotSubmitted(*problem)
    if not request.manifest and not Path(request.blend).is_absolute():
        raise NotSubmitted(f"The path of the .blend is to be absolute, not {request.blend or 'empty'}.", "blend")
    if not 0 <= request.priority <= 100:
        raise NotSubmitted(f"Priority {request.priority} is out of range: it goes from 0 to 100.", "priority")
    if reason := order.refusal(request.order):
        raise NotSubmitted(_sentence(reason), "order")
    if request.batch < 0:
        raise NotSubmitted(f"A batch of {request.batch} tasks makes no sense; 0 leaves it to the scheduler.", "batch")
    if "" in request.tags:
        raise NotSubmitted("A tag is not empty.", "tags")
    _look_at_limits(request)


def _look_at_limits(request: JobRequest) -> None:
    for field, least in (("attempts", 1), ("losses", 1), ("failed_tasks", 0)):
        if getattr(request.limits, field) < least:
            raise NotSubmitted(f"The limit {field} is {least} or more.", f"limits.{field}")
    for field in ("max_run_s", "silence_s"):
        if not getattr(request.limits, field) > 0:
            raise NotSubmitted(f"The limit {field} is more than 0 seconds.", f"limits.{field}")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) or "\n" in text else ".")


def effective(request: JobRequest) -> Settings:
    """What is set on the scene in all: before each script, then last. Blender's order, in which later ones win."""
    given: dict[str, object] = {}
    for settings in (*(script.before for script in request.scripts), request.settings):
        given |= {field: v for field in settings.__struct_fields__ if (v := getattr(settings, field)) is not None}
    return Settings(**given)  # type: ignore[arg-type]  # fields of one Settings fit another


# --- the file ----------------------------------------------------------------------------------------------------


def _scan(blend: str, within: Path | None = None) -> BlendScan:
    try:
        return blendfile.scan(blend, within)
    except Unreadable as error:
        raise NotSubmitted(_sentence(error.message), "blend", error.kind) from None


def _hashes(scan: BlendScan) -> tuple[tuple[str, str], ...]:
    linked = dict.fromkeys(library.path for library in scan.libraries if library.exists)
    try:
        return blendfile.hashes([scan.path, *linked])
    except Unreadable as error:
        raise NotSubmitted(_sentence(error.message), "blend", error.kind) from None


def _scene(wanted: str | None, scan: BlendScan) -> SceneScan:
    if wanted is None:
        if scan.active is None:
            raise NotSubmitted(f"{scan.path} has no scene in it.", "blend", Kind.MISSING_SCENE)
        return scan.active
    for scene in scan.scenes:
        if scene.name == wanted:
            return scene
    names = ", ".join(scene.name for scene in scan.scenes) or "none"
    raise NotSubmitted(
        f"{scan.path} has no scene {wanted}. Its scenes are: {names}.", "settings.scene", Kind.MISSING_SCENE
    )


# --- the Blender -------------------------------------------------------------------------------------------------


def _bound(request: JobRequest, scan: BlendScan, offered: Sequence[Blender]) -> Blender:
    """The one Blender of the job. A file from a newer one is refused: some Blenders die of it without a word."""
    blender = _known(request.blender, offered) if request.blender else _nearest(scan.header.version, offered)
    _refuse_newer(scan.path, scan.header.version, blender)
    for library in scan.libraries:
        if library.exists and (version := _version_of(library.path)):
            _refuse_newer(library.path, version, blender)
    return blender


def _known(asked: Blender, offered: Sequence[Blender]) -> Blender:
    """The one asked for; with its build, where it was named without and a worker has it."""
    alike = (b for b in offered if (b.kind, b.version) == (asked.kind, asked.version) and not asked.build)
    return next(alike, asked)


def _nearest(version: tuple[int, int], offered: Sequence[Blender]) -> Blender:
    """Of the workers' Blenders the one that is nearest to the file's, and not older if that can be."""
    if not offered:
        raise NotSubmitted(
            "No worker is there that a Blender could be chosen of. Start one with `brender worker`, or name a Blender.",
            "blender",
        )
    return min(offered, key=lambda b: (_release(b) < version, _distance(_release(b), version), b.kind == "bpy", str(b)))


def _distance(one: tuple[int, int], other: tuple[int, int]) -> int:
    return abs((one[0] - other[0]) * 100 + one[1] - other[1])


def _release(blender: Blender) -> tuple[int, int]:
    """(3, 4) of "3.4.1"."""
    try:
        major, minor = (int(part) for part in blender.version.split(".")[:2])
    except ValueError:
        raise NotSubmitted(f"{blender.version!r} is no version of Blender, such as 4.5.3.", "blender.version") from None
    return major, minor


def _refuse_newer(path: str, version: tuple[int, int], blender: Blender) -> None:
    if version > _release(blender):
        raise NotSubmitted(
            f"{path} was saved by Blender {_dotted(version)}, which is newer than {blender}, to which the job is "
            "bound. Use a newer Blender, or save the file for an older one.",
            "blend",
            Kind.FILE_NEWER,
        )


def _version_of(library: str) -> tuple[int, int] | None:
    try:
        return blendfile.header(library).version
    except Unreadable:  # the scan names it among its problems
        return None


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


# --- frames and outputs ------------------------------------------------------------------------------------------


def _making(request: JobRequest, scan: BlendScan, where: _Where) -> _Making:
    settings = effective(request)
    scene = _scene(settings.scene, scan)
    frames = _frames(request, settings, scene)
    format = _format(settings, scene)
    output = _output(settings, scene, format, where)
    kind = StepKind.MOVIE if format.is_movie else StepKind.FRAMES
    if kind is StepKind.MOVIE:
        frames = _in_one(frames)
    step = Step(name="render", kind=kind, frames=frames, order=request.order, batch=request.batch)
    outputs = _pattern(output, step) if request.manifest else _owned(output, step)
    return _Making(settings, scene, output, step, outputs)


def _frames(request: JobRequest, settings: Settings, scene: SceneScan) -> FrameSet:
    """Those that are named, else the range: of the settings, and of the scene where they say nothing."""
    try:
        if request.frames:
            return FrameSet.parse(request.frames)
        start = scene.start if settings.start is None else settings.start
        end = scene.end if settings.end is None else settings.end
        return FrameSet.from_range(start, end, scene.step if settings.step is None else settings.step)
    except FramesError as error:
        raise NotSubmitted(_sentence(str(error)), "frames" if request.frames else "settings") from None


def _in_one(frames: FrameSet) -> FrameSet:
    """A movie is one file, and one task: its frames are one range, upwards (C30)."""
    if len(frames.ranges) != 1 or (len(frames) > 1 and frames.ranges[0].step < 0):
        raise NotSubmitted(f"A movie is made of one range of frames, such as 1-250, not of {frames}.", "frames")
    return frames


def _format(settings: Settings, scene: SceneScan) -> Format:
    if format := format_of(settings, scene):
        return format
    known = ", ".join(FORMATS)
    if settings.format:
        text = f"There is no format {settings.format}. There are: {known}."
    else:
        text = f"Scene {scene.name} asks for a format that Blender no longer has. Name another: {known}."
    raise NotSubmitted(text, "settings.format", Kind.UNKNOWN_FORMAT)


def _output(settings: Settings, scene: SceneScan, format: Format, where: _Where) -> Output:
    if format.name == "FFMPEG" and not scene.container:
        text = f"Scene {scene.name} asks for a movie container that Blender no longer has."
        raise NotSubmitted(text, "settings.format", Kind.UNKNOWN_FORMAT)
    output = output_of(settings, scene, format, where.blend, where.windows)
    if where.blend and not (PureWindowsPath if where.windows else PurePosixPath)(output.pattern).is_absolute():
        text = (
            f"The output '{output.pattern}' is not absolute, so nobody knows where it would be. Give an absolute one."
        )
        raise NotSubmitted(text, "settings.output")
    return output


def _owned(output: Output, step: Step) -> str:
    """The final names in one, with the folder as it really is, so that two ways to one place are seen as one."""
    path = Path(_pattern(output, step))
    return str(path.parent.resolve() / path.name)


def _pattern(output: Output, step: Step) -> str:
    """The final names in one."""
    if step.kind is StepKind.MOVIE:
        (span,) = step.frames.ranges
        return movie_path(output, span[0], span[-1])
    return still_pattern(output)


def _without_existing(request: JobRequest, making: _Making) -> Step:
    """The step without the frames that are there and good, where those are not to be rendered again."""
    if making.scene.overwrite and not request.only_missing:
        return making.step
    if making.scene.multiview:  # its files have names that the file's views give them; `_warnings` says so
        return making.step
    found = existing.good(
        making.output, making.step, size_of(making.settings, making.scene) if request.only_missing else None
    )
    left = making.step.frames.without(found)
    if making.step.kind is StepKind.MOVIE:
        left = FrameSet() if found else making.step.frames
    if not len(left):
        raise NotSubmitted(f"All of it is there already, and good: {making.outputs}.", reason="nothing_to_do")
    return msgspec.structs.replace(making.step, frames=left)


# --- what there is to say ----------------------------------------------------------------------------------------


def _warnings(request: JobRequest, scan: BlendScan, blender: Blender, making: _Making) -> Iterable[str]:
    if scan.header.version != _release(blender):
        yield (
            f"{scan.path} was saved by Blender {_dotted(scan.header.version)} and is rendered by {blender}: "
            "the pictures may differ from those that its own Blender makes."
        )
    for library in scan.libraries:
        if not library.exists:
            yield f"The linked library {library.path} is not there."
    for problem in scan.problems:
        yield f"A linked library could not be read: {problem}."
    if making.scene.multiview and (request.only_missing or not making.scene.overwrite):
        yield "The scene renders several views, so what is there already was not looked at: all frames are rendered."
