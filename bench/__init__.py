# SPDX-License-Identifier: GPL-3.0-or-later
"""Every figure that the project claims, measured anew: `python -m bench NAME --json`."""
