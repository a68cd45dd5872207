# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of verbs. `help`, docs/console.md and completion are made from it; a verb that is not here is none."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from brender.core.commands import Refusal
from brender.core.kinds import right_of
from brender.core.rights import Act, Right
from brender.manager.console import about_jobs, about_objects, about_workers
from brender.manager.console.answer import Answer, Asked, table

Handler = Callable[[Asked], Awaitable[Answer]]


class Verb(msgspec.Struct, frozen=True, kw_only=True):
    """One verb. `session`: it is about the connection itself, which obeys it; elsewhere it says so."""

    name: str
    arguments: str = ""
    line: str  # what it does, in one line
    text: str = ""  # what else there is to know
    examples: tuple[str, ...] = ()
    handler: Handler
    aliases: tuple[str, ...] = ()
    takes: str = ""  # what its words name, for completion: a kind of object, "kind" or "verb"
    session: bool = False
    ends: bool = False  # watched, it comes to an end by itself
    changes: bool = False  # it does something, so it is not for watching
    right: Right | Act | Callable[[Sequence[str]], Right]  # it takes; an `Act`: that of the kind which is named first

    def right_for(self, words: Sequence[str]) -> Right:
        """The right that it takes with these words."""
        if isinstance(self.right, Right):
            return self.right
        return right_of(self.right, words[0] if words else "") if isinstance(self.right, Act) else self.right(words)

    @property
    def usage(self) -> str:
        """How it is typed."""
        return f"{self.name} {self.arguments}".rstrip()


FILTERS = """FILTER is any of: a name, a glob (farm*), attribute=value, attribute!=value, a comparison (cores>=8),
a word such as idle, and all. Names widen the selection, all else narrows it: `farm* idle cores>=8`."""


async def test(asked: Asked) -> Answer:
    """As it was in 2013."""
    return Answer(lines=["test>"])


async def save(asked: Asked) -> Answer:
    """There is nothing to do."""
    return Answer(lines=["Everything is saved: each change is on the disk before it is told."])


async def shutdown(asked: Asked) -> Answer:
    """End the manager in order."""
    asked.service.shutdown()
    return Answer(lines=["The manager ends. Workers go on rendering, and find it again when it is back."], over=True)


async def of_connection(asked: Asked) -> Answer:
    """Where there is none, or more is to be said."""
    raise Refusal(f"Say `{verb_of(asked.verb).usage}`, on a connection to the console.", "invalid")


async def help_(asked: Asked) -> Answer:
    """All verbs, or one of them."""
    if not asked.words:
        shown = table(("verb", "does"), ((verb.usage, verb.line) for verb in VERBS))
        options = "Each takes --json; lists take --page N and --rows N. `help VERB` says more."
        return Answer(lines=[*shown[1:], options], data=[_row(verb) for verb in VERBS])
    verb = verb_of(asked.one("VERB"))
    return Answer(lines=list(explained(verb)), data=[_row(verb)])


def explained(verb: Verb) -> list[str]:
    """A verb, at length."""
    lines = [verb.usage, verb.line, *verb.text.splitlines()]
    if "FILTER" in verb.arguments:
        lines += FILTERS.splitlines()
    if verb.aliases:
        lines.append(f"Also: {', '.join(verb.aliases)}.")
    return [*lines, *(f"    {example}" for example in verb.examples)]


def _of_jobs_or_farm(words: Sequence[str]) -> Right:
    """Numbers, and what has one before a slash, are jobs and their tasks; all else means workers."""
    of_jobs = words and all(word.partition("/")[0].isdecimal() for word in words)
    return Right.CHANGE_JOBS if of_jobs else Right.CHANGE_FARM


def _row(verb: Verb) -> dict[str, object]:
    fields = ("name", "arguments", "line", "text", "examples", "aliases", "takes")
    return {field: getattr(verb, field) for field in fields}


