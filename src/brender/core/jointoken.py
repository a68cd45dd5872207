# SPDX-License-Identifier: GPL-3.0-or-later
"""The text that a machine joins with: where the manager is, how to know it, and the secret that lets a worker in.

`bj1-` and base64url without padding: a checksum of four bytes, and the rest as MessagePack. One word, that a double
click marks whole, and that shows where it was cut.
"""

import base64
import hashlib
import re

import msgspec

PREFIX = "bj1-"
LONGEST = 4096  # characters
MOST_URLS = 16

_CHECKSUM = 4  # bytes
_SEPARATORS = re.compile(r"\s+")
_TEXT = re.compile(r"[A-Za-z0-9_-]+")
_URL = re.compile(r"https://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_HERE = re.compile(r"http://(127\.[0-9.]+|\[::1\]|localhost)(:[0-9]{1,5})?/?")  # in the clear within a machine alone
_TOKEN = re.compile(r"([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,128})")

_HOW = "Copy it once more, whole, or make a new one on the manager: `brender tokens join`."


class JoinToken(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in it."""

    urls: tuple[str, ...]  # of the manager, to be tried one after the other
    fingerprint: str  # of its certificate: SHA-256, hexadecimal; "": it is known by its name
    token: str  # `ID.SECRET`

    @property
    def secret(self) -> str:
        """The part that nobody else knows."""
        return self.token.partition(".")[2]


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    urls: tuple[str, ...]
    fingerprint: bytes
    token: str


def encode(token: JoinToken) -> str:
    """As one word."""
    packed = _Packed(token.urls, bytes.fromhex(token.fingerprint), token.token)
    content = msgspec.msgpack.encode(packed)
    return PREFIX + base64.urlsafe_b64encode(_checksum(content) + content).decode().rstrip("=")


def decode(text: str) -> JoinToken:
    """What a person has pasted. Raises ValueError with a sentence that holds nothing of the text."""
    word = _SEPARATORS.sub("", text[: 2 * LONGEST])  # a terminal that folded it has put line ends within
    if not word.startswith(PREFIX):
        raise ValueError(f"This is no join token: one begins with {PREFIX}. {_HOW}")
    if len(word) > LONGEST or not _TEXT.fullmatch(word):
        raise ValueError(f"The join token holds what none does. {_HOW}")
    content = _content(word[len(PREFIX) :])
    try:
        packed = msgspec.msgpack.decode(content, type=_Packed)
    except msgspec.MsgspecError:
        raise ValueError(f"The join token is of another version of brender. {_HOW}") from None
    if not _is_whole(packed):
        raise ValueError(f"The join token names no manager that can be reached. {_HOW}")
    return JoinToken(urls=packed.urls, fingerprint=packed.fingerprint.hex(), token=packed.token)


def _content(word: str) -> bytes:
    try:
        bytes_ = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
    except ValueError:
        bytes_ = b""
    content = bytes_[_CHECKSUM:]
    if not content or _checksum(content) != bytes_[:_CHECKSUM]:
        raise ValueError(f"The join token was cut or changed in copying. {_HOW}")
    return content


def _is_whole(packed: _Packed) -> bool:
    """What is believed of a text that anybody can make: its checksum is no proof."""
    secure = all(url.startswith("https://") for url in packed.urls)
    return (
        0 < len(packed.urls) <= MOST_URLS
        and all((_URL if secure else _HERE).fullmatch(url) for url in packed.urls)
        and len(packed.fingerprint) in ((0, 32) if secure else (0,))
        and _TOKEN.fullmatch(packed.token) is not None
    )


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:_CHECKSUM]
