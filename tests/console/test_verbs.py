# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs: objects of every kind, jobs and tasks, pages, watching; and that the table of them is whole."""

import asyncio
import json
import re

import pytest

from brender.core.commands import By
from brender.core.kinds import KINDS
from brender.core.nouns import JobState
from brender.core.nouns import Limits as JobLimits
from brender.core.rights import LOCAL
from brender.manager.console.asking import ask
from brender.manager.console.verbs import VERBS
from brender.manager.console.wire import Limits
from tests.console.conftest import PROMPT, Place

WANTED = """clients enable disable drain get set create delete describe jobs job tasks run pause resume stop kill retry
priority log why orders save shutdown audit quit test help watch"""
BY = By(who="test", door="console", principal=LOCAL)


# --- the table ---------------------------------------------------------------------------------------------------


def test_the_table_has_every_verb_that_was_asked_for() -> None:
    assert set(WANTED.split()) <= {verb.name for verb in VERBS}


def test_no_two_verbs_have_one_name_and_each_explains_itself() -> None:
    names = [name for verb in VERBS for name in (verb.name, *verb.aliases)]
    assert len(names) == len(set(names))
    assert all(verb.line.endswith(".") for verb in VERBS)


async def test_help_lists_every_verb_and_explains_each(console: Place) -> None:
    talk = await console.talk()
    listed = (await talk.ask("HELP")).splitlines()
    assert [line.split()[0] for line in listed[:-1]] == [verb.name for verb in VERBS]
    for verb in VERBS:
        assert (await talk.ask(f"help {verb.name}")).splitlines()[:2] == [verb.usage, verb.line]


async def test_an_example_of_help_is_a_line_that_is_understood(farm: Place) -> None:
    for verb in VERBS:
        for example in verb.examples:
            if verb.name != "shutdown":
                answer = await ask(farm.house.service, BY, example)
                assert "verb" not in "".join(answer.lines) or verb.session, example
                assert "mistake" not in "".join(answer.lines), example


async def test_a_word_that_is_no_verb_is_told_with_those_that_are_near(console: Place) -> None:
    talk = await console.talk()
    assert await talk.ask("clientz") == "There is no verb clientz. Is it clients? `help` lists what there is.\n"


@pytest.mark.parametrize("verb", [v.name for v in VERBS if not v.session and v.name != "shutdown"])
async def test_every_verb_takes_json(farm: Place, verb: str) -> None:
    example = next((v.examples[0] for v in VERBS if v.name == verb and v.examples), verb)
    said = json.loads((await ask(farm.house.service, BY, f"{example} --json")).json)
    assert said["ok"] is ("error" not in said)


# --- objects -----------------------------------------------------------------------------------------------------


