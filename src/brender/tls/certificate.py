# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates as values: one of one's own is made, and any is looked at. `cryptography` is loaded when it is used."""

import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

YEARS = 10
EARLY = datetime.timedelta(days=1)  # a machine whose clock is slow takes it, too


class TlsError(Exception):
    """What is wrong with a certificate or a key, in a sentence."""


@dataclass(frozen=True)
class Made:
    """A certificate and its key, both as PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Facts:
    """What a certificate says."""

    names: tuple[str, ...]  # names and addresses that it is for
    not_before: datetime.datetime
    not_after: datetime.datetime


def make(hostname: str, addresses: Iterable[str], now: datetime.datetime) -> Made:
    """A self-signed certificate for this machine: ECDSA over P-256, good for ten years."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _common_name(hostname))])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectAlternativeName(_general_names(hostname, addresses)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Made(certificate.public_bytes(pem), secret)


def _common_name(hostname: str) -> str:
    return hostname[:64] or "brender"  # the longest that X.509 has


def _general_names(hostname: str, addresses: Iterable[str]) -> "list[x509.GeneralName]":
    from cryptography import x509

    names = [name for name in dict.fromkeys([hostname, "localhost"]) if name.isascii() and name]
    known = dict.fromkeys(ipaddress.ip_address(each) for each in ("127.0.0.1", "::1", *addresses))
    return [*(x509.DNSName(name) for name in names), *(x509.IPAddress(address) for address in known)]


def facts(pem: bytes, where: str) -> Facts:
    """What the first certificate of a PEM says. Raises `TlsError` where it is none; `where` is its file's name."""
    from cryptography import x509

    certificate = _load(pem, where)
    try:
        said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = (*said.get_values_for_type(x509.DNSName), *map(str, said.get_values_for_type(x509.IPAddress)))
    except (x509.ExtensionNotFound, ValueError):
        names = ()
    return Facts(names, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def belong_together(certificate: bytes, key: bytes, where: str, key_where: str) -> None:
    """Raises `TlsError` where the key is not that of the certificate, or one of them cannot be read."""
    from cryptography.hazmat.primitives import serialization

    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if _load(certificate, where).public_key().public_bytes(*form) != _load_key(
        key, key_where
    ).public_key().public_bytes(*form):
        raise TlsError(f"{key_where} is not the key of the certificate {where}: name the two that were made together.")


def _load(pem: bytes, where: str) -> "x509.Certificate":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise TlsError(f"{where} holds no certificate as PEM (-----BEGIN CERTIFICATE-----).") from None


def _load_key(pem: bytes, where: str) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        return serialization.load_pem_private_key(pem, None)
    except TypeError:
        raise TlsError(
            f"The key in {where} has a password; a manager that starts by itself needs one without."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise TlsError(f"{where} holds no private key as PEM (-----BEGIN PRIVATE KEY-----).") from None
