"""A small fake of the part of Unleash that clients speak to, with every fault we know of."""

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.flags.bodies import good_body
from tests.patience import PATIENCE_S

TOKEN = "default:development.unleash-insecure-client-token"

Answer = Callable[["Handler"], None]


class FakeUnleash:
    """Answers `/api/client/*` on a port of its own between `start` and `stop`.

    `body` is what it holds. `fault` answers a question for flags in its place, None if it
    is well.
    """

    def __init__(self) -> None:
        self.body = good_body()
        self.fault: Answer | None = None
        self.questions = 0
        self.registered: list[dict[str, Any]] = []
        self.buckets: list[dict[str, Any]] = []
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.fake = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """What UNLEASH_URL must be."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering, and let go of those who are held."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def holds(self, *, canonical: int = 0, shadow: int = 0, revision: int) -> None:
        """Hold these percentages as this revision."""
        self.body = good_body(canonical=canonical, shadow=shadow, revision=revision)


class Handler(BaseHTTPRequestHandler):
    """One connection to the fake."""

    protocol_version = "HTTP/1.1"

    @property
    def fake(self) -> FakeUnleash:
        """The fake that this connection is to."""
        return self.server.fake  # type: ignore[attr-defined,no-any-return]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a question for flags."""
        self.fake.questions += 1
        if self.headers["Authorization"] != TOKEN:
            self.answer(401, b'{"name":"NoAccessError"}')
        elif self.fake.fault is not None:
            self.fake.fault(self)
        else:
            self.answer_well()

    def do_POST(self) -> None:
        """Take a registration or usage counts."""
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/client/register"):
            self.fake.registered.append(sent)
        elif self.path.endswith("/client/metrics"):
            self.fake.buckets.append(sent)
        self.answer(202, b"")

    def answer_well(self) -> None:
        """Answer as Unleash does: the body, or 304 if the ETag is the body's."""
        revision = json.loads(self.fake.body).get("meta", {}).get("revisionId", 0)
        etag = f'"{revision}:{len(self.fake.body)}"'
        if self.headers["If-None-Match"] == etag:
            self.answer(304, b"", ETag=etag)
        else:
            self.answer(200, self.fake.body.encode(), ETag=etag)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Send an answer; its client may have gone."""
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True


def html(handler: Handler) -> None:
    """Answer 200 with a page, as a proxy in between does."""
    handler.answer(200, b"<!DOCTYPE html><html>welcome</html>", ETag='"page"')


def truncated(handler: Handler) -> None:
    """Answer 200 with half of the body, under an ETag."""
    whole = handler.fake.body.encode()
    handler.answer(200, whole[: len(whole) // 2], ETag='"half"')


def cut_off(handler: Handler) -> None:
    """Promise the whole body, send half of it and close."""
    whole = handler.fake.body.encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(whole)))
    handler.end_headers()
    handler.wfile.write(whole[: len(whole) // 2])
    handler.close_connection = True


def not_modified(handler: Handler) -> None:
    """Answer 304 to whatever is asked."""
    handler.answer(304, b"", ETag='"for ever"')


def too_many(handler: Handler) -> None:
    """Answer 429 and ask to be left alone for an hour."""
    handler.answer(429, b"slow down", Retry_After="3600")


def redirect(handler: Handler) -> None:
    """Send the client somewhere else, where somebody would read its token."""
    handler.answer(302, b"", Location=f"{handler.fake.url}/elsewhere")


def failing(handler: Handler) -> None:
    """Answer 500."""
    handler.answer(500, b"oops")


def empty(handler: Handler) -> None:
    """Answer 200 with nothing."""
    handler.answer(200, b"", ETag='"nothing"')


def held(handler: Handler) -> None:
    """Take the question and answer with what was so at that time, once it is let go."""
    body = handler.fake.body.encode()
    handler.fake.released.wait(30)
    handler.answer(200, body, ETag='"late"')


def dripping(handler: Handler) -> None:
    """Send one byte at a time for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        while not handler.fake.released.wait(0.2):
            handler.wfile.write(b" ")
            handler.wfile.flush()
    except OSError:
        handler.close_connection = True


def answering(body: str) -> Answer:
    """Return the fault of a server that holds another body, such as yesterday's."""
    return lambda handler: handler.answer(200, body.encode(), ETag='"another"')


class BlackHole:
    """An address that takes connections and never says a word."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)

    @property
    def url(self) -> str:
        """What UNLEASH_URL must be."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        """Let go of all who wait."""
        self._socket.close()


def eventually(condition: Callable[[], Any], *, within: float = 10.0) -> Any:
    """Return the condition's first true value; fail if there is none in time."""
    within = max(within, PATIENCE_S)
    until = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < until, f"it is not so after {within:g} s"
        time.sleep(0.005)
    return value
