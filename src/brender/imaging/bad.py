# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of this room."""


class BadPicture(Exception):
    """A file that is not good; its message is a sentence for the artist."""
