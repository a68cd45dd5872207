# SPDX-License-Identifier: GPL-3.0-or-later
"""Which storage a farm has: chosen when its manager is started, before anything is served.

A mark in the storage (`farm.json`) and one in the data folder (`storage.json`) say that the two belong together. So
content is not looked for where it is not, and two farms do not collect each other's content as nobody's.
"""

import secrets
from pathlib import Path

import msgspec

from brender.manager.storage import Storage, StorageError
from brender.manager.storage.folder import FolderStorage
from brender.manager.storage.s3 import Place, S3Storage

MARK = "farm.json"  # in the storage
KNOWN = "storage.json"  # in the data folder


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of it."""

    storage: str = ""  # "": the folder `storage` in the data folder; an absolute folder; s3://BUCKET/PREFIX
    endpoint: str = ""  # of an S3-compatible store that is not Amazon's
    region: str = ""
    credentials: Path | None = None


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a storage is."""

    farm: str
    storage: str = ""  # in the data folder: where it is


def open_storage(data: Path, choice: Choice) -> Storage:
    """The storage of the farm with this data folder. Raises StorageError, with what to do."""
    storage, where = _opened(data, choice)
    known, mark = _known(data / KNOWN), _marked(storage)
    if known is None:
        known = _Mark(farm=_adopted(mark, where, inside=not choice.storage) or secrets.token_hex(8))
    elif mark is None:
        _refuse_elsewhere(known, where, data)
    elif mark.farm != known.farm:
        raise StorageError(
            f"The storage {where} is another farm's: two farms in one would delete each other's files. "
            "Choose another folder or prefix."
        )
    if mark is None:
        _put_mark(data, storage, known.farm)
    if known.storage != where:
        _write(data / KNOWN, _Mark(farm=known.farm, storage=where))
    return storage


def _opened(data: Path, choice: Choice) -> tuple[Storage, str]:
    if choice.storage.startswith("s3://"):
        place = _place(choice)
        return S3Storage(place), str(place)
    if "://" in choice.storage:
        raise StorageError(f"The storage {choice.storage} is neither a folder nor s3://BUCKET/PREFIX.")
    folder = Path(choice.storage) if choice.storage else data / "storage"
    if not folder.is_absolute() and choice.storage:
        raise StorageError(f"The storage is to be an absolute folder, or s3://BUCKET/PREFIX, and not {choice.storage}.")
    return FolderStorage(folder), str(folder)


def _place(choice: Choice) -> Place:
    bucket, _, prefix = choice.storage.removeprefix("s3://").partition("/")
    if not bucket or "@" in bucket or ":" in bucket:
        raise StorageError("A storage in S3 is written s3://BUCKET/PREFIX, without keys of access.")
    if choice.endpoint and not choice.endpoint.startswith(("https://", "http://")):
        raise StorageError(f"The endpoint is an address such as https://s3.example.org, and not {choice.endpoint}.")
    return Place(
        bucket=bucket,
        prefix=prefix.strip("/"),
        endpoint=choice.endpoint,
        region=choice.region,
        credentials=choice.credentials,
    )


# --- whose it is -------------------------------------------------------------------------------------------------


def _adopted(mark: _Mark | None, where: str, *, inside: bool) -> str | None:
    """The farm of a storage whose data folder does not know it: the folder in the data folder is its own."""
    if mark is None or inside:
        return mark.farm if mark else None
    raise StorageError(
        f"The storage {where} belongs to a farm that this data folder does not know. If it is this one's, put "
        f"{KNOWN} back into the data folder; if it is to be taken over, delete {MARK} there."
    )


def _refuse_elsewhere(known: _Mark, where: str, data: Path) -> None:
    """No mark here, and content elsewhere: it would be missed."""
    if known.storage == where or _is_empty(known.storage):
        return
    raise StorageError(
        f"This farm's files are in {known.storage}, and {where} has not got them. Copy all of it there, {MARK} too, or "
        f"choose the old one again. To begin without the old files, delete {data / KNOWN}."
    )


def _is_empty(storage: str) -> bool:
    """Whether an old folder holds nothing but the mark. Of a store in S3 that is not asked."""
    if storage.startswith("s3://"):
        return False
    folder = Path(storage)
    return not folder.is_dir() or not any(each.is_file() and each.name != MARK for each in folder.rglob("*"))


def _known(path: Path) -> _Mark | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Mark)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageError(f"{path}, which says where the farm's files are, cannot be read: {error}.") from None


def _marked(storage: Storage) -> _Mark | None:
    try:
        return msgspec.json.decode(b"".join(storage.read(MARK)), type=_Mark)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise StorageError(f"{storage.where(MARK)}, which says whose storage it is, is damaged: {error}.") from None


def _put_mark(data: Path, storage: Storage, farm: str) -> None:
    mark = data / f"{MARK}.part"
    _write(mark, _Mark(farm=farm))
    storage.take(MARK, mark)


def _write(path: Path, mark: _Mark) -> None:
    part = path.with_name(path.name + ".new")
    part.write_bytes(msgspec.json.encode(mark))
    part.replace(path)
