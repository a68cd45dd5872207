# SPDX-License-Identifier: GPL-3.0-or-later
"""One file a migration, `v0001_what_it_does.py`; `tables.REVISION` is the newest."""
