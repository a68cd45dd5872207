# SPDX-License-Identifier: GPL-3.0-or-later
"""The manager's own routes for content on a real server."""

import hashlib
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from litestar import Litestar, Router
from litestar.di import Provide

from brender.manager import errors
from brender.manager.content import Content
from brender.manager.routes import content as routes
from brender.manager.storage.folder import FolderStorage

GIVEN = [routes.missing_content, routes.content_standing, routes.send_content, routes.fetch_content]


class Served:
    """Content, and a server for it on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.settings: dict[str, float] = {"keep_free_gb": 0.0, "largest_file_gb": 1.0}
        self.storage = FolderStorage(folder / "storage")
        self.content = Content(folder, self.storage, self.settings.__getitem__)
        app = Litestar(
            [Router("/api/v1", route_handlers=GIVEN)],
            dependencies={"content": Provide(lambda: self.content, sync_to_thread=False)},
            exception_handlers={Exception: errors.answer},
            before_request=errors.refuse_other_media,
            request_max_body_size=errors.MOST_BYTES,
            logging_config=None,
            openapi_config=None,
        )
        self.folder = folder
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1, ws="none")
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()

    def url(self, sha256: str, port: int | None = None) -> str:
        return f"http://127.0.0.1:{port or self.port}/api/v1/content/{sha256}"

    def kept(self, sha256: str) -> bytes | None:
        size = self.content.size(sha256)
        return None if size is None else b"".join(self.content.read(sha256))

    def give(self, content: bytes) -> str:
        """Keep some content, without sending it."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.folder / "given"
        path.write_bytes(content)
        self.storage.take(f"content/{sha256[:2]}/{sha256}", path)
        return sha256

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "data").mkdir()
    running = Served(tmp_path / "data")
    yield running
    running.close()
    shutil.rmtree(tmp_path / "data")


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20, trust_env=False) as client:
        yield client
