# SPDX-License-Identifier: GPL-3.0-or-later
"""What a system is given so that it keeps brender running: units of systemd, a launchd plist, a task of Windows.

Pure text and argument lists, for every system on every system. None of it holds a secret.
"""

import plistlib
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

What = Literal["manager", "worker", "up"]

ACCOUNT = "brender"  # the system's user that it runs as
ACCOUNT_OF_MACOS = "_brender"  # where such names begin with a line
TITLES: dict[str, str] = {
    "manager": "brender, a render farm for Blender: the manager",
    "worker": "brender, a render farm for Blender: a worker",
    "up": "brender, a render farm for Blender: manager and worker",
}
STOP_S = 30  # a worker gives back what it renders within seconds


@dataclass(frozen=True, kw_only=True)
class Service:
    """What is to be kept running."""

    what: What
    program: tuple[str, ...]  # the command line that means `brender`
    options: tuple[str, ...]  # all others, as they were given
    data: str  # the data folder, absolute
    account: str = ACCOUNT  # "": the user who installs it, "root" for a worker that becomes another user
    writable: tuple[str, ...] = ()  # more folders that it writes to: where frames go

    @property
    def name(self) -> str:
        """What systems call it."""
        return f"brender-{self.what}"

    @property
    def command(self) -> tuple[str, ...]:
        """The whole command line."""
        return (*self.program, self.what, "--data", self.data, *self.options)

    @property
    def becomes_another(self) -> bool:
        """Whether it renders as another user, for which it must keep the rights of root."""
        return any(option == "--run-as" or option.startswith("--run-as=") for option in self.options)

    @property
    def log(self) -> str:
        """Where a system that keeps no journal has its log."""
        return f"{self.data}/logs/{self.what}.log"


# --- systemd -----------------------------------------------------------------------------------------------------


def systemd_path(service: Service, *, user: bool, home: str = "~") -> str:
    """Where its unit goes."""
    folder = f"{home}/.config/systemd/user" if user else "/etc/systemd/system"
    return f"{folder}/{service.name}.service"


def systemd_unit(service: Service, *, user: bool) -> str:
    """The unit; `user`: one of a user's own, which needs no rights and ends when that user has left for good."""
    lines = [
        "[Unit]",
        f"Description={TITLES[service.what]}",
        "Wants=network-online.target",
        "After=network-online.target",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        f"ExecStart={' '.join(map(_systemd_word, service.command))}",
        "Restart=always",
        "RestartSec=5",
        f"TimeoutStopSec={STOP_S}",
        "KillMode=mixed",  # the worker ends its Blenders itself; what it leaves is ended after it
        "LimitNOFILE=65536",
        "LimitCORE=0",
    ]
    if not service.becomes_another:  # the other user reads what this one fetches for it
        lines.append("UMask=0027")
    lines += [] if user else _hardened(service)
    return "\n".join([*lines, "", "[Install]", f"WantedBy={'default' if user else 'multi-user'}.target", ""])


def _hardened(service: Service) -> list[str]:
    folders = " ".join(_systemd_word(folder) for folder in (service.data, *service.writable))
    lines = [
        f"ReadWritePaths={folders}",
        "ProtectSystem=strict",
        "ProtectControlGroups=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "PrivateTmp=yes",
    ]
    lines.append("ProtectHome=read-only")
    if service.becomes_another:
        return ["User=root", *lines]
    return [f"User={service.account}", f"Group={service.account}", "NoNewPrivileges=yes", *lines]


def _systemd_word(word: str) -> str:
    """One word of a command line, as systemd.service(5) quotes it."""
    for found, instead in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$"), ("\n", "\\n")):
        word = word.replace(found, instead)
    return f'"{word}"' if not word or any(char in word for char in " \t'\"\\;") else word


def systemd_install(service: Service, *, user: bool) -> list[list[str]]:
    """What is run once the unit is written."""
    control = ["systemctl", *(["--user"] if user else [])]
    return [[*control, "daemon-reload"], [*control, "enable", "--now", f"{service.name}.service"]]


def systemd_account(service: Service) -> list[list[str]]:
    """What makes its user and its folder, where they are not there yet."""
    if service.becomes_another:  # that user gets through the folder to its frames, and sees nothing of it
        return [["install", "-d", "-m", "0711", service.data]]
    return [
        ["useradd", "--system", "--home-dir", service.data, "--shell", "/usr/sbin/nologin", service.account],
        ["install", "-d", "-m", "0750", "-o", service.account, "-g", service.account, service.data],
    ]


def systemd_uninstall(service: Service, *, user: bool) -> list[list[str]]:
    """What is run before the unit is removed; its data stays."""
    control = ["systemctl", *(["--user"] if user else [])]
    return [[*control, "disable", "--now", f"{service.name}.service"]]


