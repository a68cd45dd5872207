# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a database under test is: a folder or a URL. As a program: saves batches to it, to be killed or raced with.

`python place.py WHERE JOB BATCHES` saves batch after batch of SIZE tasks and their runs, and prints the number of
each once `save` has returned.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from brender.core.changes import Row
from brender.core.nouns import TaskState
from brender.store import Store

SIZE = 500
ROOT = Path(__file__).parents[2]


class Place(NamedTuple):
    """A folder or a URL."""

    where: str

    def open(self) -> Store:
        return Store.connect(self.where) if "://" in self.where else Store.open(Path(self.where))

    def saving_child(self, job: int, batches: int) -> "subprocess.Popen[str]":
        """A process of its own that saves."""
        return subprocess.Popen(
            [sys.executable, __file__, self.where, str(job), str(batches)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        )


def batch(job: int, nth: int) -> list[Row]:
    """New rows, and one that each batch changes: the job's message."""
    from tests.store import rows

    indexes = range(nth * SIZE, (nth + 1) * SIZE)
    tasks = [rows.task(index, TaskState.RUNNING, job=job, run=f"{job}-{index}") for index in indexes]
    runs = [rows.run(f"{job}-{index}", job=job, index=index) for index in indexes]
    return [rows.worker(), rows.job(job, frames="1-1000000", message=str(nth)), *tasks, *runs]


def main() -> None:
    place, job, batches = Place(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    store = place.open()
    for nth in range(batches):
        store.save(batch(job, nth))
        sys.stdout.write(f"{nth}\n")
        sys.stdout.flush()
    store.close()


if __name__ == "__main__":
    main()
