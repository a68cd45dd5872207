# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside Blender: it opens one scene, renders the frames it is told, and reports over its own channel.

Its rule: Python's own library and bpy, nothing of brender, and it runs on the Python of every Blender from 3.4 on
(3.10). `serve.py` is started by brender.worker.blender, as `blender -b --python serve.py` or `python serve.py`.
"""

import bpy  # noqa: F401  the module: first of all, as it is what makes Blender's other modules importable
