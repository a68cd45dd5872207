# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of object, with every attribute of it, in one registry.

Help, validation, introspection, completion and the documents are made from it, so that all doors say and allow the
same.
"""

from brender.core.attributes import Kind
from brender.core.kinds.people import TOKEN, USER
from brender.core.kinds.whole import MAPPING, SETTING, SHARE, TAG, setting_value
from brender.core.kinds.work import JOB, STEP, TASK, StepOf, TaskOf
from brender.core.kinds.worker import WORKER, condition
from brender.core.rights import Act, Right

__all__ = [
    "JOB", "KINDS", "MAPPING", "SETTING", "SHARE", "STEP", "TAG", "TASK", "TOKEN", "USER", "WORKER",
    "StepOf", "TaskOf", "condition", "kind_of", "right_of", "setting_value",
]  # fmt: skip

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (WORKER, JOB, STEP, TASK, TAG, SHARE, MAPPING, SETTING, USER, TOKEN)
}
_ALIASES = {"client": "worker", "clients": "worker"} | {kind.plural: kind.name for kind in KINDS.values()}


def kind_of(word: str) -> Kind:
    """A kind by its name, its plural, or the seed's word; `ValueError` naming those there are."""
    word = word.lower()
    if found := KINDS.get(_ALIASES.get(word, word)):
        return found
    raise ValueError(f"There is no kind of object called '{word}'; there are {', '.join(KINDS)} (client is a worker).")


def right_of(act: Act, word: str) -> Right:
    """The right that it takes to do this with an object of a kind. Of none that there is, nothing can be done."""
    try:
        return kind_of(word).right(act)
    except ValueError:
        return Right.LOOK
