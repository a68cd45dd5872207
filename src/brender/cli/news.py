# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to say of a job that is followed. Pure: what was said and the job now make the new."""

from dataclasses import dataclass, replace

from brender.cli import show
from brender.cli.exits import Exit
from brender.core.failures import Kind, is_fatal
from brender.core.nouns import JobState
from brender.core.views import FailureView, JobView

ENDED = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})
PATIENT_LOOKS = 10  # how often to look, about two seconds, before the first line goes without the device
FEW = 20  # up to here each frame has a line, where there is no bar; above, each tenth of them


@dataclass(frozen=True)
class Told:
    """What has been said."""

    begun: bool = False
    opened: bool = False
    proved: bool = False
    looks: int = 0
    warnings: frozenset[str] = frozenset()
    failures: frozenset[str] = frozenset()  # by run
    progress: int = 0  # frames, or tenths of them
    paused: bool = False


@dataclass(frozen=True)
class News:
    """What is new: facts, troubles, and a line on the progress, which a bar makes needless."""

    facts: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    progress: str | None = None


def news(told: Told, job: JobView) -> tuple[News, Told]:
    """What to say now, and what has been said then."""
    begins = not told.begun and (job.opened is not None or is_over(job) or told.looks >= PATIENT_LOOKS)
    if not (told.begun or begins):  # nothing comes before the first line
        return News(), replace(told, looks=told.looks + 1)
    facts = [begun(job)] if begins else []
    facts += [_opened(job)] if job.opened is not None and not told.opened else []
    facts += [show.plain(job.proof.message)] if job.proof is not None and _is_proof_new(told, job) else []
    facts += [_paused(job)] if _is_paused(job) and not told.paused else []
    warnings = [w for w in dict.fromkeys(job.warnings) if w not in told.warnings]
    failures = [f for f in job.failures if f.run not in told.failures]
    done = _measure(job)
    return (
        News(
            tuple(facts),
            (*(f"Warning: {show.plain(w)}" for w in warnings), *(_failure(f) for f in failures)),
            progress(job) if done > told.progress else None,
        ),
        replace(
            told,
            begun=told.begun or begins,
            looks=told.looks + 1,
            opened=told.opened or job.opened is not None,
            proved=told.proved or job.proof is not None,
            warnings=told.warnings.union(warnings),
            failures=told.failures.union(f.run for f in failures),
            progress=max(done, told.progress),
            paused=_is_paused(job),
        ),
    )


def is_over(job: JobView) -> bool:
    """Whether nothing more comes of itself: it has ended, or paused by itself and wants a person."""
    return job.state in ENDED or (job.state is JobState.PAUSED and job.kind is not None)


def exit_of(job: JobView) -> Exit:
    """The exit code for a job that is over."""
    if job.state is JobState.COMPLETED:
        return Exit.FAILED if job.errors else Exit.OK
    if job.state is JobState.CANCELLED or job.state is JobState.PAUSED:
        return Exit.CANCELLED
    refused = job.kind is not None and is_fatal(job.kind) and not succeeded(job)
    return Exit.REFUSED if refused else Exit.FAILED


def begun(job: JobView) -> str:
    """The first line: which Blender, on what, of what, and where the frames will be."""
    device = f" on {job.opened.device}" if job.opened else ""
    return show.plain(f"{job.blender}{device} renders {_what(job)} of {job.name} (job {job.id}) to {job.outputs}")


def ending(job: JobView) -> tuple[str, ...]:
    """The last lines; the very last one says where the frames are."""
    told = [show.plain(line) for line in (_verdict(job), _left_out(job)) if line]
    return (*told, show.plain(_where(job)))


def progress(job: JobView) -> str:
    """`12/31 frames, 44.3 frames a minute, 0:26 left`."""
    rate = f", {job.frames_per_minute:.1f} frames a minute" if job.frames_per_minute else ""
    left = f", {show.duration(job.eta_s)} left" if job.eta_s is not None and job.state not in ENDED else ""
    return f"{finished(job)}/{job.tasks} frames{rate}{left}"


def succeeded(job: JobView) -> int:
    """Tasks whose files are good."""
    return job.counts.get("succeeded", 0)


def finished(job: JobView) -> int:
    """Tasks that have ended of themselves: those that were cancelled with their job have not."""
    return sum(job.counts.get(state, 0) for state in ("succeeded", "failed", "skipped"))


def _measure(job: JobView) -> int:
    return finished(job) if job.tasks <= FEW else finished(job) * 10 // job.tasks


def _opened(job: JobView) -> str:
    seen = job.opened
    assert seen is not None
    kept = "scene data kept between frames" if seen.persistent_data else "no scene data kept between frames"
    picture = f"{seen.engine} on {seen.device}, {seen.width}x{seen.height} pixels, {seen.format}"
    return show.plain(f"Opened in {show.duration(seen.open_s)}: {picture}, {kept}")


def _failure(failure: FailureView) -> str:
    again = "" if failure.final else " It is tried again."
    what = failure.message or (failure.kind.value if failure.kind else "no reason given")
    where = f" on {failure.worker}" if failure.worker else ""
    return show.plain(f"Frame {failure.frame} failed{where}: {_sentence(what)}{again}")


def _is_proof_new(told: Told, job: JobView) -> bool:
    """Nor is it news where the job pauses for it, and says so."""
    return not told.proved and not (_is_paused(job) and job.kind is Kind.WARM_DIFFERS)


def _is_paused(job: JobView) -> bool:
    return job.state is JobState.PAUSED or job.pause


def _paused(job: JobView) -> str:
    why = f": {_sentence(job.message)}" if job.message else "."
    return show.plain(f"Job {job.id} is paused{why}")


def _verdict(job: JobView) -> str:
    reason = _sentence(job.message) if job.message else ""
    if job.state is JobState.FAILED:
        return f"The job failed: {reason}" if reason else "The job failed."
    if job.state is JobState.CANCELLED:
        return f"The job was cancelled. {reason}".strip()
    return ""


def _left_out(job: JobView) -> str:
    if not job.errors:
        return ""
    frames = dict.fromkeys(str(f.frame) for f in job.failures if f.final)
    named = f": {', '.join(frames)}" if len(frames) == job.errors else ""
    return f"{show.frames(job.errors)} failed{named}."


def _where(job: JobView) -> str:
    good = succeeded(job)
    took = f" in {show.duration(job.ended_at - job.started_at)}" if job.ended_at and job.started_at else ""
    if job.step == "movie":
        return f"The movie is {job.outputs}, made{took}." if good else "No movie was made."
    if not good:
        return f"No frames were rendered; they belong to {job.outputs}"
    every = show.frames(good) if good == job.tasks else f"{good} of {show.frames(job.tasks)}"
    return f"{every} rendered{took}: {job.outputs}"


def _what(job: JobView) -> str:
    return "a movie" if job.step == "movie" else show.frames(job.tasks)


def _sentence(text: str) -> str:
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."
