# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/console.md from the table of verbs, with transcripts of a real manager and a pretend worker.

The manager lives in a folder that is thrown away; what differs from time to time (ids, times, ports, folders) is
masked. A test fails when the page is stale.
"""

import contextlib
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bench.farm import farm
from brender.core import messages as m
from brender.core.scene import Blender, FoundBlender
from brender.manager.console.answer import ROWS
from brender.manager.console.telnet import LONGEST
from brender.manager.console.verbs import FILTERS, VERBS, Verb
from brender.manager.console.wire import Limits

PAGE = Path(__file__).resolve().parents[1] / "docs/console.md"
PROMPT = b"> "
MAKE = "import bpy, sys; bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])"
LIMITS = Limits()

# of each verb what is asked, in the order of the table: one asks about what the one before it has left
ASKED: dict[str, tuple[str, ...]] = {
    "clients": ("clients", "clients idle", "CLIENTS farm* --rows 1", "more"),
    "enable": ("enable farm1", "enable zulu"),
    "disable": ("disable", "disable farm*", "disable busy"),
    "drain": ("drain farm2", "enable ALL"),
    "get": ("get worker farm1 --show name,wish,tags", "get settings", "get worker 'farm*' --show name,wish --json"),
    "set": ("set worker farm* tags=gpu,fast", 'set worker tags=gpu -- note="in repair"', "set worker alpha cores=64"),
    "create": ("create tag name=gpu note='has a card'", "create share user=anna weight=2", "create task frame=1"),
    "delete": ("delete tag gpu", "set worker farm* tags=", "delete tag gpu"),
    "describe": ("describe", "describe worker"),
    "jobs": ("jobs",),
    "run": ("run {blend} frames=1-4 output={folder}/out/#### owner=anna", "run shot.blend"),
    "job": ("job 1",),
    "tasks": ("tasks 1", "tasks 1 ready frame>=3"),
    "pause": ("pause alpha", "pause 1"),
    "resume": ("resume alpha", "resume 1"),
    "priority": ("priority 1 90", "priority 1 900"),
    "log": ("log 1 1",),
    "why": ("why 1",),
    "orders": ("orders",),
    "ping": ("ping alpha", "ping farm1"),
    "kill": ("kill 1/0/1", "kill 1/0/3"),
    "stop": ("stop 1",),
    "retry": ("retry 1", "stop 1", "jobs", "jobs all"),
    "save": ("save",),
    "audit": ("audit --rows 3", "audit verb=create kind=share"),
    "watch": ("watch clients farm*", ""),
    "more": ("more",),
    "test": ("test",),
    "login": ("login 3f9a1c07b2d84e65.not-the-secret",),
    "help": ("help drain", "hlp"),
    "shutdown": (),
    "quit": (),
}
ORDER = tuple(ASKED)

JSON = (
    '{"item": "client", "action": "read", "filters": {"name": "farm*"}, "values": {}, "limit": 1}',
    '{"item": "client", "action": "read", "filters": "", "values": "", "format": "datatables"}',
    '{"item": "client", "action": "update", "filters": {"name": "farm*"}, "values": {"wish": "disabled"}}',
    '{"item": "client", "action": "update", "filters": {"name": "zulu"}, "values": {"wish": "disabled"}}',
    '{"item": "share", "action": "create", "values": {"user": "ben", "weight": 3}}',
    '{"item": "share", "action": "delete", "filters": {"user": "ben"}}',
)

HEAD = f"""# The console

Written by `tools/write_console.py` from the table of verbs, with what a real manager answered; a test fails when it is
stale.

The manager listens on port 6000 of its own machine for lines: typed by a person, or sent by a script in any language.

    brender console                  with history and completion, on a terminal or in a pipe
    telnet localhost 6000
    echo 'clients idle' | nc -N localhost 6000

`--console-port` of `brender manager` and `brender up` names another port, 0 any free one (`manager.json` in the data
folder says which), and `--no-console` is without one. The manager of a local `brender render` has none.

## Who may ask

