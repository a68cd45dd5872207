# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins switched on at a real manager, and the way back in for whoever owns its machine."""

import datetime
import json
import signal
import subprocess
import sys
from typing import Any

import httpx

from brender.tls import certificate
from tests.e2e.conftest import Desk, Running

PASSWORD = "correct horse battery"


def started(desk: Desk, *more: str) -> tuple[Running, httpx.Client]:
    """A manager, and its API as whoever has the data folder asks it."""
    running = desk.start("manager", "--port", "0", "--no-console", *more)
    running.wait_for("manager ready")
    url = json.loads((desk.data / "manager.json").read_bytes())["url"]
    token = (desk.data / "token").read_text().strip()
    return running, httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"})


def me(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/me").raise_for_status().json()
    return found


def test_whoever_owns_the_machine_gets_back_in(desk: Desk) -> None:
    running, client = started(desk)
    with client:
        assert me(client)["role"] == "admin"
        client.post("/objects/user", json={"values": {"name": "boss", "role": "admin"}}).raise_for_status()
        client.post("/users/boss/password", json={"password": PASSWORD}).raise_for_status()
        body = {"filters": ["logins"], "values": {"value": True}}
        client.patch("/objects/setting", json=body).raise_for_status()
        assert (me(client)["role"], me(client)["logins"]) == ("viewer", True)
        shown = client.post("/login", json={"name": "boss", "password": PASSWORD, "token": True}, headers={}).json()
        assert client.patch("/objects/setting", json=body).status_code == 403
        secrets = [PASSWORD, shown["token"], shown["token"].partition(".")[2], client.headers["Authorization"][7:]]
    assert [word for process in running.family() for word in process.cmdline() if word in secrets] == []
    running.signal(signal.SIGTERM)
    assert running.wait() == 0
    again, client = started(desk, "--logins-off")
    with client:
        assert (me(client)["role"], me(client)["logins"]) == ("admin", False)
        (entry,) = [e for e in client.get("/audit").json()["entries"] if e["who"] == "--logins-off"]
        assert (entry["verb"], entry["kind"], entry["values"]) == ("set", "setting", {"value": False})
    assert [secret for secret in secrets if secret in running.text + again.text] == []


def typed(desk: Desk, stdin: str, *words: str) -> tuple[int, str]:
    """A command of somebody elsewhere: nothing of the manager's folder is theirs."""
    environ = {
        **desk.environ,
        "BRENDER_DATA": str(desk.folder / "theirs"),
        "XDG_CONFIG_HOME": str(desk.folder / "config"),
    }
    command = [sys.executable, "-m", "brender", *words]
    done = subprocess.run(command, input=stdin, env=environ, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_a_login_believes_the_certificate_that_an_admin_told_and_no_other(desk: Desk) -> None:
    desk.start("manager", "--port", "0", "--no-console", "--tls").wait_for("manager ready")
    known = json.loads((desk.data / "manager.json").read_bytes())
    url, mark = known["url"], known["fingerprint"]
    code, said = desk.run("users", "add", "anna", "--invite")
    text = said.split()[said.split().index("password:") + 1]
    assert code == 0
    lines = f"{text}\n{PASSWORD}\n"
    words = ("login", "--manager", url, "--invitation", "--password-stdin")
    code, said = typed(desk, lines, *words)
    assert (code, "Say --fingerprint, as an admin tells it" in said) == (3, True)
    code, said = typed(desk, lines, *words, "--fingerprint", "0" * 16)
    assert (code, "0000:0000:0000:0000 was expected" in said) == (3, True)
    code, said = typed(desk, lines, *words, "--fingerprint", f"{mark[:4]}:{mark[4:8]}:{mark[8:12]}:{mark[12:16]}")
    assert (code, "You are anna, a user" in said) == (0, True), said
    code, said = typed(desk, "", "whoami", "--manager", url)
    assert (code, "you are anna" in said) == (0, True)
    kept = desk.folder / "config" / "brender" / "logins.json"
    logins = json.loads(kept.read_text())
    logins[url]["certificate"] = certificate.make("other", [], datetime.datetime.now(datetime.UTC)).certificate.decode()
    kept.write_text(json.dumps(logins))
    code, said = typed(desk, lines, "login", "--manager", url, "--name", "anna", "--password-stdin")
    assert (code, "is not believed" in said) == (4, True), said
