# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes scenes that lean on files of every kind, and looks whether a scene finds what it leans on.

`make_traced.py -- make FOLDER` and `make_traced.py -- look FILE.blend`, in Blender or with the bpy module.
"""

import json
import os
import struct
import sys
import unicodedata
import wave
import zlib
from pathlib import Path

import bpy

COMPOSED = unicodedata.normalize("NFC", "é.png")
DECOMPOSED = unicodedata.normalize("NFD", "é.png")


def png(path: Path, grey: int) -> str:
    """A picture of 2 by 2."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + bytes([grey] * 6)) * 2
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return str(path)


def begin() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


def image(path: str, **fields: object) -> bpy.types.Image:
    """A picture that a material uses."""
    loaded = bpy.data.images.load(path)
    for name, value in fields.items():
        setattr(loaded, name, value)
    use(loaded)
    return loaded


def use(loaded: bpy.types.Image) -> None:
    material = bpy.data.materials.get("m") or bpy.data.materials.new("m")
    material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = loaded
    if "o" not in bpy.data.objects:
        mesh = bpy.data.meshes.new("mesh")
        mesh.materials.append(material)
        bpy.context.scene.collection.objects.link(bpy.data.objects.new("o", mesh))


def save(path: Path, **fields: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False, relative_remap=False, **fields)


def every_kind(folder: Path) -> None:
    """Everything that can be named, all by relative paths."""
    begin()
    top, shot = folder / "every", folder / "every/shots/01/shot.blend"
    save(shot)  # so that // is its folder
    image(png(top / "tex/wood.png", 1)).filepath = "//../../tex/wood.png"
    for tile in (1001, 1002, 1011):
        png(top / f"tex/skin.{tile}.png", tile % 255)
    png(top / "tex/skin.old.png", 9)
    tiled = image(str(top / "tex/skin.1001.png"))
    tiled.source, tiled.filepath = "TILED", "//../../tex/skin.<UDIM>.png"
    for frame in (1, 2, 10):
        png(top / f"seq/f_{frame:04}_beauty.png", frame)
    image(str(top / "seq/f_0001_beauty.png"), source="SEQUENCE").filepath = "//../../seq/f_0001_beauty.png"
    packed = image(png(folder / "gone.png", 3))
    packed.pack()
    packed.filepath = "//nowhere/packed.png"
    (folder / "gone.png").unlink()
    for frame in (1, 2):
        png(top / f"plate/p.{frame:03}.png", frame)
    clip = bpy.context.scene.active_clip = bpy.data.movieclips.load(str(top / "plate/p.001.png"))
    clip.filepath = "//../../plate/p.001.png"
    with wave.open(str(top / "voice.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 1, "NONE", ""))
        sound.writeframes(b"\0\0")
    strips(str(top / "voice.wav"))
    volume = bpy.data.volumes.new("smoke")
    (top / "smoke.vdb").write_bytes(b"vdb")
    volume.filepath = "//../../smoke.vdb"
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("v", volume))
    (top / "wave.mdd").write_bytes(b"mdd")
    bpy.data.objects["o"].modifiers.new("cache", "MESH_CACHE").filepath = "//../../wave.mdd"
    unused = bpy.data.images.load(png(folder / "unused.png", 4))
    unused.use_fake_user, unused.filepath = True, "//unused.png"
    (folder / "unused.png").unlink()
    missing = image(png(folder / "missing.png", 5))
    missing.filepath = "//missing.png"
    (folder / "missing.png").unlink()
    save(shot, compress=True)


def strips(sound: str) -> None:
    bpy.context.scene.sequence_editor_create()
    editor = bpy.context.scene.sequence_editor
    (editor.strips if hasattr(editor, "strips") else editor.sequences).new_sound("voice", sound, 1, 1)
    bpy.data.sounds[0].filepath = "//../../voice.wav"


def library_in_library(folder: Path) -> None:
    """shot.blend links props/box.blend, which links ../shared/wood.blend, which has a picture beside it."""
    top = folder / "nested"
    begin()
    save(top / "shared/wood.blend")
    image(png(top / "shared/tex/wood.png", 7)).filepath = "//tex/wood.png"
    save(top / "shared/wood.blend")
    begin()
    save(top / "props/box.blend")
    with bpy.data.libraries.load(str(top / "shared/wood.blend"), link=True, relative=True) as (_, wanted):
        wanted.materials = ["m"]
    mesh = bpy.data.meshes.new("box")
    mesh.materials.append(wanted.materials[0])
    bpy.data.objects.new("box", mesh).use_fake_user = True
    save(top / "props/box.blend")
    begin()
    save(top / "shot.blend")
    with bpy.data.libraries.load(str(top / "props/box.blend"), link=True, relative=True) as (_, wanted):
        wanted.objects = ["box"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    save(top / "shot.blend")


def outside(folder: Path) -> None:
    """A picture and a library elsewhere, by absolute paths; the library has a picture by a relative one."""
    begin()
    save(folder / "store/chars/anna.blend")
    image(png(folder / "store/tex/anna.png", 8)).filepath = "//../tex/anna.png"
    save(folder / "store/chars/anna.blend")
    begin()
    save(folder / "project/shot.blend")
    image(png(folder / "stock/sky é.png", 9))
    for tile in (1001, 1002):
        png(folder / f"stock/tiles/t.{tile}.png", 1)
    tiled = image(str(folder / "stock/tiles/t.1001.png"))
    tiled.source, tiled.filepath = "TILED", str(folder / "stock/tiles/t.<UDIM>.png")
    with bpy.data.libraries.load(str(folder / "store/chars/anna.blend"), link=True, relative=False) as (_, wanted):
        wanted.objects = ["o"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    save(folder / "project/shot.blend", compress=True)


def odd_names(folder: Path) -> None:
    """Quotes, spaces, a colon, letters outside ASCII, and two names that some file systems take for one."""
    begin()
    top = folder / 'it\'s "odd": Стул'
    save(top / "a shot.blend")
    for name in ('two "quotes".png', " leading.png", "plain.png", COMPOSED, DECOMPOSED, "Wood.png", "wood.png"):
        image(png(top / "tex" / name, len(name))).filepath = f"//tex/{name}"
    save(top / "a shot.blend")


def make(folder: Path) -> None:
    for maker in (every_kind, library_in_library, outside, odd_names):
        maker(folder)


def look(blend: str) -> None:
    """Each path that the scene names, and whether its file is there."""
    bpy.ops.wm.open_mainfile(filepath=blend)
    data = bpy.data
    kinds = (data.images, data.libraries, data.sounds, data.movieclips, data.volumes)
    things = [each for kind in kinds for each in kind if each.filepath and not getattr(each, "packed_file", None)]
    found = {}
    for each in things:
        path = bpy.path.abspath(each.filepath, library=each.library)
        found[os.path.normpath(path)] = Path(path.replace("<UDIM>", "1001")).exists()
    for each in data.objects:
        for modifier in each.modifiers:
            path = bpy.path.abspath(modifier.filepath)
            found[os.path.normpath(path)] = Path(path).exists()
    sys.stdout.write(f"LOOKED {json.dumps(found)}\n")


what, where = sys.argv[sys.argv.index("--") + 1 :]
make(Path(where)) if what == "make" else look(where)
sys.stdout.flush()
os._exit(0)  # bpy may hang at the interpreter's end
