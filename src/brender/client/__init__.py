# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a manager: where it is, and a typed way to talk to it. Knows HTTP, and no rules."""
