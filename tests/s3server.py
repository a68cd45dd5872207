# SPDX-License-Identifier: GPL-3.0-or-later
"""A real S3 server for the tests: moto's, a process of its own on loopback, that forgets all when it ends."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

BUCKET = "frames-of-a-farm"
READY_S = 60.0


class S3Server:
    """The server; it can be killed and started again at the same address."""

    def __init__(self, folder: Path, **environ: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self.credentials = folder / "credentials"
        self.credentials.touch(0o600)
        self.credentials.write_text("[default]\naws_access_key_id = farm\naws_secret_access_key = not/a+secret\n")
        self._said = folder / "s3.log"
        self._environ = os.environ | environ
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, with an empty bucket."""
        with self._said.open("ab") as said:
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
            self._process = subprocess.Popen(command, stdout=said, stderr=said, env=self._environ)
        self._wait()
        self.make_bucket()

    def _wait(self) -> None:
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            assert self._process is not None
            assert self._process.poll() is None, self._said.read_text()
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.kill()
        pytest.fail(f"the S3 server did not answer: {self._said.read_text()}")

    def make_bucket(self) -> None:
        """As its owner would."""
        import boto3

        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="owner",
            aws_secret_access_key="owner's",
        )
        client.create_bucket(Bucket=BUCKET)
        client.close()

    def kill(self) -> None:
        """End it as a power cut would; also what it was sending."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def started(folder: Path, **environ: str) -> S3Server:
    """A running server; skips where it, or the library that talks to it, is not installed."""
    for name in ("obstore", "moto.server", "flask", "flask_cors", "boto3"):
        pytest.importorskip(name.partition(".")[0], reason=f"{name} is not installed")
    return S3Server(folder, **environ)
