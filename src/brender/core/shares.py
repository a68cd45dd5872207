# SPDX-License-Identifier: GPL-3.0-or-later
"""How workers are shared between users whose jobs have the same priority: by weight, and none left with nothing.

Memory alone: who holds how many workers, and how long each was rendered for. Weights are the `Share` rows.
"""


class Shares:
    """Counters that are kept, never counted."""

    def __init__(self) -> None:
        self.weights: dict[str, float] = {}
        self.holding: dict[str, int] = {}  # workers that hold runs of the user's
        self.served: dict[str, float] = {}  # seconds rendered for the user, by weight

    def weight(self, user: str) -> float:
        """1 unless given."""
        return self.weights.get(user, 1.0)

    def load(self, user: str) -> float:
        """Workers held, by weight: the smaller, the sooner it is the user's turn."""
        return self.holding.get(user, 0) / self.weight(user)

    def hold(self, user: str, workers: int) -> None:
        """One worker more or fewer."""
        self.holding[user] = self.holding.get(user, 0) + workers

    def serve(self, user: str, seconds: float) -> None:
        """Note a run's time. Who comes, or comes back, begins with what the least served of the others has."""
        least = min((self.served.get(other, 0.0) for other, n in self.holding.items() if n), default=0.0)
        self.served[user] = max(self.served.get(user, 0.0), least) + seconds / self.weight(user)

    def moves(self, warm: str, other: str, *, held: bool, floor_s: float) -> bool:
        """Whether a worker that is warm for one user goes over to another: to come nearer to the weights, or because
        the other has nothing, and has had `floor_s` less. `held`: the worker counts for `warm` now."""
        if warm == other:
            return False
        mine = self.holding.get(warm, 0) + (0 if held else 1)
        if (self.holding.get(other, 0) + 1) / self.weight(other) < mine / self.weight(warm):
            return True
        behind = self.served.get(warm, 0.0) - self.served.get(other, 0.0)
        return not self.holding.get(other, 0) and behind > floor_s
