# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Blender a far farm's job is bound to, and which managers are near."""

from pathlib import Path

import msgspec
import pytest

from brender.cli import request
from brender.cli.carry import is_here
from brender.cli.connect import Place
from brender.cli.errors import CliError
from brender.cli.request import farm_blender
from brender.client.api import Client
from brender.core.scene import Blender
from brender.core.views import ManagerFile

OWN = Blender(kind="blender", version="4.2.1", build="abc")
OTHER = Blender(kind="blender", version="4.5.0", build="def")


@pytest.fixture
def has(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine has one Blender, 4.2.1."""

    def choose(wanted: str | None, version: tuple[int, int], data: Path) -> Blender:
        if wanted in (None, "4.2"):
            return OWN
        raise CliError(f"There is no Blender {wanted} on this machine.")

    monkeypatch.setattr(request, "chosen_blender", choose)


@pytest.mark.usefixtures("has")
@pytest.mark.parametrize(
    ("wanted", "offered", "chosen", "said"),
    [
        (None, [OTHER, OWN], OWN, ""),
        (None, [msgspec.structs.replace(OWN, build="xyz")], msgspec.structs.replace(OWN, build="xyz"), ""),
        (None, [OTHER], None, "No worker has this machine's Blender 4.2.1 (abc)"),
        (None, [], OWN, "The job waits for one."),
        ("4.2", [OTHER], OWN, "no worker that is there has Blender 4.2.1 (abc). The job waits for one."),
        ("4.5", [OTHER], OTHER, ""),
    ],
)
def test_the_blender_is_the_one_that_was_named_or_the_one_here_if_a_worker_has_it(
    wanted: str | None, offered: list[Blender], chosen: Blender | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert farm_blender(wanted, (4, 2), Path(), offered) == chosen
    told = capsys.readouterr().err
    assert said in told
    assert bool(said) == bool(told)


@pytest.mark.usefixtures("has")
def test_a_blender_that_nobody_has_is_refused() -> None:
    with pytest.raises(CliError, match=r"There is no Blender 9\.9"):
        farm_blender("9.9", (4, 2), Path(), [OTHER])


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8080", True), ("http://localhost:1", True), ("http://[::1]:80", True),
        ("https://127.0.0.1:8080", False), ("http://192.168.1.4:8080", False), ("https://farm.example", False),
        ("https://127.0.0.1:9999", True),  # the data folder's own
    ],
)  # fmt: skip
def test_a_manager_is_near_at_a_plain_loopback_address_or_as_the_data_folders_own(
    url: str, here: bool, tmp_path: Path
) -> None:
    said = ManagerFile(url="https://127.0.0.1:9999", pid=1, boot="b")
    (tmp_path / "manager.json").write_bytes(msgspec.json.encode(said))
    with Client(url, "t") as client:
        assert is_here(Place(tmp_path), client) is here
