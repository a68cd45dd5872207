# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender service install | uninstall | status`: the system keeps manager or worker running, from its start on."""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from brender.cli import service_text as text
from brender.cli.errors import CliError
from brender.client import places

SYSTEM_DATA = {"Linux": "/var/lib/brender", "Darwin": "/Library/Application Support/brender"}
_SECRET = ("--join", "--token", "--password")  # options whose value nobody else may read

what_argument = click.argument("what", type=click.Choice(["manager", "worker", "up"]))
user_option = click.option("--user", is_flag=True, help="One of your own, without the rights of an administrator.")
data_option = click.option("--data", metavar="FOLDER", help="The data folder; else the system's, with --user yours.")
dry_option = click.option("--dry-run", is_flag=True, help="Print what would be written and run, and do nothing.")


@click.group("service")
def service_command() -> None:
    """Have the system keep a manager or a worker running."""


@service_command.command("install", context_settings={"ignore_unknown_options": True})
@what_argument
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@user_option
@data_option
@click.option(
    "--writes", "writable", multiple=True, metavar="FOLDER", help="A folder that frames go to; again for more."
)
@dry_option
def install_command(
    what: text.What, options: tuple[str, ...], user: bool, data: str | None, writable: tuple[str, ...], dry_run: bool
) -> None:
    """Write and enable it; what stands behind WHAT goes to `brender manager`, `worker` or `up`.

    A worker joins a farm first: `brender worker --data FOLDER --join TOKEN`, once, as the user it will run as.
    """
    _refuse_secrets(options)
    folders = tuple(str(Path(folder).absolute()) for folder in writable)
    service = _service(what, options, data, user=user, writable=folders)
    _look_at_options(service)
    plan = _Plan(service, user=user)
    plan.refuse_without_rights(dry_run)
    for command in plan.before:
        _run(command, dry_run)
    _write(plan.path, plan.content, dry_run)
    for command in plan.after:
        _run(command, dry_run)
    if not dry_run:
        print(f"{service.name} is installed and runs. Its data is in {service.data}.")


@service_command.command("uninstall")
@what_argument
@user_option
@dry_option
def uninstall_command(what: text.What, user: bool, dry_run: bool) -> None:
    """End and remove it. Its data, and its user, stay."""
    plan = _Plan(_service(what, (), None, user=user), user=user)
    plan.refuse_without_rights(dry_run)
    for command in plan.removal:
        _run(command, dry_run, may_fail=True)
    if plan.path is None:
        return
    print(f"remove {plan.path}")
    if not dry_run:
        plan.path.unlink(missing_ok=True)


@service_command.command("status")
@what_argument
@user_option
@dry_option
def status_command(what: text.What, user: bool, dry_run: bool) -> int:
    """Say whether it runs, as the system does."""
    plan = _Plan(_service(what, (), None, user=user), user=user)
    return _run(plan.status, dry_run, may_fail=True)


class _Plan:
    """What is written and run on this system."""

    def __init__(self, service: text.Service, *, user: bool) -> None:
        self._service, self._user = service, user
        self.system = platform.system()
        self.before: list[list[str]] = []
        self.path: Path | None = None
        home = str(Path.home())
        if self.system == "Windows":
            file = str(Path(tempfile.gettempdir()) / f"{service.name}.xml")
            self.path, self.content = Path(file), text.windows_task(service, user=user)
            self.after, self.removal = text.windows_install(service, file), text.windows_uninstall(service)
            self.status = text.windows_status(service)
        elif self.system == "Darwin":
            uid = os.getuid()
            self.path = Path(text.launchd_path(service, user=user, home=home))
            self.content = text.launchd_plist(service, user=user)
            self.before = [] if user else _account(service, text.launchd_account(service))
            self.after = text.launchd_install(service, user=user, uid=uid)
            self.removal = text.launchd_uninstall(service, user=user, uid=uid)
            self.status = text.launchd_status(service, user=user, uid=uid)
        else:
            self.path = Path(text.systemd_path(service, user=user, home=home))
            self.content = text.systemd_unit(service, user=user)
            self.before = [] if user else _account(service, text.systemd_account(service))
            self.after = text.systemd_install(service, user=user)
            self.removal = text.systemd_uninstall(service, user=user)
            self.status = text.systemd_status(service, user=user)

    def refuse_without_rights(self, dry_run: bool) -> None:
        """A sentence before anything is half done."""
        if dry_run:
            return
        if self.system == "Linux" and not shutil.which("systemctl"):
            raise CliError(
                "There is no systemd here, which would keep it running. --dry-run prints the unit, to be put into what "
                "this system has instead."
            )
        if not self._user and hasattr(os, "geteuid") and os.geteuid() != 0:
            raise CliError("A service of the system is installed by root: with sudo; or one of your own with --user.")


def _account(service: text.Service, commands: list[list[str]]) -> list[list[str]]:
    """What is to be run for the user and the folder: a user that is there already is left as it is."""
    return commands[-1:] if _is_known(service.account) else commands


def _is_known(account: str) -> bool:
    try:
        import pwd

        pwd.getpwnam(account)
    except (ImportError, KeyError):
        return False
    return True


def _service(
    what: text.What, options: Sequence[str], data: str | None, *, user: bool, writable: tuple[str, ...] = ()
) -> text.Service:
    system = SYSTEM_DATA.get(platform.system())
    folder = str(places.data_folder(data)) if user or data or system is None else system
    return text.Service(
        what=what,
        program=(sys.executable, "-m", "brender"),
        options=tuple(options),
        data=str(Path(folder).absolute()),
        account="" if user else text.ACCOUNT_OF_MACOS if platform.system() == "Darwin" else text.ACCOUNT,
        writable=writable,
    )


def _refuse_secrets(options: Iterable[str]) -> None:
    for option in options:
        if option.partition("=")[0] in _SECRET:
            raise CliError(
                f"{option.partition('=')[0]} does not go into a unit, which others can read. Join first, once, as the "
                "user that it will run as: `brender worker --data FOLDER --join TOKEN`. Its key stays in that folder."
            )


def _look_at_options(service: text.Service) -> None:
    """What the command would refuse is refused now, and not at every start."""
    from brender.cli import serve

    command: click.Command = getattr(serve, f"{service.what}_command")
    command.make_context(service.what, list(service.command[len(service.program) + 1 :]))


def _write(path: Path | None, content: str, dry_run: bool) -> None:
    if path is None:
        return
    if dry_run:
        print(f"write {path}:\n{content}")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-16" if path.suffix == ".xml" else "utf-8")
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}.") from None


def _run(command: Sequence[str], dry_run: bool, may_fail: bool = False) -> int:
    if dry_run:
        print(f"run {shlex.join(command)}")
        return 0
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        raise CliError(f"{command[0]} could not be run: {error.strerror}.") from None
    if code and not may_fail:
        raise CliError(f"`{shlex.join(command)}` ended with exit code {code}: what it said stands above.")
    return code
