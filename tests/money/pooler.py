"""A pooler before PostgreSQL that keeps nothing of a session, as one that pools by transaction.

It hands no connections around: after each transaction it wipes the session, prepared statements
included, which a client cannot tell from being given another connection.
"""

import re
import socket
import struct
import tempfile
import threading
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from sqlalchemy import make_url

_PORT = 5432
_ERROR = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"


class Pooling(StrEnum):
    """What a connection is handed out for."""

    TRANSACTION = "transaction"
    STATEMENT = "statement"


class Pooler:
    """Listens on a Unix socket in a folder of its own, in front of the server of `url`."""

    def __init__(self, url: str, pooling: Pooling) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pooler-")
        self.url = re.sub(r"host=.*", f"host={self._folder.name}", url)
        server = make_url(url).query["host"]
        self._server = str(Path(str(server)) / f".s.PGSQL.{_PORT}")
        self._pooling = pooling
        self.wiped = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(Path(self._folder.name) / f".s.PGSQL.{_PORT}"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Take no more clients."""
        self._listener.close()
        self._folder.cleanup()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with suppress(OSError, EOFError), client, server:
            startup = _startup(client)
            if b"options\0" in startup:
                client.sendall(_message(b"E", _ERROR))
                return
            server.connect(self._server)
            server.sendall(startup)
            threading.Thread(target=_copy, args=(client, server), daemon=True).start()
            self._answer(client, server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        fresh = True
        while True:
            kind, body = _receive(server)
            ends = body == b"I" or self._pooling is Pooling.STATEMENT
            if kind == b"Z" and ends and not fresh:
                _ask(server, "ROLLBACK")
                _ask(server, "DISCARD ALL")
                self.wiped += 1
            fresh = fresh and kind != b"Z"
            client.sendall(_message(kind, body))


def _ask(server: socket.socket, statement: str) -> None:
    server.sendall(_message(b"Q", statement.encode() + b"\0"))
    while _receive(server)[0] != b"Z":
        pass


def _copy(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while data := client.recv(65536):
            server.sendall(data)
        server.shutdown(socket.SHUT_RDWR)


def _startup(client: socket.socket) -> bytes:
    head = _exactly(client, 4)
    return head + _exactly(client, struct.unpack("!I", head)[0] - 4)


def _receive(server: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(server, 5)
    return head[:1], _exactly(server, struct.unpack("!I", head[1:])[0] - 4)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data