Whoever can reach the port: every user and every program of this machine. That is why it listens on this machine alone,
whatever else the manager listens at. On a machine that is shared with people who should not steer the farm, let people
log in (`set setting logins value=true`), or start it with `--no-console`. Where people log in, a connection may do
nothing before `login TOKEN`, and a JSON line says `"token": "..."`; `brender console` does it by itself. A web page
can make a browser send lines to a port, so a connection that begins like HTTP, or with what is no text, is closed, and
nothing of it is obeyed. Jobs that carry Python are not taken here; a .blend is, and its own scripts do not run.

What is changed here is in the audit log as `console`, or by the account's name, with the address it came from.

## Lines and answers

- A line ends with LF or CR LF, and so do the lines of its answer. It is UTF-8, of {LONGEST // 1024} kB at most.
- After an answer comes the prompt, `> `. An empty line is answered with the prompt alone.
- Who says nothing for {LIMITS.greet_s * 1000:.0f} ms is greeted; who speaks at once, with the first answer. A line that
  begins with `{{`, and `identify_client`, get no greeting.
- Verbs are known in any case. Words are cut at spaces; quotation marks keep them together: `note="two words"`.
- `--json` gives an answer as one line of JSON: `{{"ok": true, "count": 2, "data": [...]}}`,
  `{{"ok": true, "text": "..."}}` or `{{"ok": false, "error": "..."}}`.
- A list comes in pages of {ROWS} lines, or of `--rows N`; a closing line says how to get the next one: `more`, or
  `--page N`. Nothing ever waits for a key.
- Who half-closes the connection gets all answers to what was said, and then its end. `watch job 5` then goes on until
  the job is over.
- Telnet's commands are taken out wherever they come, every option is declined.
- Who does not read for {LIMITS.write_s:.0f} s, or says nothing for {LIMITS.idle_s / 60:.0f} minutes, is let go.
  {LIMITS.most} can be connected at once.

## Filters

{FILTERS}
A text is compared without regard to case, and may be a glob in `attribute=value` too. A plain name that nobody has is
refused, and so is a filter that means nobody: nothing is changed then. What is changed by one line is changed in one
transaction.
"""

MIDDLE = """
## JSON, a line each way

A line that begins with `{` is answered with one line, and the connection is closed. `item` is a kind of object
(`client` is a worker), `action` is `create`, `read`, `update`, `delete` or `describe`; `filters` (or `filter`) say
which, as an object, a list of words or a text; `values` say what. An empty text stands for an empty object. An empty
filter means all, but for `delete`, which wants `"filters": "all"`. `limit` and `offset` take a part of what is read,
and `total` then says how much there is. `"format": "datatables"` gives clients in the shape of 2013. Of a client,
`status` is its `wish`, and `mac_address` its `mac`.
"""

TAIL = """
## Clients of 2013

Where `set setting legacy_clients value=true` was said, a client that says `identify_client` is asked `mac_addr`,
answers with its MAC address as a decimal number on a line, and then `ready`. It becomes a worker that takes no render
tasks, shown as `legacy`, online as long as it stays connected, and known by its address when it comes again: of two
with one address the newer stays. Where the setting is off, it is told so.

## Examples

`examples/php/farm.php` lists, disables and enables clients and submits a job from PHP, `examples/shell/farm.sh` says
any line with netcat.
"""


def page() -> str:
    """The whole page."""
    with tempfile.TemporaryDirectory(prefix="brender-console-") as scratch:
        folder = Path(scratch).resolve()
        blend = folder / "shot.blend"
        subprocess.run([sys.executable, "-c", MAKE, str(blend)], check=True, capture_output=True)
        with farm(folder / "data", worker=False), _at(folder / "data") as (port, url, token), _pretend(url, token):
            said = _transcripts(port, folder, blend)
            lines = [_json(port, line) for line in JSON]
    verbs = [part for verb in VERBS for part in _verb(verb, said[verb.name])]
    parts = [HEAD, "## Verbs\n", *verbs, MIDDLE, _block([part for pair in lines for part in (*pair, "")]), TAIL]
    return _masked("\n".join(parts), folder)


def _verb(verb: Verb, said: list[str]) -> Iterator[str]:
    yield f"### {verb.name}\n"
    also = f" Also: {', '.join(f'`{name}`' for name in verb.aliases)}." if verb.aliases else ""
    yield f"`{verb.usage}`\n"
    yield f"{verb.line}{also} {' '.join(verb.text.split())}".rstrip() + "\n"
    if said:
        yield _block(said) + "\n"


def _block(lines: list[str]) -> str:
    return "\n".join(["```text", *lines[: len(lines) - (not lines[-1])], "```"])


# --- what a real manager says ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _at(data: Path) -> Iterator[tuple[int, str, str]]:
    known = json.loads((data / "manager.json").read_bytes())
    yield known["console_port"], known["url"], (data / "token").read_text().strip()


def _transcripts(port: int, folder: Path, blend: Path) -> dict[str, list[str]]:
    """Of each verb the lines that were said and what came back."""
    assert {verb.name for verb in VERBS} == set(ASKED), "each verb has its transcript"
    said: dict[str, list[str]] = {}
    with socket.create_connection(("127.0.0.1", port), timeout=30) as console:
        _ask(console, "create worker name=farm1")
        _ask(console, "create worker name=farm2")
        for verb in ORDER:
            said[verb] = []
            for line in ASKED[verb]:
                typed = line.format(blend=blend, folder=folder)
                said[verb] += [f"> {typed}", *_ask(console, typed, watched=line.startswith("watch"))]
    return said


def _ask(console: socket.socket, line: str, *, watched: bool = False) -> list[str]:
    """The lines of an answer; of a verb that is watched, the first one."""
    console.sendall(line.encode() + b"\n")
    ended, said = b"\n\n" if watched else PROMPT, b""
    while not (said.endswith(ended) and (watched or said.count(b"\n") == 0 or said.endswith(b"\n" + PROMPT))):
        said += console.recv(65536)
    return said.decode().removesuffix("> ").rstrip("\n").split("\n") if said != PROMPT else []


def _json(port: int, line: str) -> tuple[str, str]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as console:
        console.sendall(line.encode() + b"\n")
        with console.makefile() as answer:
            return line, answer.read().rstrip("\n")


# --- a worker that is none ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _pretend(url: str, token: str) -> Iterator[None]:
    """`alpha`: takes what it is given, says that it has begun the first, and ends none."""
    blender = FoundBlender(blender=Blender(kind="bpy", version=version("bpy")), path="/opt/blender")
    host = m.Host(hostname="alpha", system="Linux", cores=16, memory_mb=64_000, blenders=(blender,))
    hello = m.Hello(protocol=m.PROTOCOL, name="alpha", key="k" * 64, boot="b", host=host)
    place = url.replace("http://", "ws://") + "/api/v1/worker"
    with connect(place, additional_headers={"Authorization": f"Bearer {token}"}) as line:
        _tell(line, hello)
        line.recv()
        listening = threading.Thread(target=_listen, args=(line,))
        listening.start()
        yield
    listening.join()


def _listen(line: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        for text in line:
            _obey(line, msgspec.json.decode(text, type=m.ToWorker))


def _obey(line: ClientConnection, told: m.ToWorker) -> None:
    match told:
        case m.Ping():
            _tell(line, m.Pong(id=told.id))
        case m.Assign() if told.orders[0].index == 0:
            run = told.orders[0].run
            _tell(line, m.Log(run=run, text="Blender 4.5.15\nFra:1 Mem:9M | Rendering 1 / 4 samples\n"))
        case m.Stop():
            for run in told.runs:
                _tell(line, m.Stopped(id=f"stopped {run}", run=run))


def _tell(line: ClientConnection, message: m.ToManager) -> None:
    line.send(msgspec.json.encode(message).decode())


# --- what differs from time to time ------------------------------------------------------------------------------


def _masked(text: str, folder: Path) -> str:
    text = text.replace(str(folder), "/shots")
    for pattern, mask in (
        (r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])", "3f9a1c07b2d84e65"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-01-31 12:00:00"),
        (r"(created_at\D{1,3}|submitted_at\D{1,3})\d{9,}(\.\d+)?", r"\g<1>1769860800.0"),
        (r"after \d+ ms", "after 2 ms"),
    ):
        text = re.sub(pattern, mask, text)
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE}", file=sys.stderr)
