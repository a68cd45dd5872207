# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scene of a .blend makes, with what is set on it: where its frames go, and how large they are."""

from brender.blendfile.scan import SceneScan
from brender.core.outputs import FORMATS, Format, Output, absolute
from brender.core.scene import Settings


def format_of(settings: Settings, scene: SceneScan) -> Format | None:
    """The file format; None: no Blender has it (any more)."""
    return FORMATS.get(settings.format or scene.format)


def output_of(settings: Settings, scene: SceneScan, format: Format, blend: str, windows: bool) -> Output:
    """Where frames go, in the paths of the machine that has the .blend at this path."""
    return Output(
        pattern=absolute(settings.output or scene.output, blend, windows),
        format=format,
        blend=blend,
        use_extension=scene.use_extension if settings.use_extension is None else settings.use_extension,
        container=scene.container or "MPEG4",
        windows=windows,
    )


def size_of(settings: Settings, scene: SceneScan) -> tuple[int, int]:
    """Pixels of a whole picture, by Blender's rule: the percentage, rounded down."""
    percent = settings.percent or scene.percent
    return (settings.width or scene.width) * percent // 100, (settings.height or scene.height) * percent // 100
