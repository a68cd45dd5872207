# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads .blend files without Blender: their header, what a scene asks for, and which files they lean on.

Own and small, not blender-asset-tracer: that one writes compressed files to a temporary place first, makes
an object of each block, and answers a corrupt file with whatever exception it meets. Here a file that
cannot be read is an Unreadable, always, and what is not asked for is skipped.
"""

from brender.blendfile.reader import Header, Unreadable, header
from brender.blendfile.scan import BlendScan, File, Library, SceneScan, hashes, scan

__all__ = ["BlendScan", "File", "Header", "Library", "SceneScan", "Unreadable", "hashes", "header", "scan"]
