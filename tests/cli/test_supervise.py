# SPDX-License-Identifier: GPL-3.0-or-later
"""A manager as a child: real processes."""

import os
import socket
import time
from pathlib import Path

import psutil
import pytest

from brender.cli import supervise
from brender.cli.errors import CliError
from brender.cli.supervise import Household

RESTARTS = 2


@pytest.fixture
def said():
    return []


@pytest.fixture(autouse=True)
def few_restarts(monkeypatch):
    monkeypatch.setattr(supervise, "RESTARTS", RESTARTS)


@pytest.fixture
def house(tmp_path, said, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    house = Household(tmp_path / "data", said.append)
    yield house
    house.stop()


def test_a_manager_that_dies_is_started_again_and_it_is_said(house, said):
    house.start_manager()
    house.wait_for_manager().close()
    house.manager.process.kill()
    house.manager.process.wait()
    house.watch()
    with house.wait_for_manager() as client:
        assert client.farm().pid == house.manager.process.pid
    assert said == ["The manager has ended (signal 9) and is started again (1 of 2)."]


def test_a_stopped_household_leaves_nothing(house):
    house.start_manager()
    house.wait_for_manager().close()
    process = psutil.Process(house.manager.process.pid)
    house.stop()
    assert not process.is_running()
    assert not (house.data / "manager.json").exists()


def test_one_stopped_before_it_answered_leaves_nothing(house):
    house.start_manager()
    process = psutil.Process(house.manager.process.pid)
    began = time.monotonic()
    house.stop(0.5)
    assert time.monotonic() - began < 1.5
    assert not process.is_running()


def test_a_manager_that_cannot_start_says_why(house):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        house.start_manager(taken.getsockname()[1])
        with pytest.raises(CliError, match="Another program listens"):
            house.wait_for_manager()


def test_one_that_dies_again_and_again_is_given_up(house, said):
    house.data.mkdir()
    (house.data / "manager.lock").mkdir()  # no manager can start on this folder
    house.start_manager()
    for _ in range(RESTARTS):
        house.manager.process.wait(60)
        house.watch()
    house.manager.process.wait(60)
    with pytest.raises(CliError, match="has ended 3 times"):
        house.watch()
    assert len(said) == RESTARTS


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
def test_what_a_manager_prints_is_kept(house):
    house.start_manager()
    house.wait_for_manager().close()
    assert "manager" in (house.data / "logs" / "manager.log").read_text()
