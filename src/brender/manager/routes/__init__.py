# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of the API, a file a resource: each says what is asked, asks the views or the engine, and no more."""