VERBS: tuple[Verb, ...] = (
    Verb(
        name="clients",
        arguments="[FILTER ...]",
        aliases=("workers",),
        line="List the workers: name, status, connection, task.",
        text="A worker that is paused, and a client of 2013 (legacy), say so.",
        examples=("clients enabled idle", "clients farm* cores>=8"),
        handler=about_workers.clients,
        takes="worker",
        right=Right.LOOK,
    ),
    Verb(
        name="enable",
        arguments="FILTER ...",
        line="Let workers take work.",
        text="ALL means every worker. It takes effect at once and survives a restart.",
        examples=("enable alpha", "enable ALL"),
        handler=about_workers.enable,
        changes=True,
        takes="worker",
        right=Right.CHANGE_FARM,
    ),
    Verb(
        name="disable",
        arguments="FILTER ... [now]",
        line="Let workers take no work: they finish what they render, and give back what they have not begun.",
        text="With `now` as its last word they give back what they render, too.",
        examples=("disable alpha beta", "disable farm* busy", "disable alpha now"),
        handler=about_workers.disable,
        changes=True,
        takes="worker",
        right=Right.CHANGE_FARM,
    ),
    Verb(
        name="drain",
        arguments="FILTER ...",
        line="Let workers finish all they hold, and take nothing new.",
        examples=("drain alpha",),
        handler=about_workers.drain,
        changes=True,
        takes="worker",
        right=Right.CHANGE_FARM,
    ),
    Verb(
        name="get",
        arguments="KIND [FILTER ...] [--show ATTRIBUTE,...]",
        line="Show attributes of objects of a kind: worker, job, step, task, tag, share, mapping, setting.",
        examples=("get worker alpha", "get jobs state=active --show id,name,done", "get settings"),
        handler=about_objects.get,
        takes="kind",
        right=Act.SEE,
    ),
    Verb(
        name="set",
        arguments="KIND FILTER ... [--] ATTRIBUTE=VALUE ...",
        line="Set attributes of all that are meant, or of none.",
        text="The attribute=value words at the end are the values; where the filter is attribute=value itself, `--`\n"
        "keeps the two apart.",
        examples=(
            "set worker farm* tags=gpu,fast",
            'set worker wish=disabled -- note="in repair"',
            "set setting legacy_clients value=true",
        ),
        handler=about_objects.set_,
        changes=True,
        takes="kind",
        right=Act.CHANGE,
    ),
    Verb(
        name="create",
        arguments="KIND ATTRIBUTE=VALUE ...",
        line="Make a worker before it comes, a tag, a user's share, a mapping; or submit a job.",
        examples=(
            "create tag name=gpu note=fast",
            "create share user=anna weight=2",
            r'create mapping name=show linux=/mnt/show windows="P:\\show"',
        ),
        handler=about_objects.create,
        changes=True,
        takes="kind",
        right=Act.MAKE,
    ),
    Verb(
        name="delete",
        arguments="KIND FILTER ...",
        line="Delete all that are meant, or none: what is in use stays.",
        examples=("delete tag gpu", "delete job state=cancelled"),
        handler=about_objects.delete,
        changes=True,
        takes="kind",
        right=Act.CHANGE,
    ),
    Verb(
        name="describe",
        arguments="[KIND]",
        line="Say what attributes a kind of object has, and which can be set.",
        examples=("describe worker",),
        handler=about_objects.describe,
        takes="kind",
        right=Right.LOOK,
    ),
    Verb(
        name="jobs",
        arguments="[FILTER ...]",
        line="List the unfinished jobs; with a filter, the ended ones that it means too.",
        examples=("jobs", "jobs all", "jobs owner=anna state=failed"),
        handler=about_jobs.jobs,
        takes="job",
        right=Right.LOOK,
    ),
    Verb(
        name="job",
        arguments="JOB",
        line="Show one job, with what renders now and what failed.",
        text="`watch job JOB` follows it to its end.",
        examples=("job 5", "watch job 5"),
        handler=about_jobs.job,
        takes="job",
        ends=True,
        right=Right.LOOK,
    ),
    Verb(
        name="tasks",
        arguments="JOB [FILTER ...]",
        line="List the tasks of a job, one a frame.",
        examples=("tasks 5", "tasks 5 failed", "tasks 5 frame>=100"),
        handler=about_jobs.tasks,
        takes="job",
        right=Right.LOOK,
    ),
    Verb(
        name="run",
        arguments="BLEND [ATTRIBUTE=VALUE ...]",
        line="Submit a job: render a .blend, named by its absolute path.",
        text="What is not said comes from the file. Jobs that carry Python are not taken here.",
        examples=("run /shots/a.blend frames=1-250 output=/out/a_####.png priority=70",),
        handler=about_jobs.run,
        changes=True,
        right=Right.SUBMIT,
    ),
    Verb(
        name="pause",
        arguments="JOB ... | FILTER ...",
        line="Pause jobs (numbers): nothing more of them starts. Or workers (names): what they render stands still.",
        examples=("pause 5", "pause alpha"),
        handler=about_workers.pause,
        changes=True,
        takes="worker",
        right=_of_jobs_or_farm,
    ),
    Verb(
        name="resume",
        arguments="JOB ... | FILTER ...",
        line="Let paused jobs (numbers) or workers (names) go on.",
        examples=("resume 5", "resume alpha"),
        handler=about_workers.resume,
        changes=True,
        takes="worker",
        right=_of_jobs_or_farm,
    ),
    Verb(
        name="stop",
        arguments="JOB ...",
        line="End jobs with all that runs of them. What is rendered stays.",
        examples=("stop 5",),
        handler=about_jobs.stop,
        changes=True,
        takes="job",
        right=Right.CHANGE_JOBS,
    ),
    Verb(
        name="kill",
        arguments="JOB/STEP/INDEX ... | FILTER ...",
        line="End runs at once, of tasks or of workers, processes and all: their tasks are rendered again.",
        text="Nothing is counted as a failure.",
        examples=("kill 5/0/17", "kill alpha"),
        handler=about_workers.kill,
        changes=True,
        takes="worker",
        right=_of_jobs_or_farm,
    ),
    Verb(
        name="retry",
        arguments="JOB ...",
        line="Render again what failed of jobs; of ended ones, what was cancelled too.",
        examples=("retry 5",),
        handler=about_jobs.retry,
        changes=True,
        takes="job",
        right=Right.CHANGE_JOBS,
    ),
    Verb(
        name="priority",
        arguments="JOB 0-100",
        line="Change a job's place in the queue: higher goes first.",
        examples=("priority 5 90",),
        handler=about_jobs.priority,
        changes=True,
        takes="job",
        right=Right.CHANGE_JOBS,
    ),
    Verb(
        name="log",
        arguments="JOB FRAME",
        line="Show what Blender printed for a frame: the end of it, and page by page what came before.",
        examples=("log 5 17",),
        handler=about_jobs.log,
        takes="job",
        right=Right.LOOK,
    ),
    Verb(
        name="why",
        arguments="JOB",
        line="Say why a job is where it is, and what each worker says to it.",
        examples=("why 5",),
        handler=about_jobs.why,
        takes="job",
        right=Right.LOOK,
    ),
    Verb(
        name="orders",
        arguments="[FILTER ...]",
        line="List what workers have been told to render, and how far they are.",
        examples=("orders", "orders alpha"),
        handler=about_workers.orders,
        takes="worker",
        right=Right.LOOK,
    ),
    Verb(
        name="ping",
        arguments="WORKER",
        line="Ask a worker whether it listens, and how long its answer takes.",
        examples=("ping alpha",),
        handler=about_workers.ping,
        takes="worker",
        right=Right.LOOK,
    ),
    Verb(
        name="save",
        line="Say that everything is saved already.",
        handler=save,
        right=Right.LOOK,
    ),
    Verb(
        name="audit",
        arguments="[FIELD=VALUE ...]",
        line="Show who changed what, when and from where: the newest first.",
        text="Fields: who, door, origin, verb, kind.",
        examples=("audit", "audit verb=disable"),
        handler=about_objects.audit,
        right=Right.AUDIT,
    ),
    Verb(
        name="watch",
        arguments="VERB ...",
        line="Repeat a verb, and show its answer whenever it changes, until a key is pressed.",
        text="Where only whole lines are sent, the key is Enter.",
        examples=("watch clients busy", "watch job 5"),
        handler=of_connection,
        takes="verb",
        session=True,
        right=Right.OPEN,
    ),
    Verb(
        name="more",
        line="Show the next page of the last answer.",
        handler=of_connection,
        session=True,
        right=Right.OPEN,
    ),
    Verb(name="test", line="Answer `test>`, as in 2013.", handler=test, right=Right.OPEN),
    Verb(
        name="login",
        arguments="TOKEN",
        line="Say who you are, with an API token.",
        text="Where people log in (the setting `logins`), a connection may do nothing before. `brender console` does\n"
        "it by itself; `brender tokens create` makes a token.",
        handler=of_connection,
        session=True,
        right=Right.OPEN,
    ),
    Verb(
        name="help",
        arguments="[VERB]",
        line="List the verbs, or explain one.",
        examples=("help disable",),
        handler=help_,
        takes="verb",
        right=Right.OPEN,
    ),
    Verb(
        name="shutdown",
        line="End the manager in order. Workers finish what they hold, and wait for it.",
        handler=shutdown,
        changes=True,
        right=Right.SHUTDOWN,
    ),
    Verb(
        name="quit",
        line="Close the connection.",
        aliases=("exit",),
        handler=of_connection,
        session=True,
        right=Right.OPEN,
    ),
)

_BY_NAME = {name: verb for verb in VERBS for name in (verb.name, *verb.aliases)}


def verb_of(word: str) -> Verb:
    """A verb by its name in any case; `Refusal` for what is none."""
    if verb := _BY_NAME.get(word.lower()):
        return verb
    near = [name for name in _BY_NAME if name.startswith(word.lower()[:3])]
    hint = f" Is it {' or '.join(near)}?" if near else ""
    raise Refusal(f"There is no verb {word[:40]}.{hint} `help` lists what there is.", "invalid")