async def test_an_object_is_made_read_set_and_deleted(console: Place) -> None:
    """R7."""
    talk = await console.talk()
    assert await talk.ask("create tag name=gpu") == "tag gpu created.\n"
    assert await talk.ask('set tag gpu note="two words"') == "gpu\n1 tag set.\n"
    assert await talk.ask("get tag gpu") == "name: gpu\nnote: two words\nworkers: 0\njobs: 0\n"
    assert await talk.ask("delete tag gpu") == "gpu\n1 tag deleted.\n"
    assert await talk.ask("get tags") == "There are no tags.\n"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("get", "Say `get KIND [FILTER]`."),
        ("get teapot", "There is no kind of object called 'teapot'"),
        ("get worker alpha --show colour", "A worker has no attribute 'colour'"),
        ("set worker alpha", "Say what to set: attribute=value."),
        ("set worker note=x", "Say which workers: by name, by a filter, or all."),
        ("set worker alpha id=5", "The attribute id of a worker is read-only."),
        ("set worker alpha -- wish", "'wish' gives no attribute a value: say attr=value."),
        ("set worker alpha name=bravo", "There is a worker bravo already."),
        ("set setting lease_s value=1", "lease_s: 1 is out of range: it goes from 5 to 86400."),
        ("create worker", "A new worker needs name."),
        ("create tag gpu", "'gpu' gives no attribute a value: say attribute=value."),
        ("create task frame=1", "A task is a frame of a job: submit a job."),
        ("create job blend=/a.blend scripts=x", "A job that carries Python (scripts) is not taken here"),
        ("run /a.blend python_expr=x", "A job that carries Python (python_expr) is not taken here"),
        ("delete worker", "Say which workers: by name, by a filter, or all."),
        ("delete worker alpha", "Worker alpha is online: stop it before you delete it."),
        ("delete setting lease_s", "A setting cannot be deleted: set it to its default."),
        ('set worker alpha note="x', "A quotation mark is not closed."),
        ("clients --page 0", "--page wants a number from 1 to 1000000."),
        ("job", "Say `job JOB`."),
        ("job x", "x is no number."),
        ("job 99", "There is no job 99."),
        ("tasks 99", "There is no job 99."),
        ("tasks", "Say `tasks JOB [FILTER]`."),
        ("get tasks failed", "Say of which job, such as job=5"),
        ("stop 99", "There is no job 99."),
        ("priority 1 101", "priority: 101 is out of range: it goes from 0 to 100."),
        ("log 1", "Say `log JOB FRAME`."),
        ("log 1 99", "Job 1 has no frame 99; it renders 1."),
        ("why 99", "There is no job 99."),
        ("kill 1/0/7", "Nothing of task 1/0/7 goes on now."),
        ("kill alpha 1/0/0", "Name workers, or tasks, not both at once."),
        ("audit colour=red", "The audit log is not asked by colour"),
        ("audit everything", "The audit log is asked by field=value"),
        ("more", "There is nothing more."),
        ("watch", "Say `watch VERB ...`, on a connection to the console."),
        ("watch disable ALL", "`disable` changes things: it is not for watching."),
    ],
)
async def test_what_cannot_be_is_a_sentence_and_changes_nothing(farm: Place, line: str, sentence: str) -> None:
    talk = await farm.talk()
    before = farm.house.store.saved
    assert (await talk.ask(line)).startswith(sentence)
    assert farm.house.store.saved == before


async def test_every_kind_is_described(console: Place) -> None:
    talk = await console.talk()
    for kind in KINDS.values():
        said = await talk.ask(f"describe {kind.plural}")
        assert [a.name for a in kind.attributes] == re.findall(r"^(\w+)  ", said, re.MULTILINE)[1:]


async def test_the_audit_log_says_who_did_what_from_where(farm: Place) -> None:
    talk = await farm.talk()
    await talk.ask("disable alpha bravo")
    newest = (await talk.ask("audit --rows 1")).splitlines()[0]
    assert newest.endswith("console (console, 127.0.0.1)  disable  worker  alpha, bravo")
    assert len((await talk.ask("audit verb=disable kind=client who=console")).splitlines()) == 1


# --- jobs --------------------------------------------------------------------------------------------------------


async def test_a_job_is_listed_followed_paused_resumed_and_stopped(farm: Place) -> None:
    """R23."""
    talk, house = await farm.talk(), farm.house
    await talk.ask("disable ALL")
    job = await house.submit("1-10", name="shot")
    assert "2  queued  0/10  priority 50  shot" in await talk.ask("jobs")
    assert await talk.ask("priority 2 90") == "Job 2 has priority 90.\n"
    assert await talk.ask("pause 2") == "1 job will start nothing more.\n"
    assert house.engine.farm.jobs[job.id].state is JobState.PAUSED
    assert (await talk.ask("why 2")).startswith("Job 2 is paused. It goes on when it is resumed.\n")
    assert await talk.ask("resume 2") == "1 job resumed.\n"
    assert len((await talk.ask("tasks 2")).splitlines()) == 10
    assert await talk.ask("tasks 2 frame>=10") == "2/0/9  frame 10  ready\n"
    assert await talk.ask("stop 2") == "Job 2 is cancelled.\n"
    assert "2  cancelled" not in await talk.ask("jobs")
    assert "2  cancelled" in await talk.ask("jobs all")
    assert await talk.ask("tasks 2 frame=10") == "2/0/9  frame 10  cancelled\n"
    assert await talk.ask("retry 2") == "Job 2 is queued.\n"
    assert await talk.ask("stop 1 2") == "Job 1 is cancelled.\nJob 2 is cancelled.\n"
    assert await talk.ask("delete job state=cancelled") == "2\n1\n2 jobs deleted.\n"


