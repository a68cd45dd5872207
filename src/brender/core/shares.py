# SPDX-License-Identifier: GPL-3.0-or-later
"""How workers are shared between users whose jobs have the same priority: by weight, and none left with nothing.

Memory alone: who holds how many workers, and how long each was rendered for. Weights are the `Share` rows.
"""


class Shares:
    """Counters that are kept, never counted."""

    def __init__(self) -> None:
        self.weights: dict[str, float] = {}
        self.holding: dict[str, int] = {}  # workers that hold runs of the user's
        self.wanting: dict[str, int] = {}  # steps of the user's that have ready tasks
        self.served: dict[str, float] = {}  # seconds rendered for the user, by weight; only differences mean anything
        self.rendered = 0.0  # seconds, for all users
        self._nothing_since: dict[str, float] = {}  # what `rendered` was when the user came, or last held a worker
        self._here: dict[str, None] = {}  # users that hold a worker, or want one

    def weight(self, user: str) -> float:
        """1 unless given."""
        return self.weights.get(user, 1.0)

    def load(self, user: str, more: int = 0) -> float:
        """Workers held, and so many more, by weight: the smaller, the sooner it is the user's turn."""
        return (self.holding.get(user, 0) + more) / self.weight(user)

    def hold(self, user: str, workers: int) -> None:
        """One worker more or fewer."""
        self._count(self.holding, user, workers)

    def want(self, user: str, steps: int) -> None:
        """One open step more or fewer."""
        self._count(self.wanting, user, steps)

    def serve(self, user: str, seconds: float) -> None:
        """Note a run's time."""
        self.rendered += seconds
        self.served[user] = self.served.get(user, 0.0) + seconds / self.weight(user)

    def moves(self, warm: str, other: str, *, held: bool, floor_s: float) -> bool:
        """Whether a worker that is warm for one user goes over to another: to come nearer to the weights, or because
        the other has nothing, and it is its turn. `held`: the worker counts for `warm` now."""
        if warm == other:
            return False
        if self.load(other, 1) < self.load(warm, 0 if held else 1):
            return True
        return not self.holding.get(other, 0) and self._is_due(warm, other, floor_s)

    def _is_due(self, warm: str, other: str, floor_s: float) -> bool:
        """By its weight it has had `floor_s` less; or, whatever the weights, each of the others could have had
        `floor_s` since it had anything."""
        behind = self.served.get(warm, 0.0) - self.served.get(other, 0.0)
        waited = self.rendered - self._nothing_since.get(other, 0.0)
        return behind > floor_s or waited > floor_s * (len(self._here) - 1)

    def _count(self, counter: dict[str, int], user: str, change: int) -> None:
        if user not in self._here:
            self._arrive(user)
        counter[user] = counter.get(user, 0) + change
        if counter is self.holding and not counter[user]:
            self._nothing_since[user] = self.rendered
        if not self.holding.get(user) and not self.wanting.get(user):
            del self._here[user]

    def _arrive(self, user: str) -> None:
        """Who comes, or comes back, begins with what the least served of the others has: nothing was saved up."""
        least = min((self.served.get(other, 0.0) for other in self._here), default=0.0)
        self.served[user] = max(self.served.get(user, 0.0), least)
        self._nothing_since[user] = self.rendered
        self._here[user] = None
