# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender trace`: what a scene needs. `brender gc`: remove what was sent, and no job needs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from brender.cli.connect import Place, json_option, place_options
from brender.cli.errors import CliError, say
from brender.cli.exits import Exit

if TYPE_CHECKING:
    from brender.client.tracing import Traced
    from brender.client.uses import Use


@click.command("trace")
@click.argument("blend", metavar="FILE.blend")
@click.option("-P", "--python", "scripts", multiple=True, metavar="FILE", help="A script that is run; may be repeated.")
@json_option
def trace_command(blend: str, scripts: tuple[str, ...], as_json: bool) -> Exit:
    """Show what a scene needs: what would be sent, and what of it is not there."""
    from brender.cli import sendbar
    from brender.cli.carry import told
    from brender.client.tracing import TraceError, trace

    try:
        found = trace(Path(blend).absolute(), [Path(script).absolute() for script in scripts])
        sizes = {file.place: file.path.stat().st_size for file in found.files}
    except TraceError as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{error.filename} cannot be read: {error.strerror}.") from None
    if as_json:
        print(_json(found, sizes))
    else:
        for file in found.files:
            print(f"{sendbar.megabytes(sizes[file.place]):>10}  {file.what:12}  {file.place}")
        print(f"{len(found.files)} files, {sendbar.megabytes(sum(sizes.values()))}.")
        for line in told(found):
            say(line)
    return Exit.REFUSED if found.missing or found.problems else Exit.OK


def _json(found: "Traced", sizes: dict[str, int]) -> str:
    said = {
        "blend": found.place,
        "files": [
            {
                "path": f.place,
                "local": str(f.path),
                "kind": f.what,
                "size": sizes[f.place],
                "copied": f.path in found.edits,
            }
            for f in found.files
        ],
        "missing": [_absent(use, used=True) for use in found.missing] + [_absent(u, used=False) for u in found.unused],
        "problems": list(found.problems),
    }
    return msgspec.json.encode(said).decode()


def _absent(use: "Use", *, used: bool) -> dict[str, object]:
    return {"local": str(use.path), "kind": use.what, "name": use.name, "in": str(use.owner), "used": used}


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@json_option
@place_options
def gc_command(dry_run: bool, as_json: bool, manager: str | None, data: str | None) -> None:
    """Remove the files of scenes that were sent, and that no job needs. A job needs them until content_days after
    its end. The manager does so by itself once a day.
    """
    from brender.cli import sendbar

    with Place.of(manager, data).connect() as client:
        found = client.collect_content(dry_run)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    verb = "would be removed" if dry_run else "were removed"
    stay = f"{found.kept_files} files, {sendbar.megabytes(found.kept_bytes)}, stay"
    print(f"{found.files} files, {sendbar.megabytes(found.bytes)}, {verb}; {stay}.")
    old = {"jobs": found.jobs, "jobs' logs": found.logs, "small pictures of jobs": found.thumbnails}
    old["frames"] = found.frames
    if any(old.values()):
        listed = ", ".join(f"{count} {what}" for what, count in old.items() if count)
        print(f"Of jobs that ended long ago: {listed}, {sendbar.megabytes(found.old_bytes)}, {verb}.")
