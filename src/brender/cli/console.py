# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender console | shutdown`: the manager's console, with history and completion, on a terminal or in a pipe."""

import codecs
import os
import socket
import sys
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import click

from brender.cli import show
from brender.cli.connect import Place, place_options
from brender.cli.errors import CliError
from brender.cli.exits import Exit
from brender.client import places
from brender.client.api import Client
from brender.tls.addresses import is_loopback

CONNECT_S = 10.0
PROMPT = b"> "


@click.command("console")
@click.option("--data", metavar="FOLDER", help="The data folder; else BRENDER_DATA, else the user's.")
def console_command(data: str | None) -> Exit:
    """Talk to the manager's console.

    On a terminal: the arrow keys for what was said before, Tab for what can be said, Ctrl-D to leave. In a pipe: a
    line in, its answer out.

    \b
    brender console
    echo 'clients enabled' | brender console
    """
    place = Place(places.data_folder(data))
    with place.connect_here() as client, _connected(client, place.data) as line:
        if sys.stdin.isatty() and sys.stdout.isatty():
            from brender.cli import conversation

            conversation.converse(line, client, place.data / "console_history")
        else:
            _pass_on(line)
    return Exit.OK


def _connected(client: Client, data: Path) -> socket.socket:
    """A connection to the data folder's console."""
    known = places.manager_file(data)
    if known is None or not known.console_port:
        raise CliError(f"The manager of {data} has no console.", Exit.NO_MANAGER)
    host = urlsplit(client.url).hostname or ""
    address = (host if is_loopback(host) else "127.0.0.1", known.console_port)
    try:
        line = socket.create_connection(address, timeout=CONNECT_S)
    except OSError as error:
        raise CliError(f"The console at {address[1]} does not answer ({error}).", Exit.NO_MANAGER) from None
    _log_in(client, line)
    line.settimeout(None)
    return line


def _log_in(client: Client, line: socket.socket) -> None:
    """Say who we are where people log in. What the console says to it is not shown; an empty line brings the prompt."""
    if not client.me().logins:
        return
    if "." not in client.token:
        line.close()
        raise CliError("People log in at this farm: `brender login` first.")
    line.sendall(f"login {client.token}\n".encode())
    said = b""
    while not said.endswith(PROMPT):
        if not (piece := line.recv(65536)):
            break
        said += piece
    if b"You are " not in said:
        line.close()
        raise CliError("The console does not know this login any more: `brender login` again.")
    if sys.stdin.isatty():
        line.sendall(b"\n")


# --- in a pipe ---------------------------------------------------------------------------------------------------


def _pass_on(line: socket.socket) -> None:
    """Everything of stdin to the console, and what it answers to stdout, without its prompts."""
    Thread(target=_say_all, args=(line,), daemon=True).start()
    plain, decoder = Plain(), codecs.getincrementaldecoder("utf-8")("replace")
    while piece := line.recv(65536):
        _out(decoder.decode(plain.take(piece)))
    _out(decoder.decode(plain.rest(), final=True))


def _say_all(line: socket.socket) -> None:
    try:
        while piece := os.read(sys.stdin.fileno(), 65536):
            line.sendall(piece)
        line.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it has closed: what it said last is on its way


def _out(text: str) -> None:
    sys.stdout.write(show.plain(text.replace("\r\n", "\n")))
    sys.stdout.flush()


class Plain:
    """Takes the prompts out of what the console says: a `> ` where a line begins. Pieces end anywhere, also in one."""

    def __init__(self) -> None:
        self._kept = b""  # of a line that may still turn out to begin with a prompt
        self._at_start = True
        self.prompted = False  # a prompt was the last that came

    def take(self, piece: bytes) -> bytes:
        """What of it is to be shown now."""
        found, shown = self._kept + piece, bytearray()
        while found and not (self._at_start and len(found) < len(PROMPT) and PROMPT.startswith(found)):
            self.prompted = self._at_start and found.startswith(PROMPT)
            end = len(PROMPT) if self.prompted else found.find(b"\n") + 1 or len(found)
            shown += b"" if self.prompted else found[:end]
            self._at_start = self.prompted or found[end - 1 : end] == b"\n"
            found = found[end:]
        self._kept = found
        return bytes(shown)

    def rest(self) -> bytes:
        """What was kept when it ended."""
        return self._kept


# --- shutdown ----------------------------------------------------------------------------------------------------


@click.command("shutdown")
@place_options
def shutdown_command(manager: str | None, data: str | None) -> None:
    """End the manager. Its workers finish what they hold and wait for it; nothing is lost."""
    with Place.of(manager, data).connect() as client:
        client.shutdown()
        print(f"The manager at {client.url} ends.")
