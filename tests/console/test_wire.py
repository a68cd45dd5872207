# SPDX-License-Identifier: GPL-3.0-or-later
"""R4, R5: the bytes of a connection: greeting, prompt, telnet's commands, line ends, and what is no line at all."""

import asyncio
import socket
import time

import pytest

from brender.manager.console.telnet import AYT, DO, DONT, IAC, SB, SE, WILL, WONT, Lines, OverLong, Telnet
from brender.manager.console.wire import Limits
from tests.console.conftest import GREETED, PROMPT, Place, Talk

CRLF = GREETED.replace(b"\n", b"\r\n")


# --- telnet, by itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "text", "answer"),
    [
        (b"clients\r\n", b"clients\r\n", b""),
        (bytes([IAC, WILL, 1]), b"", bytes([IAC, DONT, 1])),
        (bytes([IAC, DO, 24]), b"", bytes([IAC, WONT, 24])),
        (bytes([IAC, WONT, 1, IAC, DONT, 3]), b"", b""),
        (b"a" + bytes([IAC, DO, 3]) + b"b", b"ab", bytes([IAC, WONT, 3])),
        (bytes([IAC, SB, 24, 1, 2, IAC, SE]) + b"x", b"x", b""),
        (bytes([IAC, SB, 24, IAC, IAC, 1, IAC, SE]) + b"x", b"x", b""),
        (bytes([IAC, IAC]), b"\xff", b""),
        (bytes([IAC, 241]) + b"x", b"x", b""),
        (bytes([IAC, AYT]), b"", b"\r\n[brender is here]\r\n"),
        (bytes([IAC, 244]), b"\n", b""),
    ],
)
def test_telnets_commands_are_taken_out_and_answered_however_they_are_cut(
    sent: bytes, text: bytes, answer: bytes
) -> None:
    whole = Telnet().feed(sent)
    telnet = Telnet()
    pieces = [telnet.feed(sent[i : i + 1]) for i in range(len(sent))]
    assert whole == (text, answer)
    assert (b"".join(t for t, _ in pieces), b"".join(a for _, a in pieces)) == whole


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\0"])
def test_a_line_ends_with_lf_crlf_or_cr_nul(end: bytes) -> None:
    lines = Lines()
    for byte in b"one" + end + end + b"two":
        lines.feed(bytes([byte]))
    assert (lines.take(), lines.take(), lines.take(), lines.take_rest()) == (b"one", b"", None, b"two")


def test_a_line_that_is_too_long_is_told_before_it_has_ended() -> None:
    lines = Lines(longest=10)
    lines.feed(b"0123456789")
    assert lines.take() is None
    lines.feed(b"0")
    with pytest.raises(OverLong):
        lines.take()


# --- greeting and prompt -----------------------------------------------------------------------------------------


async def test_who_says_nothing_is_greeted_after_300_ms(console: Place) -> None:
    talk, began = await console.open(), time.monotonic()
    assert await talk.until(PROMPT) == CRLF + PROMPT
    assert 0.25 < time.monotonic() - began < 2


async def test_who_speaks_at_once_is_greeted_with_the_first_answer(console: Place) -> None:
    assert await console.say(b"test\n") == GREETED + b"test>\n" + PROMPT


async def test_the_answers_lines_end_as_the_askers(console: Place) -> None:
    assert await console.say(b"test\r\n") == CRLF + b"test>\r\n" + PROMPT


async def test_an_empty_line_is_a_prompt_again_and_no_end(console: Place) -> None:
    """Of old it was taken for the end."""
    assert await console.say(b"\n\n  \ntest\n") == GREETED + PROMPT * 3 + b"test>\n" + PROMPT


async def test_verbs_are_known_in_any_case(console: Place) -> None:
    assert (await console.say(b"tEsT\n")).endswith(b"test>\n" + PROMPT)


async def test_a_last_line_without_an_end_is_answered(console: Place) -> None:
    assert (await console.say(b"test")).endswith(b"test>\r\n" + PROMPT)


async def test_negotiation_that_is_cut_anywhere_is_answered_and_no_part_of_a_line(console: Place) -> None:
    talk = await console.open()
    sent = bytes([IAC, DO, 3, IAC, WILL, 24]) + b"te" + bytes([IAC, SB, 24, 0, IAC, SE]) + b"st\r\n"
    for byte in sent:
        await talk.send(bytes([byte]))
        await asyncio.sleep(0)
    talk.half_close()
    assert await talk.all() == bytes([IAC, WONT, 3, IAC, DONT, 24]) + CRLF + b"test>\r\n" + PROMPT


async def test_backspaces_of_a_raw_terminal_are_obeyed(console: Place) -> None:
    assert (await console.say(b"text\b\x7fst\n")).endswith(b"test>\n" + PROMPT)


async def test_many_lines_at_once_are_answered_in_their_order(console: Place) -> None:
    said = await console.say(b"".join(b"create tag name=t%d\n" % n for n in range(300)))
    expected = [f"tag t{n} created." for n in range(300)]
    assert [line.removeprefix("> ") for line in said.decode().splitlines()[1:-1]] == expected


# --- a half-closed connection ------------------------------------------------------------------------------------


