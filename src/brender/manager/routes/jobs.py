# SPDX-License-Identifier: GPL-3.0-or-later
"""`/jobs`: submit, list, look into, steer."""

from typing import Annotated, Any

from litestar import Response, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter

from brender.core.nouns import JobState
from brender.core.rights import Right
from brender.core.views import JobPage, JobPatch, JobRequest, JobView, WhyView
from brender.manager.errors import Body, said
from brender.manager.routes.given import JobId, TheAsker, TheService, TheViews
from brender.manager.views import LAST_ID

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="How many, at most.")]
Before = Annotated[int | None, QueryParameter(ge=0, le=LAST_ID, description="Those before it: a page's `before`.")]
InState = Annotated[JobState | None, QueryParameter(name="state", description="Those in this state alone.")]

_KNOWN = {200: ResponseSpec(JobView, description="The job that this request_id made before.", generate_examples=False)}


@post(
    "/jobs", dto=Body[JobRequest], return_dto=None, responses=_KNOWN | said(400, 409, 413, 415, 422), right=Right.SUBMIT
)
async def submit_job(
    data: JSONBody[JobRequest], service: TheService, asker: TheAsker, views: TheViews
) -> Response[JobView]:
    """Submit a job. The same `request_id` again gives the same job, however its file has changed since.

    Frames and outputs come from the file, or from the request; what a Python script of the request will change cannot
    be known here. A 422 with the reason `nothing_to_do` means that every frame is there already, and good.
    """
    if known := await views.job_of_request(data.request_id):
        return Response(await views.job(known), status_code=200)
    job = await service.submit(asker, data)
    return Response(await views.job(job.id), status_code=201)


@get("/jobs", responses=said(400), right=Right.LOOK)
async def list_jobs(views: TheViews, limit: Limit = 50, before: Before = None, in_state: InState = None) -> JobPage:
    """The newest jobs first. Their failures, and what Blender said of their scenes, are in each one's own page."""
    return await views.jobs(limit, before, in_state)


@get("/jobs/{job:int}", responses=said(400, 404), right=Right.LOOK)
async def show_job(job: JobId, views: TheViews) -> JobView:
    """A job as it is now."""
    return await views.job(job)


@get("/jobs/{job:int}/why", responses=said(400, 404), right=Right.LOOK)
async def why_job(job: JobId, views: TheViews) -> WhyView:
    """Why a job is where it is, and what each worker says to it."""
    return await views.why(job)


@post("/jobs/{job:int}/pause", status_code=200, responses=said(400, 404, 409), right=Right.CHANGE_JOBS)
async def pause_job(job: JobId, service: TheService, asker: TheAsker) -> JobView:
    """Start nothing of it any more; what is rendering is finished."""
    return await service.pause(asker, job)


@post("/jobs/{job:int}/resume", status_code=200, responses=said(400, 404, 409), right=Right.CHANGE_JOBS)
async def resume_job(job: JobId, service: TheService, asker: TheAsker) -> JobView:
    """Undo a pause."""
    return await service.resume(asker, job)


@post("/jobs/{job:int}/cancel", status_code=200, responses=said(400, 404), right=Right.CHANGE_JOBS)
async def cancel_job(job: JobId, service: TheService, asker: TheAsker) -> JobView:
    """End it with all that runs of it. Saying it twice, or of a job that has ended, changes nothing."""
    return await service.cancel(asker, job)


@post("/jobs/{job:int}/retry", status_code=200, responses=said(400, 404, 409), right=Right.CHANGE_JOBS)
async def retry_job(job: JobId, service: TheService, asker: TheAsker) -> JobView:
    """Render again what failed, and of an ended job what was cancelled."""
    return await service.retry(asker, job)


@patch(
    "/jobs/{job:int}",
    dto=Body[JobPatch],
    return_dto=None,
    responses=said(400, 404, 409, 413, 415, 422),
    right=Right.CHANGE_JOBS,
)
async def change_job(
    job: JobId, data: JSONBody[JobPatch], service: TheService, asker: TheAsker, views: TheViews
) -> JobView:
    """Change its priority."""
    if data.priority is not None:
        return await service.prioritize(asker, job, data.priority)
    return await views.job(job)


HANDLERS: list[Any] = [
    submit_job, list_jobs, show_job, why_job, pause_job, resume_job, cancel_job, retry_job, change_job,
]  # fmt: skip
