# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes two scenes one content: the bytes of their files, their Blender, and all that changes a picture.

Not where the files lie, nor which frames are rendered, nor what they are called.
"""

import hashlib

import msgspec
from msgspec.structs import replace

from brender.core.scene import Scene, Settings


def content_key(scene: Scene) -> str:
    """SHA-256 of the content, in hexadecimal digits. Of a scene without hashes the path stands for its bytes."""
    told = replace(
        scene,
        blend="" if scene.hashes else scene.blend,
        hashes=tuple(("", sha256) for _, sha256 in scene.hashes),
        scripts=tuple(replace(script, before=_seen(script.before)) for script in scene.scripts),
        settings=_seen(scene.settings),
    )
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def _seen(settings: Settings) -> Settings:
    return replace(settings, output=None, start=None, end=None, step=None)
