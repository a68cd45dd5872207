# SPDX-License-Identifier: GPL-3.0-or-later
"""One suite over both storages: a folder, and a bucket of a real S3 server."""

import os
import secrets
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from brender.manager.storage import Storage, StorageError, choose
from brender.manager.storage.choose import Choice, open_storage
from brender.manager.storage.s3 import Place, S3Storage
from tests import s3server
from tests.s3server import BUCKET, S3Server

MIB = 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    running = s3server.started(tmp_path_factory.mktemp("s3"))
    yield running
    running.kill()


@pytest.fixture(params=["folder", "s3"])
def choice(request: pytest.FixtureRequest, tmp_path: Path) -> Choice:
    if request.param == "folder":
        return Choice(storage=str(tmp_path / "kept é"))
    return bucket(request.getfixturevalue("server"))


@pytest.fixture
def storage(choice: Choice, tmp_path: Path) -> Storage:
    (tmp_path / "data").mkdir()
    return open_storage(tmp_path / "data", choice)


def bucket(server: S3Server) -> Choice:
    """A folder of its own in the bucket."""
    place = f"s3://{BUCKET}/{secrets.token_hex(4)}/frames"
    return Choice(storage=place, endpoint=server.endpoint, credentials=server.credentials)


def put(storage: Storage, folder: Path, key: str, content: bytes) -> None:
    path = folder / f"incoming-{secrets.token_hex(4)}"
    path.write_bytes(content)
    storage.take(key, path)
    assert not path.exists()


def whole(storage: Storage, key: str, offset: int = 0, length: int | None = None) -> bytes:
    pieces = list(storage.read(key, offset, length))
    assert all(0 < len(piece) <= MIB for piece in pieces)
    return b"".join(pieces)


def keys(storage: Storage, prefix: str) -> set[str]:
    return {entry.key for entry in storage.list(prefix)}


# --- what both do


def test_what_is_kept_is_read_and_the_file_that_was_taken_is_gone(storage: Storage, tmp_path: Path) -> None:
    put(storage, tmp_path, "content/ab/abcd", b"hello")
    assert (storage.size("content/ab/abcd"), whole(storage, "content/ab/abcd")) == (5, b"hello")
    put(storage, tmp_path, "content/ab/abcd", b"other")
    put(storage, tmp_path, "content/ab/empty", b"")
    assert whole(storage, "content/ab/abcd") == b"other"
    assert (storage.size("content/ab/empty"), whole(storage, "content/ab/empty")) == (0, b"")


def test_what_is_not_there_is_said_at_once(storage: Storage) -> None:
    assert storage.size("content/ab/abcd") is None
    with pytest.raises(FileNotFoundError):
        list(storage.read("content/ab/abcd"))
    storage.delete("content/ab/abcd")


def test_20_mb_go_in_and_come_out_whole_and_in_ranges(storage: Storage, tmp_path: Path) -> None:
    content = secrets.token_bytes(20 * MIB + 7)
    put(storage, tmp_path, "output/1/large.exr", content)
    assert storage.size("output/1/large.exr") == len(content)
    assert whole(storage, "output/1/large.exr") == content
    for offset, length in ((0, 1), (MIB - 1, 2), (5, 3 * MIB), (8 * MIB, 8 * MIB), (len(content) - 1, 1)):
        assert whole(storage, "output/1/large.exr", offset, length) == content[offset : offset + length]


@pytest.mark.parametrize(
    ("offset", "length", "found"),
    [(4, None, b"456789"), (8, 100, b"89"), (10, None, b""), (10, 1, b""), (99, None, b""), (3, 0, b"")],
)
def test_a_range_ends_where_the_content_does(
    storage: Storage, tmp_path: Path, offset: int, length: int | None, found: bytes
) -> None:
    put(storage, tmp_path, "output/1/a", b"0123456789")
    assert whole(storage, "output/1/a", offset, length) == found


