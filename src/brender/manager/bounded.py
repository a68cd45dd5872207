# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's HTTP, with a bound for what stands before a body: uvicorn has none, and would keep a header of any size
in memory, of who has not even said who they are."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 1024  # bytes of the request line and all headers
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)
_BODY = (
    b'{"error":{"message":"The request line and headers are larger than 64 kB.","reason":"too_large",'
    b'"where":"headers"}}'
)


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head = 0  # bytes since the last body, or the beginning
        self._in_head = True

    def data_received(self, data: bytes) -> None:
        """Some bytes. What comes with the end of a body counts as the head after it: at most one read."""
        if self._in_head:
            self._head += len(data)
            if self._head > MOST_HEAD and not self._ends_within(data):
                self.transport.write(_TOO_LARGE % (len(_BODY), _BODY))
                self.transport.close()
                return
        super().data_received(data)

    def _ends_within(self, data: bytes) -> bool:
        """Whether the head ends soon enough in these bytes: a body may have come along with it."""
        at = data.find(b"\r\n\r\n")
        return at >= 0 and self._head - len(data) + at <= MOST_HEAD

    def on_headers_complete(self) -> None:
        """The head is over."""
        self._head, self._in_head = 0, False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What follows is another head."""
        self._in_head = True
        super().on_message_complete()
