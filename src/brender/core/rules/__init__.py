# SPDX-License-Identifier: GPL-3.0-or-later
"""What each command does to the farm: `decide(farm, command, now, new_id) -> Changes`, changing nothing itself.

Rules put the rows that a command is directly about. What follows from the tasks of a job (complete, paused, failed by
its limit) is worked out by `settle`, afterwards and at every start, so that no lost event can leave a job stuck.
"""

from collections.abc import Callable
from typing import Any

from brender.core import commands as c
from brender.core.changes import Changes
from brender.core.farm import Farm
from brender.core.live import Now
from brender.core.rules import audit, jobs, objects, orders, people, runs, workers
from brender.core.rules.jobs import settle
from brender.core.rules.runs import assign

NewId = Callable[[], str]
Rule = Callable[[Farm, Any, Now, NewId], Changes]

RULES: dict[type[c.Command], Rule] = {
    c.SubmitJob: jobs.submit,
    c.PauseJob: jobs.pause,
    c.ResumeJob: jobs.resume,
    c.CancelJob: jobs.cancel,
    c.RetryJob: jobs.retry,
    c.SetPriority: jobs.set_priority,
    c.WorkerHello: workers.hello,
    c.WorkerGone: workers.gone,
    c.Join: workers.join,
    c.LegacyHello: workers.legacy_hello,
    c.SetWish: workers.set_wish,
    c.SetPaused: workers.set_paused,
    c.KillRuns: orders.kill,
    c.CreateObject: objects.create,
    c.SetAttributes: objects.set_attributes,
    c.DeleteObjects: objects.delete,
    c.SetPassword: people.set_password,
    c.PutToken: people.put_token,
    c.SpendToken: people.spend_token,
    c.Tick: workers.tick,
    c.TakeReport: runs.take_report,
    c.Published: runs.published,
    c.NotPublished: runs.not_published,
    c.PublishingDelayed: runs.publishing_delayed,
}

__all__ = ["NewId", "assign", "decide", "settle"]


def decide(farm: Farm, command: c.Command, now: Now, new_id: NewId) -> Changes:
    """What `command` changes. Raises `Refusal` where it changes nothing, with the sentence for whoever asked."""
    changes = RULES[type(command)](farm, command, now, new_id)
    people.refuse_lockout(farm, changes.rows)
    if said := audit.entry(farm, command, changes, now, new_id()):
        changes.rows.append(said)
    return changes
