# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene, and the files of a frame, as another machine has them. A job keeps the paths of the manager's view.

Moved are the .blend, what was hashed with it, files of scripts and the output. Paths within the .blend are Blender's
business: relative ones hold wherever the folder lies (docs/decisions/0009-storage-and-paths.md).
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from brender.core.messages import File
from brender.core.nouns import Mapping
from brender.core.pathmap import View, in_sight, shared_folder, translate
from brender.core.scene import Scene, Script, Settings

Move = Callable[[str], str]


def mover(here: View, there: View, mappings: Iterable[Mapping]) -> Move:
    """What turns a path of `here` into one of `there`."""
    known = tuple(mappings)
    return lambda path: translate(path, here, there, known)


def moved_scene(scene: Scene, move: Move) -> Scene:
    """The scene with its paths moved; the very same one where none of them moves, or it is carried."""
    if scene.manifest:
        return scene
    moved = replace(
        scene,
        blend=move(scene.blend),
        scripts=moved_scripts(scene.scripts, move),
        settings=moved_settings(scene.settings, move),
        hashes=tuple((move(path), sha256) for path, sha256 in scene.hashes),
    )
    return scene if moved == scene else moved


def moved_scripts(scripts: tuple[Script, ...], move: Move) -> tuple[Script, ...]:
    """A script's file is a path; an expression and the name of a text are none."""
    return tuple(
        replace(
            script,
            source=move(script.source) if script.kind == "file" else script.source,
            before=moved_settings(script.before, move),
        )
        for script in scripts
    )


def moved_settings(settings: Settings, move: Move) -> Settings:
    """The output, unless it is none or beside the .blend: there `//` is never a share of Windows."""
    if settings.output is None or settings.output.startswith("//"):
        return settings
    return replace(settings, output=move(settings.output))


def moved_file(file: File, move: Move) -> File:
    """A file that was rendered."""
    return replace(file, temporary=move(file.temporary), final=move(file.final))


def paths(scene: Scene) -> Iterator[str]:
    """The absolute paths that whoever renders the scene must have; none of one that is carried."""
    if scene.manifest:
        return
    yield scene.blend
    if scene.settings.output and not scene.settings.output.startswith("//"):
        yield scene.settings.output
    yield from (path for path, _ in scene.hashes)
    yield from (script.source for script in scene.scripts if script.kind == "file")


def reach(scene: Scene, here: View, mappings: Iterable[Mapping]) -> tuple[tuple[Mapping, ...], bool]:
    """The shared folders that a scene is in, and whether anything of it is in none of them."""
    known = tuple(mappings)
    found = [shared_folder(path, here, known) for path in paths(scene)]
    return tuple({m.name: m for m in found if m is not None}.values()), None in found


def lost(
    files: Iterable[File], here: View, there: View, mappings: Iterable[Mapping], besides: tuple[str, ...] = ()
) -> str | None:
    """The first of `here`'s files that `there` cannot have. What is in a folder of `besides` both know by one name."""
    known = tuple(mappings)
    each = (path for file in files for path in (file.final, file.temporary))
    return next((p for p in each if not p.startswith(besides) and not in_sight(p, here, there, known)), None)
