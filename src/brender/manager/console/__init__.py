# SPDX-License-Identifier: GPL-3.0-or-later
"""The console: lines in, answers out, on a socket of this machine. The verbs are a table; each asks the service."""
