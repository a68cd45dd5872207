# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a worker together and runs it: folder, identity, what the last process left, Blenders, connection, agent."""

import asyncio
import os
import platform
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from brender.core import messages as m
from brender.core.views import ManagerFile
from brender.worker import discovery, host, joining
from brender.worker.agent import Agent, Stores
from brender.worker.cache import GB, Cache
from brender.worker.carried import Carried
from brender.worker.connection import Connection
from brender.worker.identity import Identity, NoIdentityError, claim
from brender.worker.joining import CannotJoin, Joined
from brender.worker.limits import CARRIED, UNLIMITED, CannotConfineError, Limits, limits, prepare
from brender.worker.link import Address, Link, UnknownAddressError
from brender.worker.outbox import Outbox
from brender.worker.process import end_left_behind
from brender.worker.proofs import Proofs
from brender.worker.runfolders import RunFolders
from brender.worker.runlogs import RunLogs
from brender.worker.session import Habits, Session
from brender.worker.slot import Slot

__all__ = ["CannotConfineError", "Config", "limits", "run", "work"]  # what the command line asks for

log = structlog.get_logger()

TOKEN = "BRENDER_TOKEN"  # noqa: S105  the name of a variable
MANAGER = "BRENDER_MANAGER"

# how a worker's process ends; the numbers are those of docs/exit-codes.md
FAILED, REFUSED, NO_MANAGER = 1, 3, 4


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a worker is started with."""

    data: Path  # the data folder, where a manager of this machine says its address and token
    manager: str | None = None  # its address, "http://host:8080"; None: the data folder's
    folder: Path | None = None  # the worker's own; None: in the data folder
    name: str | None = None  # None: the machine's
    tags: tuple[str, ...] = ()
    only_job: int | None = None
    exit_when_idle: bool = False
    cache_gb: float | None = None  # what files of carried scenes may take of the disk; None: as the disk is
    limits: Limits = UNLIMITED  # what renders are held to
    join: str | None = None  # a join token's text
    local: bool = False  # for the data folder's own manager, whatever the worker has joined
    machine: str | None = None  # what tells this machine from others; None: what the system says
    look_on: tuple[str, ...] | None = None  # addresses of it, to look for managers from; None: all


def run(config: Config) -> int:
    """Be a worker until a signal, or until a manager will never have it. The exit code; errors are said on stderr."""
    try:
        return asyncio.run(work(config))
    except NoIdentityError as error:
        return _fail(str(error))
    except CannotJoin as error:
        return _fail(str(error), REFUSED if error.refused else NO_MANAGER)


async def work(config: Config) -> int:
    """The same, in a loop that runs already. Raises NoIdentityError and CannotJoin."""
    machine = await asyncio.to_thread(host.machine) if config.machine is None else config.machine
    identity = claim(config.folder or config.data / "worker", platform.node() or "this machine", machine)
    try:
        if identity.note:
            log.warning(identity.note)
        facts = await asyncio.to_thread(_facts, config, identity, machine)
        farm = await asyncio.to_thread(_joined, config, identity, facts)
        if farm is None and not _is_known(config, identity, os.environ):
            return await asyncio.to_thread(_nobody, config)
        agent, link, slot = await asyncio.to_thread(_put_together, config, identity, facts, farm)
        _heed_signals(agent)
        await agent.run(link, slot)
    finally:
        identity.release()
    code = _fail(f"The manager will not have this worker: {agent.refusal}", REFUSED) if agent.refusal else 0
    if agent.looking:
        _leave_now(code)
    return code


def _facts(config: Config, identity: Identity, machine: str) -> m.Host:
    found = host.find_blenders(identity.folder / "blenders.json")
    log.info("worker starts", blenders=[str(each.blender) for each in found], folder=str(identity.folder))
    facts = host.facts(found, config.tags, machine)
    return msgspec.structs.replace(facts, no_scripts=config.limits.no_scripts)


def _joined(config: Config, identity: Identity, facts: m.Host) -> Joined | None:
    """The farm that it has joined, or joins now."""
    if config.join is not None:
        return joining.join(config.join, identity, config.name or facts.hostname, facts)
    return None if config.local else joining.joined(identity.folder)


def _is_known(config: Config, identity: Identity, environ: Mapping[str, str]) -> bool:
    """Whether it is known where a manager is, or will be, without having joined one. Raises CannotJoin for an identity
    that was made since the folder's own is another machine's, or at work: that one has joined, and this one has not.
    """
    if config.local or _named(config, environ):
        return True
    if identity.note and joining.joined(config.folder or config.data / "worker"):
        raise CannotJoin(
            f"{identity.note} It has not joined the farm that the other has. {joining.AGAIN}", refused=True
        )
    return any((config.data / name).exists() for name in ("token", "manager.json"))


def _nobody(config: Config) -> int:
    """No manager is known: what this network has, and how to join."""
    log.info("no manager is known here; looking for one in this network", seconds=discovery.LOOK_S)
    return _fail(discovery.advice(discovery.look(interfaces=config.look_on), config.data), NO_MANAGER)


def _put_together(config: Config, identity: Identity, facts: m.Host, farm: Joined | None) -> tuple[Agent, Link, Slot]:
    stores = _stores(identity)
    boot = secrets.token_hex(8)
    session = Session(boot, Habits(renew_growth_mb=facts.memory_mb / 4))

    def addresses() -> Sequence[Address]:
        return [find_manager(config, os.environ)] if farm is None else of_farm(farm, config.manager, identity.key)

    connection = Connection(addresses)
    agent = Agent(session, stores, connection, exit_when_idle=config.exit_when_idle)

    def hello() -> m.Hello:
        return m.Hello(
            protocol=m.PROTOCOL,
            key=identity.key,
            boot=boot,
            name=config.name or facts.hostname,
            host=facts,
            held=agent.held,
            only_job=config.only_job,
        )

    link = Link(addresses, hello, agent.tell)
    held_to = prepare(config.limits, identity.folder)
    slot = Slot(
        facts.blenders,
        identity.public,
        stores.logs.path,
        agent.tell,
        agent.note_progress,
        stores.folders.note,
        Carried(_cache(config, identity.folder), connection, identity.folder / CARRIED),
        limits=held_to,
    )
    return agent, link, slot


def _cache(config: Config, folder: Path) -> Cache:
    return Cache(folder / "cache", None if config.cache_gb is None else round(config.cache_gb * GB))


def _stores(identity: Identity) -> Stores:
    """What the last process has left: its reports are kept, its Blenders ended, files that nobody will want removed."""
    folder = identity.folder
    stores = Stores(
        Outbox(folder / "outbox"), RunFolders(folder / "runs"), RunLogs(folder / "logs"), Proofs(folder / "proofs")
    )
    if ended := end_left_behind(identity.public):
        log.warning("ended processes that an earlier worker left behind", count=ended)
    if stores.outbox.torn:
        log.warning("removed torn reports from the outbox", count=stores.outbox.torn)
    rendered = {report.run for report in stores.outbox.reports if isinstance(report, m.Rendered)}
    if removed := stores.folders.clean(rendered):
        log.info("removed unfinished files of an earlier worker", runs=removed)
    stores.logs.clean(stores.outbox.runs)
    return stores


def of_farm(farm: Joined, manager: str | None, key: str) -> list[Address]:
    """Where the manager that was joined may be: at the address that is given now, else where it was."""
    urls = [manager if "://" in manager else f"https://{manager}"] if manager else farm.urls
    return [Address(joining.socket_url(url), key, farm.certificate, joined=True) for url in urls]


def find_manager(config: Config, environ: Mapping[str, str]) -> Address:
    """Where the manager is now: it may have started anew, at another port. Raises UnknownAddressError."""
    if named := _named(config, environ):
        return Address(joining.socket_url(named if "://" in named else f"http://{named}"), _token(config, environ))
    said = _local_manager(config.data)
    return Address(joining.socket_url(said.url), _token(config, environ), said.certificate)


def _named(config: Config, environ: Mapping[str, str]) -> str | None:
    return None if config.local else config.manager or environ.get(MANAGER)


def _local_manager(data: Path) -> ManagerFile:
    try:
        return msgspec.json.decode((data / "manager.json").read_bytes(), type=ManagerFile)
    except (OSError, msgspec.MsgspecError):
        raise UnknownAddressError(f"no manager has been started with the data folder {data}") from None


def _token(config: Config, environ: Mapping[str, str]) -> str:
    data = config.data
    if not config.local and (token := environ.get(TOKEN)):
        return token
    try:
        return (data / "token").read_text("ascii", "replace").strip()
    except OSError:
        raise UnknownAddressError(f"there is no token in the data folder {data}, and no {TOKEN}") from None


def _heed_signals(agent: Agent) -> None:
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(each, agent.sign_off)
        except NotImplementedError:  # Windows
            signal.signal(each, lambda *_: _sign_off_soon(loop, agent))


def _sign_off_soon(loop: asyncio.AbstractEventLoop, agent: Agent) -> None:
    loop.call_soon_threadsafe(agent.sign_off)


def _fail(sentence: str, code: int = FAILED) -> int:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201  for whoever started it
    return code


def _leave_now(code: int) -> None:
    """A thread is deep in a picture that nobody wants any more, and Python would wait for it."""
    sys.stdout.flush()
    os._exit(code)
