# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a file to the manager or from it, over HTTP, verified by its SHA-256: worker and client use the same.

What broke goes on where it was, again and again, until it is there or `TransferError` says why not
(docs/protocol.md, "Files").
"""

from brender.transfer.again import PATIENCE_S
from brender.transfer.errors import Changed, Silent, TransferError
from brender.transfer.fetching import fetch
from brender.transfer.sending import send

__all__ = ["PATIENCE_S", "Changed", "Silent", "TransferError", "fetch", "send"]
