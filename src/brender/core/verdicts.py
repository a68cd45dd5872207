# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of rendering a frame warm and cold, in words."""

from brender.core.nouns import Verdict


def proven(verdict: Verdict) -> str:
    """A sentence for whoever waits for the job."""
    both = f"Frame {verdict.frame} was rendered warm and cold"
    if verdict.equal:
        return f"{both}: equal, pixel for pixel."
    return f"{both}, and {percent(verdict.fraction)} of its pixels differ, by {verdict.largest:.2g} at most."


def percent(fraction: float) -> str:
    """`12 %`, `3.4 %`, `0.02 %`; never a nought for what is something."""
    if fraction < 0.0001:
        return "less than 0.01 %"
    return "100 %" if fraction >= 0.995 else f"{fraction * 100:.2g} %"
