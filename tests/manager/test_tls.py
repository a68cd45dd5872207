# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates, whom they make believed, and how a manager is reached with them: over real sockets."""

import datetime
import os
import ssl
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_connection, create_server

import pytest

from brender.manager.reach import Reach, addresses_of, as_reached, public_url, url_of, urls_for_others
from brender.manager.secure import Secure
from brender.tls import certificate, files, trust
from brender.tls.addresses import is_loopback
from brender.tls.certificate import Made, TlsError

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)

Serve = Callable[[Made], int]


@pytest.fixture(scope="module")
def made() -> Made:
    return certificate.make("ada", ["192.0.2.7", "fd00::7"], NOW)


@pytest.fixture(scope="module")
def other() -> Made:
    return certificate.make("ada", [], NOW)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A server that shows a certificate, and says hello to who believes it."""
    listening = []

    def serve_one(shown: Made) -> int:
        cert, key = write(shown, tmp_path / f"served{len(listening)}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server = create_server(("127.0.0.1", 0))
        listening.append(server)

        def accept() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                    with plain, context.wrap_socket(plain, server_side=True) as secure:
                        secure.sendall(b"hello")
                except ssl.SSLError:
                    continue  # who came did not believe it
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        return int(server.getsockname()[1])

    yield serve_one
    for server in listening:
        server.shutdown(2)
        server.close()


def write(pair: Made, folder: Path) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("cert.pem", pair.certificate), ("key.pem", pair.key)):
        (folder / name).touch(0o600)
        (folder / name).write_bytes(content)
    return folder / "cert.pem", folder / "key.pem"


def greeted(port: int, context: ssl.SSLContext, name: str = "127.0.0.1") -> bytes:
    with (
        create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.recv(5)


# --- made, and kept --------------------------------------------------------------------------------------------------


def test_a_certificate_is_for_this_machines_names_and_addresses_and_for_ten_years(made: Made) -> None:
    said = certificate.facts(made.certificate, "cert.pem")
    assert said.names == ("ada", "localhost", "127.0.0.1", "::1", "192.0.2.7", "fd00::7")
    assert 3600 < (said.not_after - NOW).days < 3700
    assert said.not_before < NOW


@pytest.mark.parametrize("name", ["", "ä-machine", "x" * 200])
def test_a_machine_of_any_name_gets_one(name: str) -> None:
    assert b"BEGIN CERTIFICATE" in certificate.make(name, [], NOW).certificate


def test_the_data_folders_own_is_made_once_and_for_this_user_alone(tmp_path: Path) -> None:
    first = files.own(tmp_path, "ada", [], NOW)
    assert files.own(tmp_path, "ada", [], NOW) == first
    assert first.certificate == files.own_certificate(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tls"]
    if os.name != "nt":
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls", first.key)]
        assert modes == [0o700, 0o600]


def test_half_a_pair_is_refused_and_never_replaced_in_silence(tmp_path: Path) -> None:
    pair = files.own(tmp_path, "ada", [], NOW)
    pair.key.unlink()
    with pytest.raises(TlsError, match=r"The key .*key.pem cannot be read: .* Remove the folder .*tls, and"):
        files.own(tmp_path, "ada", [], NOW)
    assert pair.certificate.exists()


def test_one_of_ones_own_is_looked_at_before_anything_listens(tmp_path: Path, made: Made, other: Made) -> None:
    cert, key = write(made, tmp_path)
    assert files.given(cert, key, NOW).fingerprint == trust.fingerprint(made.certificate.decode())
    with pytest.raises(TlsError, match=r"was good until .*: have it renewed"):
        files.given(cert, key, NOW + 4000 * DAY)
    with pytest.raises(TlsError, match="is the clock right"):
        files.given(cert, key, NOW - 4000 * DAY)
    _, wrong = write(other, tmp_path / "other")
    with pytest.raises(TlsError, match="is not the key of the certificate"):
        files.given(cert, wrong, NOW)
    with pytest.raises(TlsError, match="holds no private key as PEM"):
        files.given(cert, cert, NOW)
    with pytest.raises(TlsError, match="holds no certificate as PEM"):
        files.given(key, key, NOW)
    with pytest.raises(TlsError, match=r"The certificate .*none.pem cannot be read: No such file"):
        files.given(tmp_path / "none.pem", key, NOW)
    key.chmod(0o604)
    if os.name != "nt":
        with pytest.raises(TlsError, match=r"Every user of this machine can read the key .*: `chmod 600"):
            files.given(cert, key, NOW)


# --- believed --------------------------------------------------------------------------------------------------------


def test_a_pinned_certificate_is_believed_under_any_name_and_no_other_is(serve: Serve, made: Made, other: Made) -> None:
    pinned = trust.pinned_context(made.certificate.decode())
    assert greeted(serve(made), pinned, "whatever.example") == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        greeted(serve(other), pinned)
    assert trust.is_distrust(refused.value)


def test_a_pinned_certificate_is_believed_whatever_the_clock_says(serve: Serve) -> None:
    """A render node with an empty battery thinks it is 1970; who shows this certificate is the manager all the same."""
    old = certificate.make("ada", [], NOW - 5000 * DAY)
    assert greeted(serve(old), trust.pinned_context(old.certificate.decode())) == b"hello"


def test_nobody_is_believed_by_name_whom_no_authority_knows(serve: Serve, made: Made) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        greeted(serve(made), trust.named_context(), "localhost")


def test_an_authority_that_is_named_is_believed_for_the_name_alone(
    serve: Serve, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = serve(made)
    cert, _ = write(made, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    assert greeted(port, trust.named_context(), "localhost") == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError):
        greeted(port, trust.named_context(), "other.example")


def test_a_certificate_is_fetched_without_being_believed(serve: Serve, made: Made) -> None:
    pem = trust.fetch_certificate("127.0.0.1", serve(made), 10)
    assert trust.fingerprint(pem) == trust.fingerprint(made.certificate.decode())


def test_who_shows_no_certificate_is_named_in_a_sentence() -> None:
    with pytest.raises(trust.NoCertificate, match=r"nobody answers at 127.0.0.1, port 1 \(Connection refused\)"):
        trust.fetch_certificate("127.0.0.1", 1, 10)
    with create_server(("127.0.0.1", 0)) as plain:

        def answer() -> None:
            with plain.accept()[0] as socket:
                socket.recv(100)
                socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(trust.NoCertificate, match="does not speak TLS"):
            trust.fetch_certificate("127.0.0.1", plain.getsockname()[1], 10)


def test_the_wrong_certificate_is_explained(serve: Serve, made: Made, other: Made) -> None:
    said = trust.distrust("127.0.0.1", serve(other), made.certificate.decode())
    expected, came = (trust.short(trust.fingerprint(each.certificate.decode())) for each in (made, other))
    assert f"is {came}, and {expected} was expected" in said
    assert "somebody else answers in its place" in said


@pytest.mark.parametrize("pem", ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_not_pinned(pem: str) -> None:
    with pytest.raises(ValueError, match="is no certificate"):
        trust.pinned_context(pem)


# --- reached ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "secure", "listens_with_tls"),
    [
        ("127.0.0.1", Secure(), False),
        ("::1", Secure(), False),
        ("localhost", Secure(public="https://farm.example"), False),
        ("127.0.0.1", Secure(tls=True), True),
        ("0.0.0.0", Secure(), True),
        ("::", Secure(), True),
        ("192.0.2.7", Secure(), True),
        ("farm.example", Secure(), True),
    ],
)
def test_whatever_others_could_reach_has_tls(tmp_path: Path, host: str, secure: Secure, listens_with_tls: bool) -> None:
    assert (secure.pair(tmp_path, host) is not None) is listens_with_tls


def test_a_certificate_without_its_key_and_an_address_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TlsError, match="give both --cert and --key"):
        Secure(cert=tmp_path / "c.pem").pair(tmp_path, "127.0.0.1")
    for url in ("http://farm.example", "farm.example", "https://farm.example/path", "https://a b", "https://"):
        with pytest.raises(TlsError, match="is no address for others: that is https://"):
            Secure(public=url).pair(tmp_path, "127.0.0.1")


def test_an_address_for_others_is_kept_in_one_form() -> None:
    assert public_url(" https://Farm.example:443/ ") == "https://farm.example"
    assert public_url("https://farm.example:8443") == "https://farm.example:8443"


def test_another_machine_is_told_every_address_that_it_may_reach() -> None:
    known = addresses_of(
        [["192.0.2.7", "fe80::1%eth0", "02:fc:00:00:00:01"], ["127.0.0.1", "::1"], ["fd00::7", "10.0.0.7"]]
    )
    assert known == ["192.0.2.7", "10.0.0.7", "fd00::7"]
    secure = Reach(tls=True)
    assert urls_for_others(secure, "0.0.0.0", 8080, "ada", known) == (
        "https://192.0.2.7:8080", "https://10.0.0.7:8080", "https://ada:8080",
    )  # fmt: skip
    assert "https://[fd00::7]:8080" in urls_for_others(secure, "::", 8080, "ada", known)
    assert urls_for_others(secure, "10.0.0.7", 8080, "ada", known) == ("https://10.0.0.7:8080",)
    assert urls_for_others(Reach(public="https://f.example"), "127.0.0.1", 1, "ada", known) == ("https://f.example",)


def test_this_machine_reaches_it_over_loopback_where_it_can() -> None:
    assert url_of("0.0.0.0", 80, tls=True) == "https://127.0.0.1:80"
    assert url_of("::", 80, tls=True) == "https://[::1]:80"
    assert url_of("192.0.2.7", 80, tls=True) == "https://192.0.2.7:80"
    assert url_of("127.0.0.1", 80, tls=False) == "http://127.0.0.1:80"


@pytest.mark.parametrize("name", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "LocalHost", "::ffff:127.0.0.1"])
def test_loopback_is_known(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize("name", ["0.0.0.0", "::", "192.0.2.1", "localhost.example", "", "127.0.0.1.example"])
def test_nothing_else_is_loopback(name: str) -> None:
    assert not is_loopback(name)


def scope(peer: str, *headers: tuple[bytes, bytes]) -> dict[str, object]:
    return {"type": "http", "scheme": "http", "client": (peer, 5000), "headers": headers}


PROXIED = Reach(public="https://farm.example")
HOST = (b"host", b"farm.example")


def test_a_proxy_on_this_machine_is_believed_on_who_asks() -> None:
    seen = as_reached(scope("127.0.0.1", HOST, (b"x-forwarded-for", b"6.6.6.6, 192.0.2.9")), PROXIED)
    assert (seen["client"], seen["scheme"]) == (("192.0.2.9", 0), "https")


@pytest.mark.parametrize(
    ("reach", "peer", "said"),
    [
        (PROXIED, "192.0.2.66", b"127.0.0.1"),  # not from this machine
        (PROXIED, "127.0.0.1", b"<script>"),
        (Reach(), "127.0.0.1", b"192.0.2.9"),  # no proxy was spoken of
        (Reach(tls=True, public="https://farm.example"), "127.0.0.1", b"192.0.2.9"),
    ],
)
def test_nobody_else_is_believed_on_who_asks(reach: Reach, peer: str, said: bytes) -> None:
    seen = as_reached(scope(peer, HOST, (b"x-forwarded-for", said)), reach)
    assert seen["client"] == (peer, 5000)
