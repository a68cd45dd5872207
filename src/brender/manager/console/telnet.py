# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of a connection become lines. Pure. Telnet's commands (RFC 854) are taken out and answered, however the
network has cut them; a line ends with LF, CR LF or CR NUL.
"""

IAC, DONT, DO, WONT, WILL, SB, AYT, IP, SE = 255, 254, 253, 252, 251, 250, 246, 244, 240

LONGEST = 64 * 1024  # bytes of a line


class OverLong(Exception):
    """A line, or the beginning of one, is longer than LONGEST."""


class Telnet:
    """Takes telnet's commands out of what comes in. Every option is declined, so there is nothing to negotiate."""

    def __init__(self) -> None:
        self._command: list[int] = []  # what has come of a command
        self.spoken = False  # the other side speaks telnet

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """The text among the bytes, and what is to be answered."""
        if IAC not in data and not self._command:
            return data, b""
        text, answer = bytearray(), bytearray()
        for byte in data:
            if self._command:
                self._go_on(byte, text, answer)
            elif byte == IAC:
                self._command = [IAC]
            else:
                text.append(byte)
        return bytes(text), bytes(answer)

    def _go_on(self, byte: int, text: bytearray, answer: bytearray) -> None:
        if len(self._command) == 1:
            self._second(byte, text, answer)
        elif self._command[1] == SB:
            self._inside(byte)
        else:
            self._option(self._command[1], byte, answer)
            self._command = []

    def _second(self, byte: int, text: bytearray, answer: bytearray) -> None:
        self.spoken = self.spoken or byte != IAC
        if byte in (WILL, WONT, DO, DONT, SB):
            self._command = [IAC, byte]
            return
        self._command = []
        if byte == IAC:  # the byte 255 itself
            text.append(IAC)
        elif byte == AYT:
            answer += b"\r\n[brender is here]\r\n"
        elif byte == IP:  # Ctrl-C at the other side: a key that ends what is being watched
            text += b"\n"

    def _inside(self, byte: int) -> None:
        """Of a subnegotiation only its end matters."""
        if len(self._command) == 3:
            self._command = [] if byte == SE else self._command[:2]
        elif byte == IAC:
            self._command.append(IAC)

    def _option(self, verb: int, option: int, answer: bytearray) -> None:
        if verb in (WILL, DO):
            answer += bytes((IAC, DONT if verb == WILL else WONT, option))


class Lines:
    """Cuts text into lines."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._looked = 0  # how far the rest is known to have no end of a line in it
        self.end = "\r\n"  # of lines, as the other side ends its own

    def feed(self, text: bytes) -> None:
        """Take what came."""
        self._rest += text

    @property
    def waiting(self) -> bool:
        """Whether the beginning of a line is there."""
        return bool(self._rest)

    def take(self) -> bytes | None:
        """The next whole line, without its end; None where there is none yet. `OverLong` for one that is too long."""
        at = self._end()
        if (len(self._rest) if at < 0 else at) > self._longest:
            raise OverLong
        if at < 0:
            self._looked = max(0, len(self._rest) - 1)
            return None
        line, width = bytes(self._rest[:at]), 2 if self._rest[at] == 13 else 1
        del self._rest[: at + width]
        self._looked = 0
        self.end = "\r\n" if width == 2 or line.endswith(b"\r") else "\n"
        return line.removesuffix(b"\r")

    def take_rest(self) -> bytes:
        """What stands after the last end of a line, when no more will come."""
        rest, self._rest, self._looked = bytes(self._rest), bytearray(), 0
        return rest.removesuffix(b"\r")

    def drop_key(self) -> None:
        """Forget a key that was pressed: an empty line, or the beginning of one."""
        at = self._end()
        if at < 0:
            self.take_rest()
        elif not self._rest[:at].strip():
            self.take()

    def _end(self) -> int:
        """Where the next line ends, -1 where it does not yet."""
        found = [self._rest.find(mark, self._looked) for mark in (b"\n", b"\r\0")]
        return min((at for at in found if at >= 0), default=-1)
