# SPDX-License-Identifier: GPL-3.0-or-later
"""`/jobs/{job}/…`: a job's frames, their records, states, logs and pictures."""

import asyncio
import codecs
import mimetypes
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, overload

from litestar import MediaType, Request, Response, get
from litestar.params import PathParameter, QueryParameter

from brender.core.commands import Refusal
from brender.core.lifecycle import RUN_LIVE
from brender.core.nouns import Job, Run, TaskState
from brender.core.rights import Right
from brender.core.views import FramePage
from brender.manager.errors import Wrong, said
from brender.manager.files import Files
from brender.manager.routes import files as bodies
from brender.manager.routes.given import FrameNumber, JobId, TheCarrying, TheFiles, TheViews
from brender.manager.views import LAST_ID, Views

if TYPE_CHECKING:
    from brender.imaging.sheet import Cell

LOG_PIECE = 256 * 1024  # bytes of one answer

First = Annotated[int, QueryParameter(ge=0, le=LAST_ID, description="The index of the first task.")]
Count = Annotated[int, QueryParameter(ge=1, le=1000, description="How many tasks, at most.")]
RunId = Annotated[str | None, QueryParameter(name="run", description="The log of this run …")]
Frame = Annotated[int | None, QueryParameter(description="… or of this frame's last run.")]
Offset = Annotated[int, QueryParameter(ge=0, le=2**53, description="Where to begin: the last answer's X-Next-Offset.")]
FileNumber = Annotated[int, PathParameter(ge=0, le=2**31, description="Which of its files, counted from 0.")]
Columns = Annotated[int | None, QueryParameter(ge=1, le=40, description="How many pictures stand side by side.")]


@get("/jobs/{job:int}/frames", responses=said(400, 404), right=Right.LOOK)
async def list_frames(job: JobId, views: TheViews, first: First = 0, count: Count = 100) -> FramePage:
    """The records of a job's frames, in the order of their index."""
    return await views.frames(job, first, count)


@get("/jobs/{job:int}/states", media_type="application/octet-stream", responses=said(400, 404), right=Right.LOOK)
async def packed_states(job: JobId, views: TheViews) -> bytes:
    """The state of every task, a byte each: 0 ready, 1 waiting, 2 assigned, 3 running, 4 succeeded, 5 failed,
    6 cancelled, 7 skipped.
    """
    return await views.states(job)


# --- logs --------------------------------------------------------------------------------------------------------


@get("/jobs/{job:int}/log", media_type=MediaType.TEXT, responses=said(400, 404), right=Right.LOOK)
async def read_log(
    job: JobId, views: TheViews, files: TheFiles, run_id: RunId = None, frame: Frame = None, offset: Offset = 0
) -> Response[str]:
    """What Blender printed in a run, a piece of it. Where the next one begins is in the header X-Next-Offset.

    Bytes that are no UTF-8 are replacement characters.
    """
    run = await _run(views, job, run_id, frame)
    text, after = await asyncio.to_thread(log_piece, files.log_path(job, run.id), offset, run.state not in RUN_LIVE)
    return Response(text, media_type=MediaType.TEXT, headers={"X-Next-Offset": str(after)})


async def _run(views: Views, job: int, run: str | None, frame: int | None) -> Run:
    if run is not None:
        return await views.run(job, run)
    if frame is not None:
        return await views.latest_run(job, frame)
    raise Wrong(400, "Whose log: say ?run= or ?frame=.", "run")


def log_piece(path: Path, offset: int, is_whole: bool) -> tuple[str, int]:
    """A piece of a log, and where the next one begins. A character that is not all there yet waits for its rest."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            found = file.read(LOG_PIECE)
    except FileNotFoundError:
        return "", offset
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(found, final=is_whole and len(found) < LOG_PIECE)
    return text, offset + len(found) - len(decoder.getstate()[0])


# --- pictures ----------------------------------------------------------------------------------------------------


@get(
    "/jobs/{job:int}/frames/{frame:int}/thumbnail", media_type="image/jpeg", responses=said(400, 404), right=Right.LOOK
)
async def show_thumbnail(job: JobId, frame: FrameNumber, views: TheViews, files: TheFiles) -> bytes:
    """A frame, small (JPEG)."""
    path = files.thumbnail_path(job, 0, await views.index_of(job, frame))
    picture = await asyncio.to_thread(_read, path)
    if picture is None:
        raise Refusal(f"Frame {frame} of job {job} has no thumbnail: it has not been rendered.", "not_found")
    return picture


@get("/jobs/{job:int}/sheet", media_type="image/png", responses=said(400, 404), right=Right.LOOK)
async def show_sheet(job: JobId, views: TheViews, files: TheFiles, columns: Columns = None) -> bytes:
    """A contact sheet of the job's thumbnails (PNG)."""
    row, states = await views.row(job), await views.states(job)
    return await asyncio.to_thread(_sheet, Cells(row, states, files), columns)


def _sheet(cells: "Cells", columns: int | None) -> bytes:
    from brender.imaging import sheet as sheets

    job = cells.job
    page = sheets.sheet(cells, job.name, f"{job.blender} · {job.outputs}", columns)
    return sheets.png(page)


class Cells(Sequence["Cell"]):
    """A job's frames as the sheet wants them, each made when it is looked at: of a million, the sheet shows few."""

    def __init__(self, job: Job, states: bytes, files: Files) -> None:
        self.job = job
        self._states = states
        self._files = files

    def __len__(self) -> int:
        return len(self._states)

    @overload
    def __getitem__(self, index: int) -> "Cell": ...
    @overload
    def __getitem__(self, index: slice) -> "Sequence[Cell]": ...
    def __getitem__(self, index: int | slice) -> "Cell | Sequence[Cell]":
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        from brender.imaging.sheet import Cell

        path = self._files.thumbnail_path(self.job.id, 0, index)
        frame = self.job.steps[0].frames.frame(index)
        return Cell(str(frame), lambda: _read(path), TaskState(self._states[index]).name.lower())


# --- the frames themselves ---------------------------------------------------------------------------------------


@get(
    "/jobs/{job:int}/frames/{frame:int}/files/{number:int}",
    responses=said(400, 404),
    right=Right.LOOK,
)
async def fetch_frame_file(
    request: Request[Any, Any, Any],
    job: JobId,
    frame: FrameNumber,
    number: FileNumber,
    views: TheViews,
    carrying: TheCarrying,
) -> Response[Any]:
    """A file of a frame that is done, whole or a range of it; its ETag is its SHA-256."""
    row = await views.row(job)
    run = await views.latest_run(job, frame)
    file, read = await asyncio.to_thread(carrying.finished, row, run, number)
    name = re.split(r"[/\\]", file.final)[-1]
    return await bodies.given(request, file.size, read, file.sha256, _media_type(name), name)


def _media_type(name: str) -> str:
    """Of pictures and movies; all else is bytes, and no browser's business."""
    known = {".exr": "image/x-exr", ".hdr": "image/vnd.radiance"}.get(Path(name).suffix.lower())
    guessed = known or mimetypes.guess_type(name, strict=True)[0] or ""
    return guessed if guessed.startswith(("image/", "video/")) and "svg" not in guessed else bodies.OCTETS


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


HANDLERS: list[Any] = [list_frames, packed_states, read_log, show_thumbnail, show_sheet, fetch_frame_file]
