# SPDX-License-Identifier: GPL-3.0-or-later
"""The nouns and the rules of the farm, as values. No I/O, no clock, no dice (docs/tour.md)."""
