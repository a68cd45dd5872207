# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads back what was rendered: `verify` says whether a file is good, `thumbnail` shows it, `sheet` shows a whole job.

Its rule: a picture is judged by its bytes, never by its name or by what a program said. Nothing here writes pictures
to a disk, starts a process, or trusts a size before it has been bounded. Import the modules, not this package: they
load libraries that take a tenth of a second.
"""
