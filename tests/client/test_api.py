# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a real server: what it sends, and how it says what went wrong."""

import socket

import msgspec
import pytest

from brender.client.api import Client
from brender.client.errors import ApiError, Unreachable
from brender.client.find import find_manager, local_manager
from brender.core.views import ErrorBody, FarmView, JobRequest, ManagerFile, Problem

FARM = FarmView(version="3", url="http://x", data="/d", boot="b1", pid=1, started_at=0.0, workers=0, jobs=0)


def farm(**changed):
    return 200, msgspec.json.encode(msgspec.structs.replace(FARM, **changed))


@pytest.fixture
def client(answers):
    with Client(answers.url, "secret") as client:
        yield client


def test_it_sends_the_token_and_reads_the_view(answers, client):
    answers.answers["GET /api/v1/farm"] = farm()
    assert client.farm() == FARM
    assert answers.asked == [("GET /api/v1/farm", "Bearer secret", b"")]


def test_a_refusal_is_the_managers_own_sentence(answers, client):
    problem = Problem(message="Job 4 owns /out/####.png.", reason="conflict", where="settings.output")
    answers.answers["POST /api/v1/jobs"] = (409, msgspec.json.encode(ErrorBody(error=problem)))
    with pytest.raises(ApiError) as caught:
        client.submit(JobRequest(request_id="r", blend="/a/b.blend"))
    error = caught.value
    assert (error.message, error.status, error.reason, error.where) == (
        "Job 4 owns /out/####.png.", 409, "conflict", "settings.output",
    )  # fmt: skip


def test_a_request_goes_as_it_is_written_on_the_wire(answers, client):
    request = JobRequest(request_id="r", blend="/a b/c'd.blend", frames="1-3")
    with pytest.raises(ApiError):
        client.submit(request)
    assert msgspec.json.decode(answers.asked[0][2], type=JobRequest) == request


def test_an_error_that_is_no_managers_is_said_with_its_status(answers, client):
    with pytest.raises(ApiError, match="404 Not Found"):
        client.job(1)


def test_an_answer_of_another_shape_is_a_sentence(answers, client):
    answers.answers["GET /api/v1/farm"] = (200, b"<html>")
    with pytest.raises(ApiError, match="does not speak as a manager"):
        client.farm()


def test_nobody_there_is_unreachable():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else gets the port
        with Client(f"http://127.0.0.1:{held.getsockname()[1]}", "") as client, pytest.raises(Unreachable):
            client.farm()


def test_a_log_shows_bytes_that_are_no_text(answers, client):
    """C23."""
    answers.headers["X-Next-Offset"] = "9"
    answers.answers["GET /api/v1/jobs/1/log?frame=3&offset=4"] = (200, b"Fra\xff:3")
    piece = client.log(1, frame=3, offset=4)
    assert (piece.text, piece.offset) == ("Fra\ufffd:3", 9)


def test_the_data_folders_manager_is_found_while_it_is_the_same(answers, tmp_path):
    answers.answers["GET /api/v1/farm"] = farm(boot="b1")
    write(tmp_path, answers.url, "b1")
    found = local_manager(tmp_path)
    assert found is not None
    found.close()


def test_a_manager_that_died_is_none_though_another_has_its_port(answers, tmp_path):
    answers.answers["GET /api/v1/farm"] = farm(boot="b2")
    write(tmp_path, answers.url, "b1")
    assert local_manager(tmp_path) is None


def test_another_program_on_its_port_is_no_manager(answers, tmp_path):
    write(tmp_path, answers.url, "b1")
    assert local_manager(tmp_path) is None


def test_no_manager_is_known_in_an_empty_folder(tmp_path):
    assert find_manager(None, tmp_path, {}) is None


def test_a_named_manager_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ApiError):
        find_manager("http://127.0.0.1:1", tmp_path, {})


def test_the_environment_names_a_manager(answers, tmp_path):
    answers.answers["GET /api/v1/farm"] = farm()
    found = find_manager(None, tmp_path, {"BRENDER_MANAGER": answers.url.removeprefix("http://")})
    assert found is not None
    assert found.url == answers.url
    found.close()


def write(folder, url, boot):
    (folder / "manager.json").write_bytes(msgspec.json.encode(ManagerFile(url=url, pid=1, boot=boot)))
