# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that warm is right: a frame that was rendered warm is rendered again, as the first of a fresh Blender.

The second time it is an order like any other, but for its run, which nobody but this worker knows; so nothing that
happens to it loses or fails a run of the manager's. One proof at a time.
"""

from brender.core import messages as m
from brender.core.content import content_key
from brender.worker.session import events as e
from brender.worker.session import instructions as i
from brender.worker.session.state import Checking, Habits, Queue


class Proving:
    """Which frame is rendered twice, and what comes of it."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._rendered: Checking | None = None  # the first time
        self._again: m.Order | None = None  # the second
        self._seconds = 0.0

    @property
    def run(self) -> str | None:
        """The second time's."""
        return self._again.run if self._again else None

    @property
    def queue(self) -> Queue | None:
        """Whose frame it is."""
        return self._rendered.queue if self._rendered else None

    def wants(self, checking: Checking, *, idle: bool) -> bool:
        """One of the frames 11 to 20 of a warm Blender, chosen by its name; the last one before it is idle."""
        queue, order, after = checking.queue, checking.order, self._habits.prove_after
        if self._again or not queue.prove or queue.cold or not checking.opened.warm or not _main(checking.rendered):
            return False
        chosen = after + sum(checking.rendered.blender.encode()) % self._habits.prove_within
        return order.start == order.end and (checking.nth >= chosen or (idle and checking.nth >= after))

    def begin(self, checking: Checking) -> tuple[i.Keep, m.Order]:
        """What to keep of the first time, and the order for the second."""
        once = checking.order
        self._rendered = checking
        self._again = m.Order(run=f"{once.run}-proof", index=once.index, start=once.start, end=once.end)
        return i.Keep(once.run, _main(checking.rendered)), self._again

    def rendered_again(self, event: e.FrameRendered, open_s: float) -> i.Compare:
        """The second time is over."""
        assert self._rendered is not None
        self._seconds = open_s + event.render_s + event.write_s
        return i.Compare(self._rendered.order.run, _main(event))

    def is_about(self, event: e.Compared | e.NotCompared) -> bool:
        """Whether it has not been given up since."""
        return self._rendered is not None and self._rendered.order.run == event.run

    def report(self, compared: e.Compared) -> m.Proved:
        """The verdict."""
        assert self._rendered is not None
        order, queue = self._rendered.order, self._rendered.queue
        return m.Proved(
            id=f"{order.run}.proved",
            run=order.run,
            content=content_key(queue.scene),
            job=queue.job,
            step=queue.step,
            frame=order.start,
            equal=compared.fraction == 0.0,
            fraction=compared.fraction,
            largest=compared.largest,
            seconds=self._seconds + compared.compare_s,
        )

    def forget(self) -> i.ForgetProof:
        """It is over, with a verdict or without."""
        assert self._rendered is not None
        assert self._again is not None
        forgotten = i.ForgetProof(self._rendered.order.run, self._again.run)
        self._rendered = self._again = None
        return forgotten


def _main(rendered: e.FrameRendered) -> tuple[e.Written, ...]:
    return tuple(file for file in rendered.files if file.main)