NAMES = (
    "Стул é 日本.png", "100%.png", "a%20b.png", "#1 [2] {3}.png", "~x'`^&=+$,;!().png", "🙂.png", "a b.png",
    unicodedata.normalize("NFD", "é.png"), ".hidden", "a.b.c", "-x", "a" * 200 + ".png",
)  # fmt: skip


def test_every_name_that_is_allowed_can_be_kept(storage: Storage, tmp_path: Path) -> None:
    for name in NAMES:
        put(storage, tmp_path, f"output/7/{name}/{name}", name.encode())
    assert keys(storage, "output/7/") == {f"output/7/{name}/{name}" for name in NAMES}
    for name in NAMES:
        assert whole(storage, f"output/7/{name}/{name}") == name.encode()
        storage.delete(f"output/7/{name}/{name}")
    assert keys(storage, "output/") == set()


def test_a_list_has_all_that_begins_so_and_nothing_else(storage: Storage, tmp_path: Path) -> None:
    began = time.time()
    kept = {"output/1/a.png", "output/1/sub/b.png", "output/10/c.png", "output/1x", "content/ab/ab12"}
    for key in kept:
        put(storage, tmp_path, key, key.encode())
    assert keys(storage, "") == kept | {choose.MARK}
    assert keys(storage, "output/1/") == {"output/1/a.png", "output/1/sub/b.png"}
    assert keys(storage, "output/1") == kept - {"content/ab/ab12"}
    assert keys(storage, "content/ab/ab1") == {"content/ab/ab12"}
    assert keys(storage, "nothing/") == set()
    (entry,) = storage.list("output/10/")
    assert entry.size == len("output/10/c.png")
    assert began - 2 < entry.modified_at < time.time() + 2


def test_what_is_deleted_is_gone(storage: Storage, tmp_path: Path) -> None:
    for key in ("output/1/a", "output/1/b"):
        put(storage, tmp_path, key, b"x")
    storage.delete("output/1/a")
    storage.delete("output/1/a")
    assert keys(storage, "output/") == {"output/1/b"}