async def test_who_half_closes_gets_all_answers_and_then_the_end(console: Place) -> None:
    """R4."""
    assert await console.say(b"test\ntest\n") == GREETED + (b"test>\n" + PROMPT) * 2


async def test_who_leaves_in_the_middle_harms_nobody(console: Place) -> None:
    other = await console.talk()
    for part in (b"", b"cli", b"clients\n", b"{", b'{"item": ', b"identify_client\n", bytes([IAC]), b"watch jobs\n"):
        talk = await console.open()
        await talk.send(part)
        talk.close()
    assert await other.ask("test") == "test>\n"


# --- what is no line ---------------------------------------------------------------------------------------------


async def test_an_over_long_line_is_told_and_the_connection_ends(console: Place) -> None:
    talk = await console.open()
    await talk.send(b"x" * 70_000)
    assert await talk.all() == b"A line is at most 64 kB long.\r\n"


@pytest.mark.parametrize("sent", [b"\x00\x01\x02\n", b"\xff\xfb\n" + b"\xc3\x28\n", b"\x1b[2Jclients\n", b"te\x07st\n"])
async def test_what_is_no_text_is_told_and_the_connection_ends(console: Place, sent: bytes) -> None:
    said = await console.say(sent)
    assert said.rstrip().endswith(b"This is no text: the console takes lines of UTF-8.")


@pytest.mark.parametrize(
    "request_line",
    [b"GET / HTTP/1.1", b"POST / HTTP/1.1", b"post /x HTTP/1.0", b"PRI * HTTP/2.0", b"OPTIONS * HTTP/1.1"],
)
async def test_what_looks_like_http_is_not_answered_and_nothing_of_it_obeyed(farm: Place, request_line: bytes) -> None:
    """A page of the web can make a browser send lines to this port."""
    body = b'disable ALL\r\n{"item": "client", "action": "update", "filters": "", "values": {"wish": "disabled"}}\r\n'
    said = await farm.say(request_line + b"\r\nHost: 127.0.0.1:6000\r\nContent-Type: text/plain\r\n\r\n" + body)
    assert said == b""
    assert all(w.record.wish == "enabled" for w in farm.house.engine.farm.workers.values() if w.connection)


async def test_get_is_a_verb_still(farm: Place) -> None:
    talk = await farm.talk()
    assert (await talk.ask("GET worker alpha --show name,wish")) == "name: alpha\nwish: enabled\n"


# --- who does not read, or says nothing --------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [Limits(write_s=0.3)])
async def test_who_does_not_read_is_dropped_and_nobody_waits_for_him(console: Place) -> None:
    other = await console.talk()
    for n in range(100):
        await other.ask(f'create tag name=t{n} note="{"x" * 5000}"')
    deaf = socket.create_connection(("127.0.0.1", console.port))
    deaf.setblocking(False)
    began = time.monotonic()
    with pytest.raises(OSError, match=r"reset|pipe"):
        await _ask_for_ever(deaf, other)
    deaf.close()
    assert time.monotonic() - began < 15
    assert await other.ask("test") == "test>\n"


@pytest.mark.parametrize("limits", [Limits(waiting=200_000)])
async def test_what_waits_for_all_together_is_bounded(console: Place) -> None:
    """Who asks for more than there is room for is let go; small answers find their room."""
    other = await console.talk()
    for n in range(100):
        await other.ask(f'create tag name=t{n} note="{"x" * 5000}"')
    deaf = await console.open()
    await deaf.send(b"get tags --json\n")
    assert b"t99" not in await deaf.all()
    assert await other.ask("test") == "test>\n"


async def _ask_for_ever(deaf: socket.socket, other: Talk) -> None:
    async with asyncio.timeout(15):
        while True:
            await asyncio.get_running_loop().sock_sendall(deaf, b"get tags --json\n" * 10)
            assert await other.ask("test") == "test>\n"


@pytest.mark.parametrize("limits", [Limits(idle_s=0.4)])
async def test_who_says_nothing_for_too_long_is_told_goodbye(console: Place) -> None:
    talk = await console.open()
    assert (await talk.all()).endswith(b"Nothing was said for 0 minutes: goodbye.\r\n")


@pytest.mark.parametrize("limits", [Limits(most=3)])
async def test_one_too_many_is_told_so(console: Place) -> None:
    talks = [await console.talk() for _ in range(3)]
    assert await console.say(b"test\n") == b"3 consoles are connected already: try again later.\r\n"
    talks[0].close()
    while not (await console.say(b"test\n")).endswith(b"test>\n" + PROMPT):
        pass


async def test_a_thousand_are_answered_at_once(console: Place) -> None:
    """R2: and when all but one go, that one is not disturbed."""
    from brender.manager.app import room_for_connections

    room_for_connections()
    talks = [await console.open() for _ in range(1000)]
    await asyncio.gather(*(talk.send(b"test\n") for talk in talks))
    began = time.monotonic()
    await asyncio.gather(*(talk.until(b"test>\n" + PROMPT) for talk in talks))
    assert time.monotonic() - began < 20
    for talk in talks[1:]:
        talk.close()
    assert await talks[0].ask("test") == "test>\n"
