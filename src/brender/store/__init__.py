# SPDX-License-Identifier: GPL-3.0-or-later
"""What the farm remembers: the only SQL. One writer saves, anyone reads; the rest of the house sees nouns alone."""

from brender.store.database import StoreError
from brender.store.farm import Damaged, Loaded
from brender.store.store import Store

__all__ = ["Damaged", "Loaded", "Store", "StoreError"]
