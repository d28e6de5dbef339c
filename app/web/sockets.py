"""The WebSocket route: Flask signs in and upgrades, the I/O thread does the rest."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

from flask import Blueprint, Flask, Response, request
from flask_sock import Sock
from simple_websocket import Server
from wsproto.utilities import RemoteProtocolError

from app.core.websocket_endpoint import WebSocketEndpoint
from app.notifications.connections import BrowserConnection
from app.steady import wall_clock
from app.web.admission import Admission, admit, admitted_identity
from app.web.files import raise_file_limit
from app.web.frames import close_frame
from app.web.guard import Guard
from app.web.handover import NoThread, Taken, must_wait, prepare, take_socket
from app.web.handshake import install
from app.web.io_thread import COME_BACK, IoThread
from app.web.limits import Limits
from app.web.open_socket import OpenSocket
from app.web.session import PATH, NewSession, Session


class OpenSockets:
    """The sockets that this process has open, on one thread that starts and stops with it."""

    def __init__(self, limits: Limits, *, new_session: NewSession) -> None:
        self._io = IoThread(limits)
        self._new_session = new_session

    def __len__(self) -> int:
        return len(self._io.sockets)

    @property
    def closed(self) -> Counter[int]:
        """How many ended, by code; 1013 read too slowly, 1006 vanished."""
        return self._io.closed

    def start(self) -> None:
        """Let sockets in."""
        raise_file_limit()
        self._io.start()

    def leave(self) -> None:
        """Begin to stop: every browser is told to come back. A signal may call it."""
        self._io.leave()

    def stop(self) -> None:
        """Close every socket with 1012, let no new one in, and wait until all are closed."""
        self._io.stop()

    def serve(self, ws: Server) -> None:
        """Hand a socket over to the I/O thread; wait for its end where the server wants that."""
        if not must_wait(ws):
            self.adopt(take_socket(ws))
            return
        ended = threading.Event()
        self.adopt(take_socket(ws), ended=ended.set)
        ended.wait()

    def call(self, act: Callable[[], None]) -> None:
        """Have the thread of the sockets call something soon."""
        self._io.call(act)

    def adopt(self, taken: Taken, *, ended: Callable[[], None] | None = None) -> None:
        """Own an upgraded socket until it ends; it is told to come back if nobody is there."""
        if not self._io.adopt(OpenSocket(taken, self._io, self._new_session, ended=ended)):
            with taken.sock:
                taken.sock.send(taken.answer + close_frame(*COME_BACK))
            if ended is not None:
                ended()


def init_sockets(
    app: Flask,
    *,
    admission: Admission,
    limits: Limits | None = None,
    new_session: NewSession | None = None,
) -> OpenSockets:
    """Add the route; return its sockets, whose `start` and `stop` belong to the worker.

    `new_session` makes what a browser's messages are handed to, by default the endpoint.
    """
    install()
    app.config["SOCK_SERVER_OPTIONS"] = {"thread_class": NoThread}

    def endpoint(connection: BrowserConnection) -> Session:
        """Return the session of the browser whose handshake Flask handles at this moment."""
        guard = Guard(admission, admitted_identity(), call=sockets.call)
        return WebSocketEndpoint(connection, utc_now=wall_clock, guard=guard)

    sockets = OpenSockets(limits or Limits(), new_session=new_session or endpoint)
    blueprint = Blueprint("sockets", __name__)
    blueprint.before_request(partial(_admit, admission))
    blueprint.register_error_handler(RemoteProtocolError, _refuse_handshake)

    @Sock().route(PATH, bp=blueprint)
    def ws(ws: Server) -> None:
        sockets.serve(ws)

    app.register_blueprint(blueprint)
    app.extensions["sockets"] = sockets
    return sockets


def _admit(admission: Admission) -> Response | None:
    answered = admit(admission)
    if answered is None:
        prepare(request.environ)
    return answered


def _refuse_handshake(error: RemoteProtocolError) -> Response:
    return Response(f"this is no WebSocket handshake: {error}\n", 400, mimetype="text/plain")
