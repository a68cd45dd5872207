# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as text: durations, sizes, rates, tables, JSON. Pure but for `table` and `print_json`, which print."""

import shutil
import sys
import time
from collections.abc import Sequence

import msgspec


def duration(seconds: float | None) -> str:
    """`0.4 s`, `7.1 s`, `2:05`, `1:02:05`, `3 d 4 h`; `-` for None."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def size(count: int) -> str:
    """Bytes as people say them: `512 B`, `1.4 kB`, `20 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def clock(when: float | None) -> str:
    """A time of day, with the day where it is not today's; `-` for None."""
    if when is None:
        return "-"
    then = time.localtime(when)
    today = then[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", then)


def frames(count: int) -> str:
    """`1 frame`, `31 frames`."""
    return f"{count} frame" if count == 1 else f"{count} frames"


def plain(text: str) -> str:
    """Text from a scene or a worker, safe on a terminal: control characters, escapes among them, shown as `?`."""
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)


def print_json(value: object) -> None:
    """As the API gives it, for programs."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """A table as wide as the terminal, whole where nobody looks; a sentence where there are no rows."""
    if not rows:
        print(empty)
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in lines([head, *rows], width):
        print(line)


def lines(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Columns side by side, two spaces apart; lines longer than `width` end in an ellipsis."""
    cells = [[plain(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    joined = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [line if width is None or len(line) <= width else line[: width - 1] + "…" for line in joined]
