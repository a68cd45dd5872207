# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of frames that are being rendered a second time, kept in the worker's own folder, and the comparison.

Nothing that goes wrong here harms a run: it is logged, and there is no verdict. Blocks: the agent calls it in threads.
"""

import shutil
import time
from pathlib import Path

import structlog

from brender.imaging.bad import BadPicture
from brender.imaging.compare import compare
from brender.worker.session.events import Compared, NotCompared, Written
from brender.worker.session.instructions import Compare, Keep

log = structlog.get_logger()


class Proofs:
    """A folder a run, in it its files by number, in the order of their final names."""

    def __init__(self, folder: Path) -> None:
        """What an earlier process has kept is of no use to anyone."""
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)

    def keep(self, asked: Keep) -> NotCompared | None:
        """Copy the files; an event where that cannot be."""
        try:
            (self._folder / asked.run).mkdir(parents=True)
            for number, file in enumerate(_in_order(asked.files)):
                shutil.copyfile(file, self._kept(asked.run, number, file))
        except OSError as error:
            log.warning("a frame could not be kept to prove by", run=asked.run, reason=str(error))
            return NotCompared(asked.run)
        return None

    def compare(self, asked: Compare) -> Compared | NotCompared:
        """How far the files differ from those that were kept: of several the one that differs most."""
        began = time.monotonic()
        try:
            found = [compare(kept, again) for kept, again in self._pairs(asked)]
            worst = max(found, key=lambda difference: (difference.fraction, difference.largest))
            return Compared(asked.run, worst.fraction, worst.largest, time.monotonic() - began)
        except (BadPicture, OSError) as error:
            log.warning("a frame could not be compared", run=asked.run, reason=str(error))
        except Exception:  # a decoder that trips over a file must not end the worker
            log.exception("comparing failed", run=asked.run)
        return NotCompared(asked.run)

    def forget(self, run: str) -> None:
        """Remove what was kept of the run."""
        shutil.rmtree(self._folder / run, ignore_errors=True)

    def _pairs(self, asked: Compare) -> list[tuple[Path, Path]]:
        again = _in_order(asked.files)
        kept = [self._kept(asked.run, number, file) for number, file in enumerate(again)]
        if len(list((self._folder / asked.run).iterdir())) != len(again):
            raise BadPicture(f"{len(again)} files were rendered the second time, and not as many the first")
        return list(zip(kept, again, strict=True))

    def _kept(self, run: str, number: int, file: Path) -> Path:
        return self._folder / run / f"{number}{file.suffix}"


def _in_order(files: tuple[Written, ...]) -> list[Path]:
    return [Path(file.temporary) for file in sorted(files, key=lambda file: file.final)]
