# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that decides: the engine (the only writer), the doors to it, and the views of the farm."""
