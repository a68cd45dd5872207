# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender jobs | job | why | pause | resume | retry | cancel | priority`: what a job is, and what to do with it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import click

from brender.cli import show
from brender.cli.connect import Place, json_option, place_options
from brender.cli.errors import exit_of, say
from brender.cli.exits import Exit
from brender.cli.objects import complete_word, say_changed
from brender.cli.sheet import write_sheet
from brender.client.api import Client
from brender.client.errors import ApiError
from brender.core.views import FrameRecord, JobAction, JobView

PAGE = 200  # records asked for at once
STATES = click.Choice(["queued", "active", "paused", "completed", "failed", "cancelled"])


@click.command("jobs")
@click.option("--state", type=STATES, help="Only those in this state.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many, the newest first."
)
@click.option("--before", type=int, metavar="ID", help="Those before this job.")
@json_option
@place_options
def jobs_command(
    state: str | None, limit: int, before: int | None, as_json: bool, manager: str | None, data: str | None
) -> None:
    """List the jobs, the newest first."""
    with Place.of(manager, data).connect() as client:
        page = client.jobs(limit, before, state)
    if as_json:
        return show.print_json(page)
    head = ("ID", "STATE", "DONE", "FRAMES", "LEFT", "PRIORITY", "NAME", "BLENDER", "FOLDER")
    show.table(head, [_row(job) for job in page.jobs], "There are no jobs.")
    return None


@click.command("job")
@click.argument("job", metavar="ID", type=int)
@click.option("--frames", "with_frames", is_flag=True, help="Show the record of each frame.")
@click.option("--sheet", type=click.Path(dir_okay=False), help="Write a contact sheet of its thumbnails there (PNG).")
@click.option("--columns", type=click.IntRange(1, 100), help="Columns of the contact sheet.")
@json_option
@place_options
def job_command(
    job: int,
    with_frames: bool,
    sheet: str | None,
    columns: int | None,
    as_json: bool,
    manager: str | None,
    data: str | None,
) -> None:
    """Show a job."""
    with Place.of(manager, data).connect() as client:
        view = client.job(job)
        if sheet:
            write_sheet(client, job, Path(sheet), columns)
        records = list(frame_records(client, job)) if with_frames else []
    if as_json:
        show.print_json({"job": view, "frames": records} if with_frames else view)
    elif with_frames:
        _show_frames(records)
    elif not sheet:
        print("\n".join(described(view)))


@click.command("why")
@click.argument("job", metavar="ID", type=int)
@json_option
@place_options
def why_command(job: int, as_json: bool, manager: str | None, data: str | None) -> None:
    """Say why a job is where it is."""
    with Place.of(manager, data).connect() as client:
        why = client.why(job)
    if as_json:
        return show.print_json(why)
    for sentence in why.sentences:
        print(show.plain(sentence))
    for worker in why.workers:
        print(f"  {show.plain(worker.name)}: {show.plain(worker.reason or 'may take it')}")
    return None


def _act_on(jobs: Sequence[int], action: JobAction, place: Place) -> Exit:
    code = Exit.OK
    with place.connect() as client:
        for job in dict.fromkeys(jobs):
            try:
                view = client.act(job, action)
                print(f"Job {job} ({show.plain(view.name)}) is {_state(view)}.")
            except ApiError as error:
                if error.status == 0:
                    raise
                say(f"Error: job {job}: {error.message}")
                code = exit_of(error)
    return code


def _action(name: JobAction, text: str) -> click.Command:
    @click.command(name, help=text)
    @click.argument("jobs", metavar="ID...", type=int, nargs=-1, required=True)
    @place_options
    def command(jobs: tuple[int, ...], manager: str | None, data: str | None) -> Exit:
        return _act_on(jobs, name, Place.of(manager, data))

    return command


def _jobs_or_workers(name: Literal["pause", "resume"], text: str) -> click.Command:
    @click.command(name, help=text)
    @click.argument("words", metavar="ID... | FILTER...", nargs=-1, required=True, shell_complete=complete_word)
    @place_options
    def command(words: tuple[str, ...], manager: str | None, data: str | None) -> Exit:
        place = Place.of(manager, data)
        if all(word.isdecimal() for word in words):
            return _act_on([int(word) for word in words], name, place)
        with place.connect() as client:
            say_changed(client.order(words, name), "worker", f"{name.removesuffix('e')}ed")
        return Exit.OK

    return command


