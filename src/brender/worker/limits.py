# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker's renders are held to: another user, memory, processes, open files, no Python of jobs.

The system holds them, not Blender: `confine.py` lowers its limits and becomes the other user before it becomes Blender.
What cannot be is found out when the worker starts, and said in a sentence.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from brender.core.scene import Scene

CONFINE = Path(__file__).parent / "confine.py"
SERVE_ROOM = Path(__file__).parents[1] / "inblender"
CARRIED = "carried"  # in the worker's folder: where frames of carried jobs are rendered
_PRIVATE = ("outbox", "runs", "logs", "proofs")  # in the worker's folder: nobody else's
_OURS = "BRENDER_"  # variables of the worker: a token could be among them
_OF_HOME = ("HOME", "USER", "LOGNAME", "MAIL", "XDG_", "SUDO_", "SSH_")
_CHECK_S = 60.0

# what allocators and Blender say when they get nothing
_NO_MEMORY = ("alloc returns null", "bad_alloc", "memoryerror", "out of memory", "cannot allocate memory")


class CannotConfineError(Exception):
    """Why renders cannot be held to what was asked for: a sentence for who starts the worker."""


class Account(msgspec.Struct, frozen=True):
    """A user of this machine, as the system knows it."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for; nothing of it unless it is given."""

    account: Account | None = None
    memory_gb: float | None = None  # of the tree in memory, and of what one process may claim
    processes: int | None = None  # of its user, threads among them
    files: int | None = None  # open at once, of one process
    no_scripts: bool = False
    own: Path | None = None  # the worker's folder

    @property
    def confined(self) -> bool:
        """Whether the system has to hold it to anything."""
        return any(each is not None for each in (self.account, self.memory_gb, self.processes, self.files))

    @property
    def memory_mb(self) -> float | None:
        """The bound of memory, in MB of 2**20 bytes."""
        return None if self.memory_gb is None else self.memory_gb * 1024

    def command(self, command: Sequence[str]) -> list[str]:
        """What is started instead of `command`, and becomes it."""
        if not self.confined:
            return list(command)
        data = None if self.memory_gb is None else int(self.memory_gb * 2**30)
        given = {"--data": data, "--processes": self.processes, "--files": self.files}
        options = [f"{name}={value}" for name, value in given.items() if value is not None]
        if self.account is not None:
            groups = ",".join(map(str, self.account.groups))
            options += [f"--groups={groups}", f"--group={self.account.gid}", f"--user={self.account.uid}"]
        return [sys.executable, "-I", "-S", str(CONFINE), *options, "--", *command]

    def environment(self, environ: Mapping[str, str], home: str) -> dict[str, str]:
        """Without what is the worker's own; of another user also without what is this one's."""
        kept = {name: value for name, value in environ.items() if not name.startswith(_OURS)}
        if self.account is None:
            return kept
        kept = {name: value for name, value in kept.items() if not name.startswith(_OF_HOME)}
        return kept | {"HOME": home, "USER": self.account.name, "LOGNAME": self.account.name}

    def give(self, folder: str | Path) -> None:
        """The folder is the other user's from now on."""
        if self.account is not None:
            os.chown(folder, self.account.uid, self.account.gid)

    def give_outputs(self, scene: Scene) -> None:
        """Where a carried scene's frames are rendered; other folders are shared, and stay as they are."""
        if self.account is None or self.own is None or not scene.settings.output:
            return
        folder = Path(scene.settings.output).parent
        if folder.is_relative_to(self.own / CARRIED):
            folder.mkdir(parents=True, exist_ok=True)
            self.give(folder)

    def sealed(self, scene: Scene) -> Scene:
        """The scene as Blender opens it: where no Python of jobs runs, also not by Blender's preferences."""
        if not self.no_scripts:
            return scene
        return msgspec.structs.replace(scene, launch=msgspec.structs.replace(scene.launch, sealed=True))

    def hit_memory(self, said: Sequence[str]) -> bool:
        """Whether the last words are those of a program that got no more memory, where there is a bound."""
        text = "\n".join(said).lower()
        return self.memory_gb is not None and any(words in text for words in _NO_MEMORY)

    def memory_sentence(self, peak_mb: float) -> str:
        """That the bound was hit, and what to do."""
        return (
            f"Blender reached this worker's limit of {self.memory_gb:g} GB of memory (--limit-memory) and was ended; "
            f"it had {peak_mb:,.0f} MB. Render it on a worker with more, or make the scene smaller."
        )


UNLIMITED = Limits()


def limits(
    user: str | None = None,
    memory_gb: float | None = None,
    processes: int | None = None,
    files: int | None = None,
    no_scripts: bool = False,
) -> Limits:
    """What was asked for, once it is known that it can be had. Raises CannotConfineError."""
    made = Limits(
        account=None if user is None else account(user),
        memory_gb=memory_gb,
        processes=processes,
        files=files,
        no_scripts=no_scripts,
    )
    if made.confined:
        _check(made)
    return made


def account(user: str) -> Account:
    """The user of this name, or number. Raises CannotConfineError."""
    if sys.platform == "win32":
        raise CannotConfineError("--run-as is not there on Windows: start the worker itself as the user that renders.")
    import pwd

    try:
        found = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except KeyError:
        raise CannotConfineError(
            f"There is no user {user} on this machine, as whom --run-as would render. Make one: "
            f"useradd --system --no-create-home {user}"
        ) from None
    if found.pw_uid == 0:
        raise CannotConfineError("--run-as root would hold renders to nothing: name a user without rights.")
    groups = tuple(os.getgrouplist(found.pw_name, found.pw_gid))
    return Account(found.pw_name, found.pw_uid, found.pw_gid, groups)


def prepare(limits: Limits, folder: Path) -> Limits:
    """The worker's folder, so that the other user gets through it to what is rendered, and sees nothing else of it."""
    if limits.account is None:
        return limits
    carried = folder / CARRIED
    carried.mkdir(exist_ok=True)
    for path, mode in ((folder, 0o710), (carried, 0o710)):
        os.chown(path, -1, limits.account.gid)
        path.chmod(mode)
    for name in _PRIVATE:
        with contextlib.suppress(FileNotFoundError):
            (folder / name).chmod(0o700)
    return msgspec.structs.replace(limits, own=folder)


def _check(limits: Limits) -> None:
    """Starts a process that is held to it, and looks whether it can be, and can read what it has to."""
    if sys.platform != "linux" and limits.memory_gb is not None:
        raise CannotConfineError("--limit-memory is there on Linux alone: this system does not hold a process to it.")
    if os.name != "posix":
        raise CannotConfineError("Limits of renders are not there on Windows.")
    user = "" if limits.account is None else limits.account.name
    if limits.account is not None and os.geteuid() != 0:
        raise CannotConfineError(
            f"Rendering as {user} (--run-as) wants a worker that was started by root: it may not become another user."
        )
    try:
        done = subprocess.run(
            [*limits.command([])[:-1], "--look", str(SERVE_ROOM)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env=limits.environment(os.environ, "/"),
            timeout=_CHECK_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CannotConfineError(_unreadable(user, f"{sys.executable}: {why}")) from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CannotConfineError(_unreadable(user, said[-1] if said else f"exit code {done.returncode}"))


def _unreadable(user: str, why: str) -> str:
    who = f"as {user}" if user else "with these limits"
    return (
        f"Nothing can be started {who} ({why}). Give higher limits, and install brender and Blender where every user "
        f"can read them, not in a home folder such as {Path.home()}."
    )
