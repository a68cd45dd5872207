# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: made at a manager's first start, known by their fingerprint, and trusted by nothing else."""
