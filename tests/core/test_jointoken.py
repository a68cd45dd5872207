# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a join token: whole it says what it said, and cut, changed or made up it is refused with a sentence."""

import base64
import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brender.core.jointoken import LONGEST, PREFIX, JoinToken, decode, encode

TOKEN = JoinToken(
    urls=("https://192.0.2.2:8080", "https://[fd00::2]:8080", "https://ada:8080"),
    fingerprint="3f" * 32,
    token="0123456789abcdef." + "s" * 43,
)

names = st.from_regex(r"[a-z0-9]{1,12}(\.[a-z]{2,8})?(:[1-9][0-9]{0,3})?", fullmatch=True)
tokens = st.builds(
    lambda hosts, fingerprint, id_, secret: JoinToken(
        urls=tuple(f"https://{host}" for host in hosts), fingerprint=fingerprint.hex(), token=f"{id_}.{secret}"
    ),
    st.lists(names, min_size=1, max_size=16),
    st.binary(min_size=32, max_size=32) | st.just(b""),
    st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9_-]{43}", fullmatch=True),
)


def sealed(content: bytes) -> str:
    """Any content with the right checksum: anybody can make one."""
    whole = hashlib.sha256(content).digest()[:4] + content
    return PREFIX + base64.urlsafe_b64encode(whole).decode().rstrip("=")


@given(tokens)
def test_what_was_put_in_comes_out(token: JoinToken) -> None:
    text = encode(token)
    assert decode(text) == token
    assert text.replace("-", "").replace("_", "").isalnum()  # one word, for a double click and every shell


def test_one_that_a_terminal_has_folded_is_whole() -> None:
    text = encode(TOKEN)
    assert decode(f"  {text[:80]}\r\n{text[80:160]}\n\t{text[160:]} \n") == TOKEN


def test_one_that_was_cut_anywhere_is_refused() -> None:
    text = encode(TOKEN)
    for end in range(len(text)):
        with pytest.raises(ValueError, match=r"no join token|cut or changed"):
            decode(text[:end])


@given(st.data())
def test_one_with_another_letter_is_refused(data: st.DataObject) -> None:
    text = encode(TOKEN)
    at = data.draw(st.integers(len(PREFIX), len(text) - 2))  # the last may hold bits that mean nothing
    other = data.draw(st.sampled_from("AZaz09-_").filter(lambda letter: letter != text[at]))
    with pytest.raises(ValueError, match="cut or changed"):
        decode(text[:at] + other + text[at + 1 :])


@given(st.text(max_size=200) | st.text(max_size=200).map(lambda text: PREFIX + text))
def test_any_text_is_a_token_or_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w{3}.*\. .*brender tokens join"):
        decode(text)


@given(st.binary(max_size=200))
def test_any_bytes_that_were_sealed_are_a_sentence(content: bytes) -> None:
    with pytest.raises(ValueError, match="brender tokens join"):
        decode(sealed(content))


@pytest.mark.parametrize(
    "packed",
    [
        ((), b"", "id.secret"),
        (("https://a",) * 17, b"", "id.secret"),
        (("http://farm:8080",), b"", "id.secret"),  # the secret would be sent in the clear
        (("http://127.0.0.1:8080", "https://farm"), b"", "id.secret"),
        (("http://127.0.0.1@farm",), b"", "id.secret"),
        (("http://127.0.0.1:8080",), b"x" * 32, "id.secret"),
        (("ftp://a",), b"", "id.secret"),
        (("https://a b",), b"", "id.secret"),
        (("https://user:password@a",), b"", "id.secret"),
        (("https://a?x=1",), b"", "id.secret"),
        (("https://a\n",), b"", "id.secret"),
        (("https://a",), b"x" * 31, "id.secret"),
        (("https://a",), b"", "secret"),
        (("https://a",), b"", "id."),
        (("https://a",), b"", "id.sec ret"),
        (("https://a",), b"", "id.secret\n"),
    ],
)
def test_a_sealed_one_that_leads_nowhere_good_is_refused(packed: object) -> None:
    with pytest.raises(ValueError, match="names no manager that can be reached"):
        decode(sealed(msgspec.msgpack.encode(packed)))


def test_one_for_this_machine_alone_may_be_in_the_clear() -> None:
    here = JoinToken(urls=("http://127.0.0.1:8080",), fingerprint="", token=TOKEN.token)
    assert decode(encode(here)) == here


def test_one_of_another_shape_is_of_another_version() -> None:
    with pytest.raises(ValueError, match="another version"):
        decode(sealed(msgspec.msgpack.encode({"urls": []})))


def test_a_very_long_one_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(ValueError, match="holds what none does"):
        decode(PREFIX + "A" * LONGEST)


def test_no_sentence_tells_what_was_in_it() -> None:
    text = encode(TOKEN)
    for given_text in (text[:-5], text[10:], text.replace("bj1", "bj9")):
        with pytest.raises(ValueError, match=r"\.") as refused:
            decode(given_text)
        assert given_text[20:40] not in str(refused.value)