def test_a_file_that_cannot_be_kept_stays(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone|No such file"):
        storage.take("output/1/a", tmp_path / "gone")
    assert storage.size("output/1/a") is None


def test_a_person_is_told_where_it_is(storage: Storage, choice: Choice) -> None:
    assert storage.where("output/1/a.png") == f"{choice.storage}/output/1/a.png"


# --- S3 alone


def place(server: S3Server, **fields: object) -> Place:
    given = {"bucket": BUCKET, "endpoint": server.endpoint, "credentials": server.credentials, "patience_s": 0.5}
    return Place(**given | fields)  # type: ignore[arg-type]


def refusal(wanted: Place) -> str:
    with pytest.raises(StorageError) as raised:
        S3Storage(wanted)
    return str(raised.value)


def test_a_wrong_bucket_endpoint_or_name_is_found_at_the_start(server: S3Server) -> None:
    assert "there is no bucket nothing-here. Make it, or name another one." in refusal(
        place(server, bucket="nothing-here")
    )
    assert "cannot be reached" in refusal(place(server, endpoint="http://127.0.0.1:9"))


def test_a_key_without_rights_is_told_and_its_secret_is_not(tmp_path: Path) -> None:
    strict = s3server.started(tmp_path, INITIAL_NO_AUTH_ACTION_COUNT="1")  # the bucket is made without
    try:
        said = refusal(place(strict))
    finally:
        strict.kill()
    assert "the store gives no right to it" in said or "does not know the access key" in said
    assert "not/a+secret" not in said
    assert "<" not in said


def test_credentials_that_others_can_read_are_refused(server: S3Server, tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
    path.chmod(0o644)
    assert refusal(place(server, credentials=path)).endswith(f"chmod 600 {path}")
    path.chmod(0o600)
    path.write_text("[other]\naws_access_key_id = a\n")
    assert "has no aws_access_key_id and aws_secret_access_key in its section [default]" in refusal(
        place(server, credentials=path)
    )
    assert "cannot be read: No such file" in refusal(place(server, credentials=tmp_path / "none"))


def test_the_usual_files_of_aws_are_used(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(server.credentials))
    put(S3Storage(place(server, prefix="usual", credentials=None)), tmp_path, "a", b"x")


def test_without_the_extra_a_sentence_names_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['obstore'] = None\n"
        "from pathlib import Path\n"
        "from brender.manager.storage import StorageError\n"
        "from brender.manager.storage.choose import Choice, open_storage\n"
        "open_storage(Path(sys.argv[1]), Choice())\n"
        "try: open_storage(Path(sys.argv[1]), Choice(storage='s3://b'))\n"
        "except StorageError as error: print(error)\n"
    )
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", code, tmp_path], env=environ, check=True, capture_output=True).stdout
    assert said.decode().strip() == (
        "The storage s3://b needs the extra s3, which is not installed: pip install 'brender-farm[s3]'."
    )


# --- which one


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def refused(data: Path, choice: Choice) -> str:
    with pytest.raises(StorageError) as raised:
        open_storage(data, choice)
    return str(raised.value)


def test_unless_chosen_it_is_in_the_data_folder(data: Path) -> None:
    assert open_storage(data, Choice()).where("a") == str(data / "storage" / "a")
    assert open_storage(data, Choice()).size(choose.MARK)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"storage": "frames"}, "is to be an absolute folder, or s3://BUCKET/PREFIX, and not frames"),
        ({"storage": "http://x/y"}, "is neither a folder nor s3://BUCKET/PREFIX"),
        ({"storage": "s3:///x"}, "is written s3://BUCKET/PREFIX"),
        ({"storage": "s3://key:secret@bucket"}, "without keys of access"),
        ({"storage": "s3://bucket", "endpoint": "localhost:9000"}, "an address such as https://s3.example.org"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(data: Path, said: dict[str, str], why: str) -> None:
    sentence = refused(data, Choice(**said))  # type: ignore[arg-type]
    assert why in sentence
    assert "secret" not in sentence


def test_another_storage_than_that_with_the_content_is_refused(choice: Choice, data: Path, tmp_path: Path) -> None:
    first = open_storage(data, choice)
    put(first, tmp_path, "content/ab/abcd", b"x")
    other = Choice(storage=str(tmp_path / "other"))
    said = refused(data, other)
    assert f"This farm's files are in {choice.storage}, and {other.storage} has not got them." in said
    assert open_storage(data, choice).size("content/ab/abcd") == 1


def test_a_storage_that_was_copied_is_taken(choice: Choice, data: Path, tmp_path: Path) -> None:
    first = open_storage(data, choice)
    put(first, tmp_path, "content/ab/abcd", b"x")
    for entry in first.list(""):
        path = tmp_path / "other" / entry.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(first.read(entry.key)))
    other = Choice(storage=str(tmp_path / "other"))
    assert open_storage(data, other).size("content/ab/abcd") == 1
    assert open_storage(data, other).size("content/ab/abcd") == 1


def test_a_farm_that_has_kept_nothing_may_choose_again(choice: Choice, data: Path) -> None:
    open_storage(data, Choice())
    open_storage(data, choice)


def test_another_farms_storage_is_refused(choice: Choice, data: Path, tmp_path: Path) -> None:
    open_storage(data, choice)
    other = tmp_path / "other"
    other.mkdir()
    assert "belongs to a farm that this data folder does not know" in refused(other, choice)
    open_storage(other, Choice())
    assert "is another farm's" in refused(other, choice)


def test_a_data_folder_without_its_note_keeps_its_own_storage(data: Path) -> None:
    open_storage(data, Choice())
    (data / choose.KNOWN).unlink()
    open_storage(data, Choice())
