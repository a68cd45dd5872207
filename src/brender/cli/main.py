# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender`: finds the command and runs it. A command's module is imported only when it is used."""

import importlib
import sys
from collections.abc import Sequence

import click

from brender import __version__
from brender.cli.errors import guarded
from brender.cli.exits import listed

# command: (module in brender.cli, what it does)
COMMANDS = {
    "render": ("render", "Render a .blend with Blender's own arguments."),
    "up": ("serve", "Run a manager and one worker on this machine."),
    "manager": ("serve", "Run the manager: it holds the farm and decides."),
    "worker": ("serve", "Run a worker: it renders for a manager."),
    "jobs": ("jobs", "List the jobs."),
    "job": ("jobs", "Show a job."),
    "why": ("jobs", "Say why a job is where it is."),
    "logs": ("logs", "Show what Blender printed."),
    "attach": ("render", "Follow a job until it ends."),
    "fetch": ("fetch", "Fetch the frames of a job that are done."),
    "pause": ("jobs", "Start nothing more of jobs (numbers), or stop workers (names) with all they render."),
    "resume": ("jobs", "Let paused jobs, or workers, go on."),
    "retry": ("jobs", "Render what failed, or was cancelled, once more."),
    "cancel": ("jobs", "End jobs. What is rendered stays."),
    "priority": ("jobs", "Change a job's priority."),
    "workers": ("workers", "List the workers."),
    "enable": ("workers", "Let workers take work again."),
    "disable": ("workers", "Let workers take no work."),
    "drain": ("workers", "Let workers finish what they hold, and no more."),
    "kill": ("workers", "End what workers render, or the runs of tasks, processes and all."),
    "ping": ("workers", "Ask a worker whether it listens, and how long its answer takes."),
    "get": ("objects", "Show objects and their attributes."),
    "set": ("objects", "Set attributes of the objects that are meant: of all of them, or of none."),
    "create": (
        "objects",
        (
            "Make an object: a worker before it comes, a tag, a user's share, a mapping of a shared folder, "
            "a job of a .blend."
        ),
    ),
    "delete": ("objects", "Delete the objects that are meant: all of them, or none."),
    "describe": ("objects", "Say what a kind of object has: each attribute, its type, and whether it can be set."),
    "audit": ("objects", "Show who changed what, when, and from where: the newest first."),
    "trace": ("content", "Show what a scene needs: what would be sent, and what of it is not there."),
    "gc": ("content", "Remove the files of scenes that were sent, and that no job needs."),
    "users": ("people", "List the people with an account, or change who they are."),
    "tokens": ("people", "List your API tokens, make and revoke them; let machines join."),
    "login": ("people", "Log in at a manager."),
    "logout": ("people", "Forget a login, and revoke its token."),
    "whoami": ("people", "Say who you are to a manager, and what you may do."),
    "password": ("people", "Change your password."),
    "console": ("console", "Talk to the manager's console."),
    "shutdown": ("console", "End the manager."),
    "service": ("service", "Have the system keep a manager or a worker running."),
    "backup": ("backup", "Copy the farm's database to a file while the manager runs."),
    "doctor": ("doctor", "Look at this machine and say what to mend."),
}


class LazyGroup(click.Group):
    """A group whose commands are known by name, and imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table, which is that of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command NAME is `NAME_command` in its module."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"brender.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table alone, so that help imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit codes, as they are: click would fold them."""
        formatter.write(f"\n{listed()}\n")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="brender", message="%(prog)s %(version)s")
def brender() -> None:
    """A render farm for Blender.

    brender render scene.blend -s 1 -e 250 -a
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return guarded(lambda: brender.main(given, prog_name="brender", standalone_mode=False))
