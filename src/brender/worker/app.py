# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a worker together and runs it: folder, identity, what the last process left, Blenders, connection, agent."""

import asyncio
import os
import platform
import secrets
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from brender.core import messages as m
from brender.core.views import ManagerFile
from brender.worker import host
from brender.worker.agent import Agent, Stores
from brender.worker.identity import Identity, NoIdentityError, claim
from brender.worker.link import Address, Link, UnknownAddressError
from brender.worker.outbox import Outbox
from brender.worker.process import end_left_behind
from brender.worker.proofs import Proofs
from brender.worker.runfolders import RunFolders
from brender.worker.runlogs import RunLogs
from brender.worker.session import Habits, Session
from brender.worker.slot import Slot

log = structlog.get_logger()

TOKEN = "BRENDER_TOKEN"  # noqa: S105  the name of a variable
MANAGER = "BRENDER_MANAGER"


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


def run(config: Config) -> int:
    """Be a worker until a signal, or until a manager will never have it. The exit code; errors are said on stderr."""
    try:
        return asyncio.run(work(config))
    except NoIdentityError as error:
        return _fail(str(error))


async def work(config: Config) -> int:
    """The same, in a loop that runs already. Raises NoIdentityError."""
    identity = claim(config.folder or config.data / "worker", platform.node() or "this machine")
    try:
        if identity.note:
            log.warning(identity.note)
        agent, link, slot = await asyncio.to_thread(_put_together, config, identity)
        _heed_signals(agent)
        await agent.run(link, slot)
    finally:
        identity.release()
    code = _fail(f"The manager will not have this worker: {agent.refusal}") if agent.refusal else 0
    if agent.looking:
        _leave_now(code)
    return code


def _put_together(config: Config, identity: Identity) -> tuple[Agent, Link, Slot]:
    stores = _stores(identity)
    found = host.find_blenders(identity.folder / "blenders.json")
    facts = host.facts(found, config.tags)
    log.info("worker starts", blenders=[str(each.blender) for each in found], folder=str(identity.folder))
    boot = secrets.token_hex(8)
    session = Session(boot, Habits(renew_growth_mb=facts.memory_mb / 4))
    agent = Agent(session, stores, exit_when_idle=config.exit_when_idle)

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

    link = Link(lambda: find_manager(config, os.environ), hello, agent.tell)
    slot = Slot(found, identity.public, stores.logs.path, agent.tell, agent.note_progress, stores.folders.note)
    return agent, link, slot


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


def find_manager(config: Config, environ: Mapping[str, str]) -> Address:
    """Where the manager is now: it may have started anew, at another port. Raises UnknownAddressError."""
    url = config.manager or environ.get(MANAGER) or _local_manager(config.data)
    scheme, _, rest = (url if "://" in url else f"http://{url}").rstrip("/").partition("://")
    secure = scheme in ("https", "wss")
    return Address(f"{'wss' if secure else 'ws'}://{rest}/api/v1/worker", _token(config.data, environ))


def _local_manager(data: Path) -> str:
    try:
        return msgspec.json.decode((data / "manager.json").read_bytes(), type=ManagerFile).url
    except (OSError, msgspec.MsgspecError):
        raise UnknownAddressError(f"no manager has been started with the data folder {data}") from None


def _token(data: Path, environ: Mapping[str, str]) -> str:
    if token := environ.get(TOKEN):
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


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201  for whoever started it
    return 1


def _leave_now(code: int) -> None:
    """A thread is deep in a picture that nobody wants any more, and Python would wait for it."""
    sys.stdout.flush()
    os._exit(code)
