"""A receiver of notices on a real socket, which fails as it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Answers with the given statuses one after the other, then with 204; keeps all it got."""

    def __init__(self, statuses: list[int], *, hangs: threading.Event | None = None) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self._statuses = statuses
        self._hangs = hangs
        self._changed = threading.Condition()
        self.url = ""

    def wait(self, number: int, timeout: float = 10.0) -> bool:
        """Wait until so many notices have come; False if they do not."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.got) >= number, timeout)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Keep a notice and return the status that answers it."""
        if self._hangs is not None:
            self._hangs.wait(10.0)
        with self._changed:
            self.got.append((headers, body))
            self._changed.notify_all()
            return self._statuses.pop(0) if self._statuses else 204


@contextmanager
def receiving(statuses: list[int], *, hangs: threading.Event | None = None) -> Iterator[Receiver]:
    """Run a receiver on a free port."""
    receiver = Receiver(statuses, hangs=hangs)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.take(headers, body)
            self.send_response(status)
            if status == 302:
                self.send_header("location", f"{receiver.url}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