pause_command = _jobs_or_workers(
    "pause",
    "Start nothing more of jobs (numbers), or stop workers (names) with all they render. What a paused job renders now "
    "is finished; what a paused worker renders stands still until it is resumed.",
)
resume_command = _jobs_or_workers("resume", "Let paused jobs, or workers, go on.")
retry_command = _action("retry", "Render what failed, or was cancelled, once more.")
cancel_command = _action("cancel", "End jobs. What is rendered stays.")


@click.command("priority")
@click.argument("job", metavar="ID", type=int)
@click.argument("priority", metavar="N", type=click.IntRange(0, 100))
@place_options
def priority_command(job: int, priority: int, manager: str | None, data: str | None) -> None:
    """Change a job's priority: 0 to 100, higher first, 50 unless set."""
    with Place.of(manager, data).connect() as client:
        view = client.set_priority(job, priority)
    print(f"Job {job} ({show.plain(view.name)}) has priority {view.priority}.")


def frame_records(client: Client, job: int) -> Iterator[FrameRecord]:
    """All records of a job, page after page."""
    first, total = 0, 1
    while first < total:
        page = client.frames(job, first, PAGE)
        yield from page.frames
        first, total = first + PAGE, page.total


def described(job: JobView) -> list[str]:
    """A job in lines."""
    facts = [
        ("state", _state(job)),
        ("frames", f"{job.frames}: {_counted(job)}"),
        ("speed", _speed(job)),
        ("file", job.blend),
        ("outputs", job.outputs),
        ("home", job.home),
        ("Blender", str(job.blender)),
        ("scene", _opened(job)),
        ("warm", job.proof.message if job.proof else ""),
        ("owner", job.owner),
        ("priority", str(job.priority)),
        ("tags", ", ".join(job.tags)),
        ("submitted", show.clock(job.submitted_at)),
        ("started", show.clock(job.started_at)),
        ("ended", show.clock(job.ended_at)),
        ("message", job.message),
        *[("warning", warning) for warning in job.warnings],
        *[("rendering", f"frame {run.frame} on {run.worker}, {run.fraction:.0%}") for run in job.runs],
    ]
    lines = [f"{name:>10}  {show.plain(value)}" for name, value in facts if value not in ("", "-")]
    return [f"Job {job.id}: {show.plain(job.name)}", *lines]


def _row(job: JobView) -> tuple[str, ...]:
    left = show.duration(job.eta_s) if job.state.value == "active" else "-"
    done = f"{job.done:.0%}"
    return (
        str(job.id), _state(job), done, job.frames, left, str(job.priority), job.name, str(job.blender), job.folder,
    )  # fmt: skip


def _state(job: JobView) -> str:
    if job.state.value == "completed" and job.errors:
        return "completed with errors"
    return "pausing" if job.pause and job.state.value == "active" else job.state.value


def _counted(job: JobView) -> str:
    counted = ", ".join(f"{count} {name}" for name, count in job.counts.items() if count)
    return f"{job.done:.0%} done ({counted})"


def _speed(job: JobView) -> str:
    if job.frames_per_minute is None:
        return ""
    left = f", {show.duration(job.eta_s)} left" if job.eta_s is not None else ""
    return f"{job.frames_per_minute:.1f} frames a minute{left}"


def _opened(job: JobView) -> str:
    seen = job.opened
    return f"{seen.engine} on {seen.device}, {seen.width}x{seen.height}, {seen.format}" if seen else ""


def _show_frames(records: Sequence[FrameRecord]) -> None:
    head = (
        "FRAME", "STATE", "FAILURES", "WORKER", "ENDED", "RENDER", "WRITE", "MEMORY", "BLENDER", "DEVICE",
        "SIZE", "SHA-256", "FILE",
    )  # fmt: skip
    rows = [row for record in records for row in _frame_rows(record)]
    show.table(head, rows, "The job has no frames.")


def _frame_rows(record: FrameRecord) -> list[tuple[str, ...]]:
    took = (show.duration(record.render_s), show.duration(record.write_s), f"{record.peak_memory_mb:.0f} MB")
    facts = (
        str(record.frame), record.state, str(record.failures), record.worker or "-", show.clock(record.ended_at),
        *(took if record.files else ("-", "-", "-")), record.blender or "-", record.device or "-",
    )  # fmt: skip
    files = [(show.size(file.size), file.sha256, file.path) for file in record.files]
    return [(*facts, *file) for file in files] or [(*facts, "-", "-", record.message or "-")]
