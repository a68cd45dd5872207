# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom to believe: one certificate that is known, and no other; or a name that a public authority vouches for.

A pinned certificate says who answers by itself: neither its name nor its dates matter, as machines change names and
addresses, and clocks of render nodes are wrong (docs/decisions/0007-joining.md).
"""

import hashlib
import socket
import ssl

_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which ssl has no name
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class NoCertificate(Exception):
    """Nobody showed a certificate; the message says why."""


def fingerprint(pem: str) -> str:
    """SHA-256 of the first certificate in a PEM, as 64 hexadecimal digits. Raises ValueError where there is none."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf(pem))).hexdigest()


def leaf(pem: str) -> str:
    """The first certificate in a PEM, which is the server's. Raises ValueError where there is none."""
    begin = pem.find(_BEGIN)
    end = pem.find(_END, begin)
    if begin < 0 or end < 0:
        raise ValueError("This is no certificate as PEM.")
    return pem[begin : end + len(_END)] + "\n"


def short(fingerprint_: str) -> str:
    """The beginning of a fingerprint, as a person compares it: `3f9a:01c2:77de:b04c`."""
    return ":".join(fingerprint_[i : i + 4] for i in range(0, 16, 4))


def fetch_certificate(host: str, port: int, timeout_s: float) -> str:
    """The certificate that answers there, as PEM, believed in nothing. Raises `NoCertificate`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is looked at, and nothing is told to it
    try:
        with (
            socket.create_connection((host, port), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            der = secure.getpeercert(binary_form=True)
    except ssl.SSLError as error:
        raise NoCertificate(f"what answers at {host}, port {port}, does not speak TLS ({_reason(error)})") from None
    except (OSError, UnicodeError, ValueError) as error:
        raise NoCertificate(f"nobody answers at {host}, port {port} ({_reason(error)})") from None
    if der is None:
        raise NoCertificate(f"what answers at {host}, port {port}, shows no certificate")
    return ssl.DER_cert_to_PEM_cert(der)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no reason given").lower().replace("_", " ")
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def pinned_context(pem: str) -> ssl.SSLContext:
    """Believes this one certificate, whoever has signed it, under any name. Raises ValueError where it is none."""
    context = _client_context()
    context.check_hostname = False
    try:
        context.load_verify_locations(cadata=leaf(pem))
    except ssl.SSLError as error:
        raise ValueError(f"This is no certificate that can be used: {_reason(error)}.") from None
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    return context


def named_context() -> ssl.SSLContext:
    """Believes who has a certificate for the name that was asked for, by an authority that this system knows.

    SSL_CERT_FILE and SSL_CERT_DIR name others, as everywhere.
    """
    context = _client_context()
    context.load_default_certs()
    return context


def context_for(pem: str | None) -> ssl.SSLContext:
    """By the certificate where one is known, else by the name."""
    return pinned_context(pem) if pem else named_context()


def _client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def is_distrust(error: BaseException) -> bool:
    """Whether a connection was not made as the other side's certificate is not believed."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        seen = seen.__cause__ or seen.__context__
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def distrust(host: str, port: int, pem: str | None, timeout_s: float = 5.0) -> str:
    """Why what answers there is not believed: what was expected, what came, and what that may mean. One sentence."""
    try:
        came = short(fingerprint(fetch_certificate(host, port, timeout_s)))
    except NoCertificate as error:
        return str(error)
    if pem:
        return mismatch(f"{host}, port {port}", fingerprint(pem), came)
    return (
        f"the certificate at {host}, port {port} ({came}), is vouched for by nobody that this system knows, or is for "
        "another name: join or log in with what the manager gives you, or set SSL_CERT_FILE to its authority's"
    )


def mismatch(where: str, expected: str, came: str) -> str:
    """Another certificate than the one that is known; `came` is short."""
    return (
        f"the certificate at {where} is {came}, and {short(expected)} was expected: either the manager has a new one, "
        "and one joins or logs in anew, or somebody else answers in its place, who was told nothing"
    )
