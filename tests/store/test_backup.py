# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the database is the farm as it was at one moment, whoever writes meanwhile."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from brender.core.nouns import Setting
from brender.store import Store, StoreError
from brender.store.backup import backup


def settings(number: int) -> list[Setting]:
    """Two that are always saved together."""
    return [Setting(name="lease_s", value=float(number)), Setting(name="share_floor_s", value=float(number))]


def test_a_copy_taken_while_others_write_is_one_moment(tmp_path: Path) -> None:
    data, over = tmp_path / "data", threading.Event()
    store = Store.open(data)

    def write() -> None:
        number = 10
        while not over.is_set():
            number += 1
            store.save(settings(number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            backup(data, tmp_path / f"copy{number}.db")
    finally:
        over.set()
        writer.join()
        store.close()
    for number in range(5):
        restored = tmp_path / f"restored{number}"
        restored.mkdir()
        shutil.copy(tmp_path / f"copy{number}.db", restored / "brender.db")
        again = Store.open(restored)
        values = [setting.value for setting in again.load_farm().settings]
        again.close()
        assert len(set(values)) == 1 or not values
    assert values, "the last copy holds what was saved"


def test_a_copy_is_for_its_owner_alone_and_overwrites_nothing(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    target = tmp_path / "copy.db"
    assert backup(tmp_path, target) == target.stat().st_size
    if os.name == "posix":
        assert target.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("copy.db?*"))
    with pytest.raises(StoreError, match="is there already"):
        backup(tmp_path, target)


def test_what_cannot_be_copied_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no database"):
        backup(tmp_path, tmp_path / "copy.db")
    Store.open(tmp_path).close()
    with pytest.raises(StoreError, match="could not be copied"):
        backup(tmp_path, tmp_path / "no" / "copy.db")
