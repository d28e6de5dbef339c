"""The application behind a real server in this process, with a database of its own."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from app.demo_users import seed
from app.factory import create_app
from app.notifications.service import BalanceNotifications, NewNotifications
from app.parts import Parts
from app.settings import Settings
from tests.patience import PATIENCE_S


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Message
    text: str

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.text)


@dataclass(frozen=True, slots=True)
class Live:
    """A running application, and a client for it."""

    url: str
    parts: Parts
    app: Flask

    def get(self, path: str, **headers: str) -> Answer:
        """Return what a GET of `path` answers, whatever its status."""
        return _answer(urllib.request.Request(self.url + path, headers=headers))

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> Answer:
        """Return what a POST of `body` answers, whatever its status."""
        headers = {"Content-Type": content_type}
        return _answer(urllib.request.Request(self.url + path, data=body, headers=headers))

    def order(self, **order: Any) -> Answer:
        """Return what the look page's endpoint answers to an order of a reward."""
        return self.post("/look/reward", json.dumps(order).encode())


def wait_until(condition: Callable[[], bool], *, within: float = 20.0) -> None:
    """Return as soon as the condition holds; fail once it took too long: see `patience`."""
    within = max(within, PATIENCE_S)
    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until, f"it did not come true within {within} s"
        time.sleep(0.01)


@contextmanager
def serving(
    instance_path: Path,
    *,
    demo: bool = True,
    prefix: str = "",
    database_url: str = "sqlite:///app.db",
    canonical: NewNotifications = BalanceNotifications,
    **others: Any,
) -> Iterator[Live]:
    """Start the application with the demonstration's users; no scheduler pays by itself.

    Under a prefix nothing is served but what lies below it.
    """
    settings = Settings(
        instance_path=instance_path,
        database_url=database_url,
        demo=demo,
        schedulers=False,
        **others,
    )
    app = create_app(settings, canonical=canonical)
    parts: Parts = app.extensions["parts"]
    parts.database.upgrade()
    seed(parts.database)
    parts.runtime.start()
    served = DispatcherMiddleware(NotFound(), {prefix: app}) if prefix else app
    server = make_server("127.0.0.1", 0, served, threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="server")
    thread.start()
    try:
        yield Live(f"http://127.0.0.1:{server.port}{prefix}", parts, app)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        parts.runtime.stop()
        parts.database.dispose()


def _answer(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Answer(response.status, response.headers, response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode())
