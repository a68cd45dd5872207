# SPDX-License-Identifier: GPL-3.0-or-later
"""The manager's certificate and key as files: its own in the data folder, made once, or those that it was given."""

import datetime
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from brender.tls import certificate
from brender.tls.certificate import TlsError
from brender.tls.trust import fingerprint

FOLDER, CERTIFICATE, KEY = "tls", "certificate.pem", "key.pem"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, that belong together and can be used."""

    certificate: Path
    key: Path
    pem: str  # the certificate, and those that stand with it in its file

    @property
    def fingerprint(self) -> str:
        """What tells this certificate from all others."""
        return fingerprint(self.pem)


def own_certificate(data: Path) -> Path:
    """Where the certificate that a manager of this data folder has made is, or would be."""
    return data / FOLDER / CERTIFICATE


def own(data: Path, hostname: str, addresses: Iterable[str], now: datetime.datetime) -> Pair:
    """The data folder's own pair, made at the first start. Raises `TlsError` where it is of no use."""
    folder = data / FOLDER
    if not folder.exists():
        _make(folder, certificate.make(hostname, addresses, now))
    try:
        return given(folder / CERTIFICATE, folder / KEY, now)
    except TlsError as error:
        raise TlsError(
            f"{error} Remove the folder {folder}, and the next start makes a new one; then all join anew."
        ) from None


def _make(folder: Path, made: certificate.Made) -> None:
    """There whole or not at all, and the key never readable by others. The data folder's lock is held."""
    part = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}")
    part.mkdir(mode=0o700)
    try:
        for name, content in ((CERTIFICATE, made.certificate), (KEY, made.key)):
            handle = os.open(part / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def given(cert: Path, key: Path, now: datetime.datetime) -> Pair:
    """A pair that somebody names. Raises `TlsError` where the two cannot be used, with a sentence of what is wrong."""
    pem, secret = _read(cert, "certificate"), _read(key, "key")
    if os.name != "nt" and key.stat().st_mode & 0o007:
        raise TlsError(f"Every user of this machine can read the key {key}: `chmod 600 {key}`.")
    said = certificate.facts(pem, str(cert))
    certificate.belong_together(pem, secret, str(cert), str(key))
    if now >= said.not_after:
        raise TlsError(f"The certificate {cert} was good until {said.not_after:%Y-%m-%d}: have it renewed.")
    if now < said.not_before:
        raise TlsError(
            f"The certificate {cert} is good from {said.not_before:%Y-%m-%d %H:%M} UTC on: is the clock right?"
        )
    return Pair(cert, key, pem.decode("ascii", "replace"))


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(f"The {what} {path} cannot be read: {error.strerror or error}.") from None
