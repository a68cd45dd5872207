# SPDX-License-Identifier: GPL-3.0-or-later
"""How a transfer ends badly: in a sentence."""


class TransferError(Exception):
    """A file that was not brought over. `status` is the HTTP one of a refusal; 0: nobody answered, or it is local."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Silent(TransferError):
    """Nothing moved for as long as the caller has patience. What came until then is there."""


class Changed(TransferError):
    """The file is not any more what it was when it was hashed."""