def systemd_status(service: Service, *, user: bool) -> list[str]:
    """What says whether it runs."""
    return ["systemctl", *(["--user"] if user else []), "--no-pager", "status", f"{service.name}.service"]


# --- launchd -----------------------------------------------------------------------------------------------------


def launchd_label(service: Service) -> str:
    """What launchd calls it."""
    return f"farm.brender.{service.what}"


def launchd_path(service: Service, *, user: bool, home: str = "~") -> str:
    """Where its plist goes."""
    folder = f"{home}/Library/LaunchAgents" if user else "/Library/LaunchDaemons"
    return f"{folder}/{launchd_label(service)}.plist"


def launchd_plist(service: Service, *, user: bool) -> str:
    """The plist. launchd keeps no log within a bound; brender does, with --log."""
    told: dict[str, object] = {
        "Label": launchd_label(service),
        "ProgramArguments": [*service.command, *_log(service)],
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": 5,
        "ExitTimeOut": STOP_S,
        "ProcessType": "Background" if service.what == "worker" else "Standard",
        "Umask": 0o022 if service.becomes_another else 0o027,
        "SoftResourceLimits": {"NumberOfFiles": 65_536, "Core": 0},
        "WorkingDirectory": "/",
    }
    if not user and not service.becomes_another and service.account:
        told["UserName"] = service.account
    return plistlib.dumps(told).decode()


def launchd_account(service: Service) -> list[list[str]]:
    """What makes its user and its folder, where they are not there yet."""
    if service.becomes_another:
        return [["install", "-d", "-m", "0711", service.data]]
    return [
        ["sysadminctl", "-addUser", service.account, "-UID", "450", "-roleAccount"],
        ["install", "-d", "-m", "0750", "-o", service.account, service.data],
    ]


def launchd_install(service: Service, *, user: bool, uid: int) -> list[list[str]]:
    """What is run once the plist is written."""
    return [["launchctl", "bootstrap", _domain(user, uid), launchd_path(service, user=user)]]


def launchd_uninstall(service: Service, *, user: bool, uid: int) -> list[list[str]]:
    """What is run before the plist is removed."""
    return [["launchctl", "bootout", f"{_domain(user, uid)}/{launchd_label(service)}"]]


def launchd_status(service: Service, *, user: bool, uid: int) -> list[str]:
    """What says whether it runs."""
    return ["launchctl", "print", f"{_domain(user, uid)}/{launchd_label(service)}"]


def _domain(user: bool, uid: int) -> str:
    return f"gui/{uid}" if user else "system"


# --- Windows -----------------------------------------------------------------------------------------------------


def windows_task(service: Service, *, user: bool) -> str:
    """A task that starts with the machine, or, of a user's own, when that user logs in.

    Not a service: one would have to speak with the service manager, for which Python needs a program of others.
    """
    program, *arguments = [*service.command, *_log(service)]
    trigger = "LogonTrigger" if user else "BootTrigger"
    local_service = "<UserId>S-1-5-19</UserId>"  # few rights, no password
    principal = "<LogonType>InteractiveToken</LogonType>" if user else local_service
    return f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.3" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>{escape(TITLES[service.what])}</Description></RegistrationInfo>
  <Triggers><{trigger}><Enabled>true</Enabled></{trigger}></Triggers>
  <Principals><Principal id="Author">{principal}<RunLevel>LeastPrivilege</RunLevel></Principal></Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(program)}</Command>
      <Arguments>{escape(" ".join(map(_windows_word, arguments)))}</Arguments>
    </Exec>
  </Actions>
</Task>
"""


def windows_install(service: Service, file: str) -> list[list[str]]:
    """What is run with the task in a file."""
    return [
        ["schtasks", "/Create", "/F", "/TN", service.name, "/XML", file],
        ["schtasks", "/Run", "/TN", service.name],
    ]


def windows_uninstall(service: Service) -> list[list[str]]:
    """What ends and removes it."""
    return [["schtasks", "/End", "/TN", service.name], ["schtasks", "/Delete", "/F", "/TN", service.name]]


def windows_status(service: Service) -> list[str]:
    """What says whether it runs."""
    return ["schtasks", "/Query", "/V", "/FO", "LIST", "/TN", service.name]


def _windows_word(word: str) -> str:
    """One word of a command line, as the C library of Windows reads it."""
    if word and not any(char in word for char in ' \t"'):
        return word
    quoted, backslashes = '"', 0
    for char in word:
        if char == "\\":
            backslashes += 1
            continue
        quoted += "\\" * (backslashes * 2 + 1 if char == '"' else backslashes) + char
        backslashes = 0
    return quoted + "\\" * (backslashes * 2) + '"'


def _log(service: Service) -> tuple[str, ...]:
    return () if service.what == "up" else ("--log", service.log)
