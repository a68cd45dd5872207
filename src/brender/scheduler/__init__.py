# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does what next: a pure proposal, made of the farm as it is, and the reasons why not. Changes nothing."""

from brender.scheduler.eligible import eligible, why
from brender.scheduler.plan import Plan, plan

__all__ = ["Plan", "eligible", "plan", "why"]