@pytest.mark.parametrize("verb", ["pause", "stop"])
async def test_of_several_jobs_none_is_touched_where_one_is_not_there(farm: Place, verb: str) -> None:
    talk, house = await farm.talk(), farm.house
    job = await house.submit("1-3")
    assert "There is no job 999." in await talk.ask(f"{verb} {job.id} 999")
    assert not house.engine.farm.jobs[job.id].pause


async def test_ended_jobs_are_found_by_number_state_and_attribute(farm: Place) -> None:
    talk, house = await farm.talk(), farm.house
    await house.submit("1-3", owner="anna", name="one")
    await house.submit("1-3", owner="anna", name="two")
    await talk.ask("stop 2")
    assert [line.split()[0] for line in (await talk.ask("jobs owner=anna")).splitlines()] == ["3", "2"]
    assert [line.split()[0] for line in (await talk.ask("jobs cancelled")).splitlines()] == ["2"]
    assert [line.split()[0] for line in (await talk.ask("jobs 2 3")).splitlines()] == ["3", "2"]
    assert await talk.ask("jobs 2 99") == "There is no job called 99.\n"
    assert await talk.ask("jobs owner=bob") == "No job fits.\n"


async def test_a_failed_task_is_made_ready_again_by_its_attribute(farm: Place) -> None:
    talk, house = await farm.talk(), farm.house
    job = await house.submit("1-2", limits=JobLimits(attempts=1))
    runs = [run for run in house.held() if run.job == job.id]
    await house.fail(runs[0])
    failed = (await talk.ask(f"tasks {job.id} failed")).split()[0]
    assert await talk.ask(f"set task {failed} state=ready") == f"{failed}\n1 task set.\n"
    assert await talk.ask(f"tasks {job.id} failed") == ""


async def test_a_log_is_read_from_its_end(farm: Place) -> None:
    talk, house = await farm.talk(), farm.house
    (run,) = house.held()
    assert await talk.ask("log 1 1") == "Nothing has been printed for frame 1 of job 1 yet.\n"
    house.files.append_log(run, "".join(f"line {n}\n" for n in range(120)))
    first = (await talk.ask("log 1 1")).splitlines()
    assert (len(first), first[1], first[-1]) == (51, "line 70", "line 119")
    second = (await talk.ask("more")).splitlines()
    assert (second[1], second[-1]) == ("line 20", "line 69")
    assert (await talk.ask("more")).splitlines()[-1] == "line 19"
    assert await talk.ask("more") == "There is nothing more.\n"


async def test_orders_say_what_workers_render(farm: Place) -> None:
    talk = await farm.talk()
    assert await talk.ask("orders") == "alpha  1/0/0  frame 1  assigned  0%\n"
    assert await talk.ask("orders bravo") == "No worker renders anything now.\n"


async def test_a_killed_run_is_ended_and_its_worker_paused_and_resumed(farm: Place) -> None:
    talk = await farm.talk()
    assert (await talk.ask("kill alpha")).startswith("1/0/0\n1 run ended")
    assert await talk.ask("pause alpha") == "alpha\n1 worker paused.\n"
    assert "alpha  enabled  online  paused" in await talk.ask("clients")
    assert await talk.ask("resume alpha") == "alpha\n1 worker resumed.\n"


