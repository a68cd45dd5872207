# SPDX-License-Identifier: GPL-3.0-or-later
"""What systems are given to keep brender running: the text for each, and that nothing secret is in it."""

import platform
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from brender.cli import service_text as text
from brender.cli.main import main
from brender.cli.service_text import Service

MANAGER = Service(
    what="manager",
    program=("/opt/brender/bin/python", "-m", "brender"),
    options=("--listen", "0.0.0.0"),
    data="/var/lib/brender",
    writable=("/srv/my frames",),
)
WORKER = Service(what="worker", program=MANAGER.program, options=("--tag", "50% $HOME"), data="/var/lib/brender")
AS_ANOTHER = Service(what="worker", program=MANAGER.program, options=("--run-as", "render"), data="/var/lib/brender")


def lines(service: Service, *, user: bool = False) -> list[str]:
    return text.systemd_unit(service, user=user).splitlines()


def test_a_unit_of_the_system_has_a_user_of_its_own_and_few_rights():
    unit = lines(MANAGER)
    assert "ExecStart=/opt/brender/bin/python -m brender manager --data /var/lib/brender --listen 0.0.0.0" in unit
    assert 'ReadWritePaths=/var/lib/brender "/srv/my frames"' in unit
    assert {"User=brender", "NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes"} <= set(unit)
    assert {"Restart=always", "TimeoutStopSec=30", "LimitNOFILE=65536", "WantedBy=multi-user.target"} <= set(unit)


def test_a_worker_that_renders_as_another_user_keeps_the_rights_for_it():
    unit = lines(AS_ANOTHER)
    assert "User=root" in unit
    assert "NoNewPrivileges=yes" not in unit
    assert text.systemd_account(AS_ANOTHER) == [["install", "-d", "-m", "0711", "/var/lib/brender"]]


def test_a_unit_of_a_user_names_no_user_and_needs_no_rights():
    unit = lines(MANAGER, user=True)
    assert not [line for line in unit if line.startswith(("User=", "Protect", "ReadWrite"))]
    assert "WantedBy=default.target" in unit
    assert text.systemd_path(MANAGER, user=True, home="/home/a") == (
        "/home/a/.config/systemd/user/brender-manager.service"
    )
    assert text.systemd_install(MANAGER, user=True)[-1] == [
        "systemctl", "--user", "enable", "--now", "brender-manager.service",
    ]  # fmt: skip


def test_words_reach_the_command_as_they_are():
    assert '--tag "50%% $$HOME"' in text.systemd_unit(WORKER, user=False)
    assert text._systemd_word('a "b" \\c') == '"a \\"b\\" \\\\c"'
    assert text._windows_word('a "b" c\\') == '"a \\"b\\" c\\\\"'
    assert text._windows_word("C:\\a") == "C:\\a"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize("what", ["manager", "worker", "up"])
def test_systemd_finds_nothing_wrong_with_a_unit(what: text.What, user: bool, tmp_path: Path):
    service = Service(
        what=what, program=(sys.executable, "-m", "brender"), options=("--name", "a b%"), data="/tmp", account="daemon"
    )
    unit = tmp_path / f"brender-{what}.service"
    unit.write_text(text.systemd_unit(service, user=user))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert unit.name not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr


def test_launchd_gets_a_plist_with_a_log_that_stays_small():
    told = plistlib.loads(text.launchd_plist(WORKER, user=False).encode())
    assert told["ProgramArguments"] == [*WORKER.command, "--log", "/var/lib/brender/logs/worker.log"]
    assert told["UserName"] == "brender"
    assert told["KeepAlive"] is True
    assert "UserName" not in plistlib.loads(text.launchd_plist(AS_ANOTHER, user=False).encode())
    assert text.launchd_install(WORKER, user=False, uid=501) == [
        ["launchctl", "bootstrap", "system", "/Library/LaunchDaemons/farm.brender.worker.plist"]
    ]
    assert text.launchd_uninstall(WORKER, user=True, uid=501) == [
        ["launchctl", "bootout", "gui/501/farm.brender.worker"]
    ]


def test_windows_gets_a_task_that_starts_with_the_machine_and_again_after_a_failure():
    service = Service(
        what="worker", program=("C:\\Program Files\\Python\\python.exe", "-m", "brender"), options=("--tag", "a & b"),
        data="C:\\ProgramData\\brender",
    )  # fmt: skip
    task = ElementTree.fromstring(text.windows_task(service, user=False).replace(' encoding="UTF-16"', ""))
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    assert task.findtext(".//t:Exec/t:Command", namespaces=space) == service.program[0]
    assert task.findtext(".//t:Exec/t:Arguments", namespaces=space) == (
        '-m brender worker --data C:\\ProgramData\\brender --tag "a & b" --log C:\\ProgramData\\brender/logs/worker.log'
    )
    assert task.find(".//t:BootTrigger", space) is not None
    assert task.findtext(".//t:UserId", namespaces=space) == "S-1-5-19"
    assert task.findtext(".//t:RestartOnFailure/t:Interval", namespaces=space) == "PT1M"
    assert text.windows_install(service, "x.xml")[0] == [
        "schtasks", "/Create", "/F", "/TN", "brender-worker", "/XML", "x.xml",
    ]  # fmt: skip


linux = pytest.mark.skipif(platform.system() != "Linux", reason="what is printed is Linux's")


@linux
def test_a_dry_run_prints_all_and_does_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["service", "install", "worker", "--data", str(tmp_path), "--tag", "gpu", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "write /etc/systemd/system/brender-worker.service:" in said
    assert f"-m brender worker --data {tmp_path} --tag gpu\n" in said
    assert "run systemctl enable --now brender-worker.service" in said
    assert not list(tmp_path.iterdir())
    assert main(["service", "uninstall", "worker", "--dry-run"]) == 0
    assert "remove /etc/systemd/system/brender-worker.service" in capsys.readouterr().out


@pytest.mark.parametrize("option", [["--join", "SECRET"], ["--join=SECRET"]])
def test_a_token_does_not_go_into_a_unit(option: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["service", "install", "worker", *option, "--dry-run"]) != 0
    said = capsys.readouterr()
    assert "does not go into a unit" in said.err
    assert "SECRET" not in said.out + said.err


def test_an_option_that_the_command_has_not_got_is_refused_now(capsys: pytest.CaptureFixture[str]):
    assert main(["service", "install", "manager", "--no-such-option", "--dry-run"]) != 0
    assert "--no-such-option" in capsys.readouterr().err
