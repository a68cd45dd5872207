# SPDX-License-Identifier: GPL-3.0-or-later
"""Content and frames in a bucket of an S3-compatible store: Amazon's, MinIO, Ceph, Garage, SeaweedFS and others.

Keys of access come from the environment, the usual AWS files or the machine's own role, or from a file that nobody
else can read; never from the farm's settings or the command line. Requests that fail are repeated with backoff.
"""

import configparser
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from brender.manager.storage import Entry, StorageError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Store

PIECE = 2**20  # bytes that `read` gives at once, at most
PART = 8 * 2**20  # bytes of one part of an upload, where 10,000 of these hold the file
MOST_PARTS = 10_000  # S3's own bound
AT_ONCE = 3  # parts on their way: with PART the memory that an upload takes
PAGE = 1000  # entries of a listing that are asked for at once
DEFAULT_REGION = "us-east-1"

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket, a folder in it, and how to come there."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""  # "": Amazon's; with `{bucket}` in it the bucket is a part of the host's name
    region: str = ""
    credentials: Path | None = None  # a file such as ~/.aws/credentials, of mode 0600
    patience_s: float = 30.0  # how long a request is repeated

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


class S3Storage:
    """A `Storage` in a bucket."""

    def __init__(self, place: Place) -> None:
        """Looks whether the bucket is there and may be read: a wrong setting is found at the start."""
        self._place = place
        self._store = _connect(place)
        self.size("farm.json")  # without the right to list, a key that is not there is refused, not missing
        next(self.list(""), None)

    def where(self, key: str) -> str:
        return f"{self._place}/{key}"

    def size(self, key: str) -> int | None:
        import obstore

        with self._in_words(f"{self.where(key)} cannot be looked at"):
            try:
                return obstore.head(self._store, key)["size"]
            except FileNotFoundError:
                return None

    def take(self, key: str, path: Path) -> None:
        """In parts where it is large. The store shows the whole object, or what was there before."""
        import obstore

        with self._in_words(f"{path} cannot be kept as {self.where(key)}"):
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                part = max(PART, -(-size // MOST_PARTS))
                obstore.put(self._store, key, file, chunk_size=part, max_concurrency=AT_ONCE)
            kept = obstore.head(self._store, key)["size"]
        if kept != size:
            raise StorageError(f"{self.where(key)} has {kept} bytes after {size} were sent. Try again.")
        path.unlink()

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        import obstore

        size = self.size(key)
        if size is None:
            raise FileNotFoundError(self.where(key))
        end = size if length is None else min(size, offset + length)
        if offset >= end:
            return iter(())
        with self._in_words(f"{self.where(key)} cannot be read"):
            found = obstore.get(self._store, key, options={"range": (offset, end)})
        return self._pieces(key, iter(found.stream(min_chunk_size=PIECE)), end - offset)

    def _pieces(self, key: str, chunks: "Iterator[Any]", left: int) -> Iterator[bytes]:
        while left:
            with self._in_words(f"{self.where(key)} cannot be read to its end"):
                chunk = memoryview(next(chunks, b""))
            if not len(chunk):
                raise StorageError(f"{self.where(key)} ended {left} bytes too early. Try again.")
            left -= len(chunk)
            for start in range(0, len(chunk), PIECE):
                yield bytes(chunk[start : start + PIECE])

    def local(self, key: str) -> Path | None:
        return None

    def delete(self, key: str) -> None:
        import obstore

        with self._in_words(f"{self.where(key)} cannot be deleted"):
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:  # some stores say so
                return

    def list(self, prefix: str) -> Iterator[Entry]:
        import obstore

        folder = prefix.rpartition("/")[0]  # the store lists folders; what begins so within one is chosen here
        pages = iter(obstore.list(self._store, folder or None, chunk_size=PAGE))
        while True:
            with self._in_words(f"{self._place} cannot be listed"):
                page = next(pages, None)
            if page is None:
                return
            for found in page:
                if found["path"].startswith(prefix):
                    yield Entry(found["path"], found["size"], found["last_modified"].timestamp())

    def room(self) -> int | None:
        return None

    @contextmanager
    def _in_words(self, what: str) -> Iterator[None]:
        import obstore.exceptions

        try:
            yield
        except (obstore.exceptions.BaseError, OSError, ValueError) as error:
            raise StorageError(f"{what}: {_reason(self._place, error)}") from None


# --- coming there ------------------------------------------------------------------------------------------------


def _connect(place: Place) -> "S3Store":
    try:
        from obstore.store import S3Store
    except ImportError:
        raise StorageError(
            f"The storage {place} needs the extra s3, which is not installed: pip install 'brender-farm[s3]'."
        ) from None
    from obstore.exceptions import BaseError

    client: ClientConfig = {
        "allow_http": place.endpoint.startswith("http://"),  # only where a person wrote it so
        "connect_timeout": timedelta(seconds=5),
        "read_timeout": timedelta(seconds=30),
        "timeout": timedelta(hours=2),  # of a whole object; silence is `read_timeout`'s
    }
    retry: RetryConfig = {
        "max_retries": 10,
        "retry_timeout": timedelta(seconds=place.patience_s),
        "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=5), "base": 2},
    }
    config = _config(place)
    try:
        return S3Store(
            place.bucket, prefix=place.prefix or None, config=config, client_options=client, retry_config=retry
        )
    except (BaseError, ValueError) as error:
        raise StorageError(f"{place} cannot be used: {_reason(place, error)}") from None


def _config(place: Place) -> "S3Config":
    """How to come to the bucket. What is not said here, the library takes from the environment or the machine's role.

    Every store knows how to delete one object, and not every one how to delete many.
    """
    config: S3Config = {"disable_bulk_delete": True}
    if place.endpoint:
        config["endpoint"] = place.endpoint.replace("{bucket}", place.bucket).rstrip("/")
        config["virtual_hosted_style_request"] = "{bucket}" in place.endpoint
    if region := place.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _aws_region():
        config["region"] = region
    elif place.endpoint:
        config["region"] = DEFAULT_REGION
    config.update(_keys(place))
    return config


def _keys(place: Place) -> "S3Config":
    """The keys of access from a file; none where the environment has them, or the machine has a role."""
    if place.credentials is not None:
        _refuse_open(place.credentials)
        found = _section(place.credentials)
        if "access_key_id" not in found or "secret_access_key" not in found:
            raise StorageError(
                f"{place.credentials} has no aws_access_key_id and aws_secret_access_key in its section [{_profile()}]."
            )
        return found
    if "AWS_ACCESS_KEY_ID" in os.environ:
        return {}
    return _section(Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or Path.home() / ".aws/credentials"))


def _refuse_open(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise StorageError(f"The file of credentials {path} cannot be read: {error.strerror}.") from None
    if os.name != "nt" and mode & 0o077:
        raise StorageError(f"Others can read the file of credentials {path}: chmod 600 {path}")


def _profile() -> str:
    return os.environ.get("AWS_PROFILE") or "default"


def _section(path: Path) -> "S3Config":
    found = _ini(path, _profile())
    names = ("access_key_id", "secret_access_key", "session_token")
    return {name: value for name in names if (value := found.get(f"aws_{name}"))}  # type: ignore[return-value]


def _aws_region() -> str:
    path = Path(os.environ.get("AWS_CONFIG_FILE") or Path.home() / ".aws/config")
    profile = _profile()
    return _ini(path, profile if profile == "default" else f"profile {profile}").get("region", "")


def _ini(path: Path, section: str) -> dict[str, str]:
    """A section of one of the files that AWS' own programs use; empty where there is none."""
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, "utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        raise StorageError(f"{path} cannot be read as a file of AWS: [section] lines, and name = value.") from None
    return dict(parser[section]) if section in parser else {}


# --- what went wrong ---------------------------------------------------------------------------------------------

_SAYS = {
    "NoSuchBucket": "there is no bucket {bucket}. Make it, or name another one.",
    "AccessDenied": "the store gives no right to it. Look at the rights of the key or role that is used.",
    "InvalidAccessKeyId": "the store does not know the access key.",
    "SignatureDoesNotMatch": "the secret of the access key is wrong.",
    "ExpiredToken": "the session token has run out.",
    "RequestTimeTooSkewed": "the clock of this machine is wrong.",
    "PermanentRedirect": "the bucket {bucket} is in another region: say which.",
    "AuthorizationHeaderMalformed": "the bucket {bucket} is in another region: say which.",
}
_OF_STATUS = {"403": _SAYS["AccessDenied"], "401": _SAYS["AccessDenied"], "301": _SAYS["PermanentRedirect"]}


def _reason(place: Place, error: Exception) -> str:
    """The store's own code, in words. Its whole answer is not shown: it repeats what was asked, with the key's name."""
    text = str(error)
    code, status = _CODE.search(text), _STATUS.search(text)
    if code:
        said = _SAYS.get(code[1], f"the store says {code[1]}.")
    elif status:
        said = _OF_STATUS.get(status[1], f"the store answers with status {status[1]}.")
    elif "error sending request" in text or "timed out" in text or "error decoding response" in text:
        said = "the store at {endpoint} cannot be reached. Look at its address, the network, and whether it runs."
    elif isinstance(error, OSError) and error.strerror:
        said = f"{error.strerror}."
    else:
        said = _first_sentence(text)
    return said.replace("{bucket}", place.bucket).replace("{endpoint}", place.endpoint or "Amazon S3")


def _first_sentence(text: str) -> str:
    return text.split("\n", 1)[0].removeprefix("Generic S3 error: ").rstrip(".") + "."
