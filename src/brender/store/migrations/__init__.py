# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from each database to the next, oldest first. What is here has run on people's farms: never change it."""
