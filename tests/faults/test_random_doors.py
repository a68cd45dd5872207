# SPDX-License-Identifier: GPL-3.0-or-later
"""R8: random changes through random doors of a real manager, that is killed again and again: whatever was acknowledged
is there when it is back, and nothing else but what may have been on its way.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brender.client.api import Client
from brender.client.errors import ApiError
from brender.core.settings import SETTINGS

START_S = 60.0
PROMPT = b"> "
KEYS = {"worker": "name", "tag": "name", "share": "user", "setting": "name"}
SHOWN = {"worker": ("wish", "note", "tags"), "tag": ("note",), "share": ("weight",), "setting": ("value",)}

State = dict[str, dict[str, dict[str, Any]]]  # by kind and name, what is shown


# --- what is asked, and what it should do ------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One change of one object; of all, where its name is "all"."""

    verb: str  # create, set, delete
    kind: str
    name: str
    values: dict[str, Any] = field(default_factory=dict)

    def on(self, state: State) -> State | None:
        """The state afterwards; None where it is refused."""
        there = state[self.kind]
        if self.verb == "create":
            if self.name in there:
                return None
            after = deepcopy(state)
            after[self.kind][self.name] = NEW[self.kind] | self.values
            return after
        meant = list(there) if self.name == "all" else [self.name] if self.name in there else []
        if not meant or (self.kind == "tag" and self.verb == "delete" and any(_uses(state, tag) for tag in meant)):
            return None
        after = deepcopy(state)
        for name in meant:
            if self.verb == "delete":
                del after[self.kind][name]
            else:
                after[self.kind][name] |= self.values
        return after


NEW: dict[str, dict[str, Any]] = {
    "worker": {"wish": "enabled", "note": "", "tags": []}, "tag": {"note": ""}, "share": {}, "setting": {},
}  # fmt: skip


def _uses(state: State, tag: str) -> bool:
    return any(tag in worker["tags"] for worker in state["worker"].values())


NAMES = st.sampled_from(["ada", "bob", "cy"])
NOTES = st.sampled_from(["", "x", "two words", "ñandú"])
TAGS = st.lists(NAMES, unique=True, max_size=2)
WISHES = st.sampled_from(["enabled", "draining", "disabled"])
WEIGHTS = st.sampled_from([0.5, 2.0, 7.0])


def _changes(kind: str, verb: str, name: st.SearchStrategy[str], **values: Any) -> st.SearchStrategy[Change]:
    return st.builds(Change, st.just(verb), st.just(kind), name, st.fixed_dictionaries(values))


CHANGES = st.one_of(
    _changes("worker", "create", NAMES, note=NOTES),
    _changes("worker", "set", NAMES | st.just("all"), wish=WISHES),
    _changes("worker", "set", NAMES, tags=TAGS, note=NOTES),
    _changes("worker", "delete", NAMES),
    _changes("tag", "create", NAMES, note=NOTES),
    _changes("tag", "set", NAMES | st.just("all"), note=NOTES),
    _changes("tag", "delete", NAMES | st.just("all")),
    _changes("share", "create", NAMES, weight=WEIGHTS),
    _changes("share", "set", NAMES | st.just("all"), weight=WEIGHTS),
    _changes("share", "delete", NAMES),
    _changes("setting", "set", st.just("lease_s"), value=st.sampled_from([5.0, 60.0, 90.0])),
)


# --- a manager that is killed ------------------------------------------------------------------------------------


class Killed:
    """A manager's process on one data folder, started anew after each kill."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process: subprocess.Popen[bytes]
        self.known: dict[str, Any] = {}

    def start(self) -> None:
        command = [sys.executable, "-m", "brender", "manager", "--data", self.data, "--port", "0"]
        with (self.data.parent / "manager.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while self.known.get("pid") != self.process.pid:
            assert self.process.poll() is None, (self.data.parent / "manager.log").read_text()
            assert time.monotonic() < deadline, "the manager does not start"
            time.sleep(0.02)
            self.known = self._said()

    def _said(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.data / "manager.json").read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def line(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.known["console_port"]), timeout=START_S)

    def state(self) -> State:
        found: State = {}
        for kind, key in KEYS.items():
            rows = say_json(self, {"item": kind, "action": "read"})["data"]
            found[kind] = {row[key]: {name: row[name] for name in SHOWN[kind]} for row in rows}
        return found


# --- the doors ---------------------------------------------------------------------------------------------------


def typed(change: Change) -> str:
    """The line of a console."""
    values = [f'{name}="{_text(value)}"' for name, value in change.values.items()]
    if change.verb == "create":
        return " ".join(["create", change.kind, f"{KEYS[change.kind]}={change.name}", *values])
    return " ".join([change.verb, change.kind, change.name, *(["--"] if values else []), *values])


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def by_console(manager: Killed, change: Change) -> bool:
    with manager.line() as line:
        line.sendall(f"{typed(change)} --json\n".encode())
        line.shutdown(socket.SHUT_WR)
        with line.makefile(encoding="utf-8") as answer:
            return bool(json.loads(answer.read().splitlines()[1])["ok"])


def by_json(manager: Killed, change: Change) -> bool:
    values = dict(change.values)
    if change.verb == "create":
        request = {"item": change.kind, "action": "create", "values": values | {KEYS[change.kind]: change.name}}
    else:
        action = {"set": "update", "delete": "delete"}[change.verb]
        request = {"item": change.kind, "action": action, "filters": change.name, "values": values}
    return bool(say_json(manager, request)["ok"])


def say_json(manager: Killed, request: dict[str, Any]) -> dict[str, Any]:
    with manager.line() as line:
        line.sendall(json.dumps(request).encode() + b"\n")
        with line.makefile(encoding="utf-8") as answer:
            found: dict[str, Any] = json.loads(answer.read())
    return found


def by_http(manager: Killed, change: Change) -> bool:
    values = {name: _text(value) for name, value in change.values.items()}
    with Client(manager.known["url"], (manager.data / "token").read_text().strip()) as client:
        try:
            if change.verb == "create":
                client.create(change.kind, values | {KEYS[change.kind]: change.name})
            elif change.verb == "set":
                client.set(change.kind, [change.name], values)
            else:
                client.delete(change.kind, [change.name])
        except ApiError:
            return False
    return True


Door = Callable[[Killed, Change], bool]
DOORS: st.SearchStrategy[Door] = st.sampled_from([by_console, by_json, by_http])


# --- the test ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A new folder for each example."""
    return lambda: tmp_path_factory.mktemp("doors")


LIFE = st.tuples(st.lists(st.tuples(DOORS, CHANGES), min_size=3, max_size=12), CHANGES)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(lives=st.lists(LIFE, min_size=2, max_size=3))
def test_what_was_acknowledged_through_any_door_is_there_after_a_kill(
    folders: Callable[[], Path], lives: list[tuple[list[tuple[Door, Change]], Change]]
) -> None:
    """Each life of the manager: some changes, one more that nobody waits for, and the kill."""
    manager = Killed(folders() / "data")
    manager.data.mkdir()
    state: State = {"worker": {}, "tag": {}, "share": {}, "setting": {}}
    state["setting"] = {name: {"value": spec.default} for name, spec in SETTINGS.items()}
    manager.start()
    try:
        for changes, last in lives:
            for door, change in changes:
                after = change.on(state)
                assert door(manager, change) is (after is not None), (door.__name__, change, state)
                state = after or state
            with manager.line() as line:
                line.sendall(typed(last).encode() + b"\n")
                manager.kill()
            manager.start()
            found = manager.state()
            assert found in (state, last.on(state) or state)
            state = found
    finally:
        manager.kill()
