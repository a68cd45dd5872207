# SPDX-License-Identifier: GPL-3.0-or-later
"""How a request fails. Imports nothing, as every command needs it, even one that asks nobody."""


class ApiError(Exception):
    """A request that was not done, in a sentence. `status` is the HTTP one; 0: nobody answered."""

    def __init__(self, message: str, status: int, reason: str = "", where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.where = where


class Unreachable(ApiError):
    """Nobody answered, or not in time. What was asked may have been done."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 0, "unreachable")


class TooSlow(Unreachable):
    """Somebody is there, and did not answer in time."""


class Distrusted(Unreachable):
    """Somebody answered, and is not believed to be the manager. Nothing was told to them."""
