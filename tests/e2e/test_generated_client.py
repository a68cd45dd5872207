# SPDX-License-Identifier: GPL-3.0-or-later
"""R13: the document that a manager serves is valid, and the client that a generator makes of it talks to the farm.

The generator is another project's (openapi-python-client): it runs here, without the network, and may not complain.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

# a generator reads bytes of the types that it knows; that a picture is one is ours to say, and no fault of the document
PICTURES = dict.fromkeys(("image/jpeg", "image/png"), "application/octet-stream")
CONFIG = {"post_hooks": [], "content_type_overrides": PICTURES}
NAME = "generated_farm_client"


@pytest.fixture
def manager(desk) -> str:
    """The address of a manager with a data folder of its own."""
    desk.start("manager", "--port", "0", "--no-console").wait_for("manager ready")
    return str(json.loads((desk.data / "manager.json").read_bytes())["url"])


@pytest.fixture
def document(manager: str) -> dict[str, Any]:
    """What it serves, which is valid."""
    found: dict[str, Any] = httpx.get(f"{manager}/api/v1/openapi.json").raise_for_status().json()
    validate(found)
    return found


@pytest.fixture
def generated(document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The package that the generator makes of the document; a warning fails."""
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    words = ["--path", "openapi.json", "--config", "config.json", "--output-path", NAME, "--meta", "none"]
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(NAME)
    for name in [name for name in sys.modules if name.split(".")[0] == NAME]:
        del sys.modules[name]


@pytest.fixture
def client(generated: ModuleType, manager: str, desk) -> Iterator[Any]:
    token = (desk.data / "token").read_text().strip()
    made = generated.AuthenticatedClient(base_url=manager, token=token, raise_on_unexpected_status=True)
    with made as entered:
        yield entered


def call(operation: str) -> Any:
    """What the generator has made of an operation."""
    return importlib.import_module(f"{NAME}.api.default.{operation}")


def model(name: str) -> Any:
    return getattr(importlib.import_module(f"{NAME}.models"), name)


def prepare(client: Any, name: str) -> None:
    """A worker that is known before it has ever come."""
    body = model("CreateRequest").from_dict({"values": {"name": name}})
    call("create_object").sync(kind="worker", client=client, body=body)


def hints(stream: httpx.Response) -> Iterator[Any]:
    """The events of a stream, each as the type of the document."""
    for line in stream.iter_lines():
        if line.startswith("data: "):
            yield model("Hint").from_dict(json.loads(line.removeprefix("data: ")))


def test_a_generated_client_lists_disables_and_receives_an_event(client: Any) -> None:
    """R13."""
    prepare(client, "node-1")
    (listed,) = call("list_workers").sync(client=client).workers
    assert (listed.name, listed.wish.value) == ("node-1", "enabled")

    asked = call("listen")._get_kwargs()  # what a generator makes waits for the end of the answer, and this has none
    with client.get_httpx_client().stream(**asked) as stream:
        heard = hints(stream)
        assert next(heard).kind.value == "everything"
        disabled = call("disable_worker").sync(worker="node-1", client=client)
        assert disabled.wish.value == "disabled"
        hint = next(each for each in heard if each.kind.value == "worker")
    assert hint.id == listed.id
    assert [each.wish.value for each in call("list_workers").sync(client=client).workers] == ["disabled"]


def test_a_generated_client_is_told_what_is_wrong_as_the_document_says(client: Any) -> None:
    """R13."""
    said = call("disable_worker").sync_detailed(worker="nobody", client=client)
    assert said.status_code == 404
    assert type(said.parsed) is model("ErrorBody")
    assert said.parsed.error.reason == "not_found"