# --- pages -------------------------------------------------------------------------------------------------------


async def test_a_long_answer_comes_in_pages_that_nobody_waits_for(console: Place) -> None:
    talk = await console.talk()
    for n in range(120):
        await talk.ask(f"create worker name=w{n:03}")
    first = (await talk.ask("clients")).splitlines()
    assert len(first) == 51
    assert first[-1] == "-- 1 to 50 of 120 workers; `more`, or --page 2, shows the next"
    assert (await talk.ask("more")).splitlines()[0] == "w050  enabled  offline"
    assert (await talk.ask("more")).splitlines()[-1] == "-- 101 to 120 of 120 workers"
    assert await talk.ask("more") == "There is nothing more.\n"
    assert (await talk.ask("clients w00* --page 2 --rows 4")).splitlines()[:4] == [
        f"w00{n}  enabled  offline" for n in range(4, 8)
    ]
    assert await talk.ask("clients --page 9") == "There are 120 workers: page 9 has none.\n"
    assert json.loads(await talk.ask("clients --json"))["count"] == 120


# --- watching ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [Limits(watch_s=0.05)])
async def test_watch_shows_each_change_until_a_key_is_pressed(console: Place) -> None:
    talk, other = await console.talk(), await console.talk()
    await talk.send(b"watch clients\n")
    await asyncio.sleep(0.2)
    await other.ask("create worker name=alpha")
    assert await talk.until(b"offline\n") == b"\nalpha  enabled  offline\n"
    await other.ask("disable alpha")
    assert await talk.until(b"offline\n") == b"\nalpha  disabled  offline\n"
    await talk.send(b"q")
    assert await talk.until(PROMPT) == b"\n> "
    assert await talk.ask("test") == "test>\n"


@pytest.mark.parametrize("limits", [Limits(watch_s=0.05)])
async def test_a_line_that_ends_a_watch_is_obeyed_and_an_empty_one_is_not(console: Place) -> None:
    talk = await console.talk()
    await talk.send(b"watch tags\n")
    assert await talk.until(b"verb tags") == b"There is no verb tags"
    await talk.until(PROMPT)
    await talk.send(b"watch get tags\n")
    await talk.until(b"tags.\n\n")
    await talk.send(b"\n")
    assert await talk.until(PROMPT) == PROMPT
    await talk.send(b"watch get tags\n")
    await talk.until(b"tags.\n\n")
    await talk.send(b"test\n")
    assert await talk.until(PROMPT) == PROMPT
    assert await talk.until(PROMPT) == b"test>\n> "


@pytest.mark.parametrize("limits", [Limits(watch_s=0.05)])
async def test_a_job_is_followed_to_its_end_by_who_says_nothing_more(farm: Place) -> None:
    """R23: also from a pipe, which half-closes."""
    following = asyncio.create_task(farm.say(b"watch job 1\n"))
    await asyncio.sleep(0.2)
    (alpha,) = [id_ for id_, w in farm.house.engine.farm.workers.items() if w.record.name == "alpha"]
    assert await farm.house.render_all(alpha) == 1
    said = (await following).decode()
    assert "state: queued" in said
    assert "state: completed" in said.split("state:")[-1] or said.split("state: ")[-1].startswith("completed")


# --- the manager -------------------------------------------------------------------------------------------------


async def test_save_says_that_all_is_saved_and_shutdown_ends_in_order(console: Place) -> None:
    """R18."""
    talk = await console.talk()
    assert (await talk.ask("save")).startswith("Everything is saved")
    assert not console.house.ended
    assert (await talk.ask("shutdown")).startswith("The manager ends.")
    assert console.house.ended


async def test_what_others_called_things_moves_no_cursor(farm: Place) -> None:
    await farm.house.join("evil\x1b[2J\nfake")
    talk = await farm.talk()
    assert "\x1b" not in await talk.ask("clients")
    assert len((await talk.ask("clients")).splitlines()) == 7
