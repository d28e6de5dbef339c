"""The WebSocket route: one thread reads a browser's frames, another writes what it is sent."""

import threading
import uuid
from collections import Counter
from datetime import UTC, datetime
from functools import partial

import structlog
from flask import Blueprint, Flask, Response, g, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from wsproto.utilities import RemoteProtocolError

from app.core.websocket_endpoint import WebSocketEndpoint
from app.notifications.connections import BrowserConnection
from app.web.admission import Admission, admit
from app.web.guard import Guard
from app.web.transport import WebSocketTransport

_log = structlog.get_logger(__name__)

MAX_MESSAGE_BYTES = 64 * 1024
"""A larger message closes the socket, code 1009."""
SILENCE_S = 120.0
"""A socket without a frame for so long is closed; browsers ping every 30 s."""
STOP_TIMEOUT_S = 5.0


class OpenSockets:
    """The sockets that this process has open, so that stopping can close them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: set[BrowserConnection] = set()
        self._stopping = False
        self.closed: Counter[int] = Counter()
        """How many were closed, by code; 1013 read too slowly."""

    def __len__(self) -> int:
        return len(self._open)

    def start(self) -> None:
        """Let sockets in."""
        self._stopping = False

    def stop(self) -> None:
        """Close every socket with 1012, let no new one in, and wait until all are closed."""
        with self._changed:
            self._stopping = True
            for connection in self._open:
                connection.close(1012, "the server restarts: come back")
            self._changed.wait_for(lambda: not self._open, timeout=STOP_TIMEOUT_S)

    def serve(self, ws: Server, *, guard: Guard, silence_s: float) -> None:
        """Serve one socket until it is closed."""
        transport = WebSocketTransport(ws)
        connection = BrowserConnection(uuid.uuid4().hex, transport)
        writer = threading.Thread(
            target=self._write, args=(connection,), name=f"writer-{connection.id[:8]}", daemon=True
        )
        with self._changed:
            self._open.add(connection)
            if self._stopping:
                connection.close(1012, "the server restarts: come back")
        writer.start()
        try:
            _read(ws, connection, guard, silence_s)
        finally:
            connection.close()
            writer.join()
            transport.settle()
            with self._changed:
                self._open.discard(connection)
                self._changed.notify_all()

    def _write(self, connection: BrowserConnection) -> None:
        code = connection.write_frames()
        with self._changed:
            self.closed[code] += 1


def init_sockets(app: Flask, *, admission: Admission, silence_s: float = SILENCE_S) -> OpenSockets:
    """Add the route `/ws`; return its sockets, whose `stop()` belongs to the worker's end."""
    app.config.setdefault("SOCK_SERVER_OPTIONS", {"max_message_size": MAX_MESSAGE_BYTES})
    sockets = OpenSockets()
    blueprint = Blueprint("sockets", __name__)
    blueprint.before_request(_refuse_compression)
    blueprint.before_request(partial(admit, admission))
    blueprint.register_error_handler(RemoteProtocolError, _refuse_handshake)

    @Sock().route("/ws", bp=blueprint)
    def ws(ws: Server) -> None:
        sockets.serve(ws, guard=Guard(admission, g.identity), silence_s=silence_s)

    app.register_blueprint(blueprint)
    app.extensions["sockets"] = sockets
    return sockets


def _read(ws: Server, connection: BrowserConnection, guard: Guard, silence_s: float) -> None:
    session = WebSocketEndpoint(connection, utc_now=lambda: datetime.now(UTC), guard=guard)
    try:
        try:
            session.opened()
            while (data := ws.receive(timeout=silence_s)) is not None:
                session.received(data)
            connection.close(1000, f"silent for {silence_s:g} s")
        finally:
            session.closed()
    except (ConnectionClosed, ConnectionError):
        return
    except Exception:  # noqa: BLE001 - it would put an HTTP page into the open stream
        _log.exception("socket_failed", connection=connection.id)
        connection.close(1011, "the server failed: come back")


def _refuse_compression() -> None:
    """Take the offer away: what is compressed grows past any limit when it is unpacked."""
    request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)


def _refuse_handshake(error: RemoteProtocolError) -> Response:
    return Response(f"this is no WebSocket handshake: {error}\n", 400, mimetype="text/plain")
