# SPDX-License-Identifier: GPL-3.0-or-later
"""C10: a job is cancelled while five workers, over the real protocol, ask for more of it."""

import asyncio

from brender.core import commands as c
from brender.core import messages as m
from brender.core.frames import FrameSet
from brender.core.nouns import Job, JobState, Step, StepKind, TaskState
from brender.core.scene import Scene
from tests.farm_builder import BLENDER
from tests.orders.conftest import ME, House, until


async def submit(house: House) -> Job:
    """A thousand frames that pretend workers can take."""
    job: Job = await house.manager.engine.command(
        c.SubmitJob(
            by=ME,
            request_id="r",
            name="a",
            owner="ada",
            scene=Scene(blend="/s/a.blend", blender=BLENDER),
            steps=(Step(name="render", kind=StepKind.FRAMES, frames=FrameSet.parse("1-1000")),),
            outputs="/o/####.png",
        )
    )
    return job


async def test_cancel_while_five_workers_ask(house: House) -> None:
    async with house.pretends(5) as workers:
        job = await submit(house)
        await until(lambda: all(worker.runs for worker in workers))
        asking = [worker.report(m.Rendered, worker.runs.pop(0), result=m.Result(render_s=9)) for worker in workers]
        cancelled, *_ = await asyncio.gather(house.service.cancel(ME, job.id), *asking)
        assert cancelled.state is JobState.CANCELLED
        again = await house.service.cancel(ME, job.id)  # saying it twice is fine
        assert again == cancelled
        for worker in workers:
            await house.service.ping(worker.name)  # all that was told before it has arrived
        assert not any(worker.runs for worker in workers)
        assert all(worker.of(m.Stop) for worker in workers)
        for worker in workers:
            stopped = next(n for n, said in enumerate(worker.heard) if isinstance(said, m.Stop))
            assert not any(isinstance(said, m.Assign) for said in worker.heard[stopped:])
        assert not house.manager.engine.farm.runs
        assert not house.manager.engine.farm.jobs
        over = await house.ended(job)
        assert over.counts[TaskState.CANCELLED] + over.counts[TaskState.SUCCEEDED] == 1000
        assert over.errors == 0
