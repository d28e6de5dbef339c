"""The application behind a real server, and browsers that come with what they were given."""

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.admission.signing import TOKEN
from tests.web.live import serving, wait_until


class Page:
    """One open socket, as a page has it."""

    def __init__(self, socket):
        self.socket = socket

    def say(self, **message):
        """Send one message."""
        self.socket.send(json.dumps(message))

    def hear(self, wanted):
        """Return the next message of the wanted type, of any if None."""
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if wanted in (None, message["type"]):
                return message

    def subscribe(self, user, **proof):
        """Subscribe, and return what was confirmed."""
        self.say(type="subscribe", userId=user, **proof)
        return self.hear("subscription_confirmed")["userId"]

    def closed_with(self):
        """Read to the end; return the code that the server closed with."""
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                self.socket.recv(timeout=60)
        return closed.value.rcvd.code


@dataclass
class Service:
    """The running application as its visitors see it."""

    live: object

    @property
    def own_origin(self):
        """Where its pages come from."""
        return self.live.url

    def cookie_of(self, user):
        """Load the page of a user and return the cookie that came with it."""
        answer = self.live.get(f"/u/{user}")
        return answer.headers["Set-Cookie"].partition(";")[0]

    @contextmanager
    def page(self, *, origin="own", cookie=None, init_data=None, token=None):
        """Open a socket; "own" is the service's own origin."""
        headers = {}
        if cookie is not None:
            headers["Cookie"] = cookie
        if init_data is not None:
            headers["Authorization"] = f"tma {init_data}"
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        url = f"{self.live.url.replace('http', 'ws', 1)}/ws"
        origin = self.own_origin if origin == "own" else origin
        with connect(url, origin=origin, additional_headers=headers, compression=None) as socket:
            page = Page(socket)
            page.hear("connection_established")
            yield page

    def status_of(self, **how):
        """Return the HTTP status that a handshake is turned away with."""
        with pytest.raises(InvalidStatus) as refused, self.page(**how):
            pass
        return refused.value.response.status_code

    def counts(self):
        """Return what admission has counted."""
        return self.live.parts.admission.snapshot()

    def wait_until_empty(self):
        """Wait until every socket is forgotten."""
        wait_until(lambda: self.counts()["open"] == 0)


@pytest.fixture
def serve(tmp_path):
    """Return what serves the demonstration with these settings."""

    @contextmanager
    def start(**settings):
        with serving(tmp_path, **{"bot_token": TOKEN, **settings}) as live:
            yield Service(live)

    return start


@pytest.fixture
def service(serve):
    """Serve with the default settings: enforce."""
    with serve() as running:
        yield running


def now():
    """Return the unix time."""
    return time.time()
