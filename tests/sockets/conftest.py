"""A real server on a free port, the canonical service behind it, and real clients."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest
from flask import Flask
from websockets.sync.client import connect
from werkzeug.serving import make_server

from app.core import websocket_endpoint
from app.notifications.ports import BalanceHint
from app.notifications.service import BalanceNotifications
from app.notifications.timers import TimerThread
from app.web.admission import Admission, Bounds, Mode
from app.web.limits import Limits
from app.web.sockets import init_sockets
from tests.application import until
from tests.notifications.doubles import MemoryTruth


def open_to_everybody(message_burst=1000):
    """Return an admission that turns nobody away."""
    return Admission(Mode.OFF, verify=int, people=None, bounds=Bounds(message_burst=message_burst))


class Client:
    """A browser that speaks JSON."""

    def __init__(self, socket):
        self.socket = socket

    def say(self, message):
        """Send one message; text goes as it is."""
        self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def hear(self, wanted=None):
        """Return the next message, or the next of the wanted type."""
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if wanted in (None, message["type"]):
                return message

    def subscribe(self, user_id):
        """Subscribe, and wait until that is confirmed."""
        self.say({"type": "subscribe", "userId": user_id})
        return self.hear("subscription_confirmed")


class Server:
    """The application behind a port, with the service that its endpoint finds."""

    def __init__(self, message_burst=1000, **limits):
        self.truth = MemoryTruth()
        self.unserved = set()
        self.clock = TimerThread("test-windows", 0.001)
        self.service = BalanceNotifications(
            truth=self.truth, clock=self.clock, serves=lambda user_id: user_id not in self.unserved
        )
        app = Flask(__name__)
        self.admission = open_to_everybody(message_burst)
        self.sockets = init_sockets(app, admission=self.admission, limits=Limits(**limits))
        self.http = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)

    def get_instance(self):
        """Answer as the class at the historic path does."""
        return self.service

    def noted(self, user_id):
        """Return the user's newest connection, once it is known what its page shows."""
        connection = self.service.connections_of(user_id)[-1]
        until(lambda: connection.base_version is not None)
        return connection

    def book(self, user_id, amount):
        """Book a transaction and say so."""
        self.truth.book(user_id, amount)
        self.service.notify_balance_update(BalanceHint(user_id))

    @contextmanager
    def running(self):
        """Serve until the end of the block."""
        self.clock.start()
        self.sockets.start()
        self._thread.start()
        try:
            yield self
        finally:
            self.sockets.stop()
            self.http.shutdown()
            self._thread.join(60)
            self.http.server_close()
            self.clock.stop()

    @contextmanager
    def client(self, **options):
        """Connect a client and pass its greeting over."""
        with connect(f"ws://127.0.0.1:{self.http.port}/ws", **options) as socket:
            client = Client(socket)
            client.greeting = client.hear("connection_established")
            yield client


@pytest.fixture
def serve(monkeypatch):
    """Return a function that serves with these limits until the block ends."""

    @contextmanager
    def start(**limits):
        server = Server(**limits)
        monkeypatch.setattr(websocket_endpoint, "BalanceNotificationService", server)
        with server.running():
            yield server

    return start


@pytest.fixture
def server(serve):
    """Return a server with default options."""
    with serve() as running:
        yield running


@pytest.fixture
def pair():
    """Return two ends of a connection."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(60)
    with ours, theirs:
        yield ours, theirs
