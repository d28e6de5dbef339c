"""What tests of the seam have in common: gunicorn on one port, and handshakes without it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.web.handover import prepare, take_socket
from tests.processes.gunicorn import free_port

ROOT = Path(__file__).parents[2]
GTHREAD, OURS = "gthread", "app.web.worker.PromptWorker"


@contextmanager
def gunicorn(worker_class=OURS, **environ):
    """Serve with one worker of four threads; return its port."""
    port = free_port()
    command = ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--log-level", "error"]
    command += ["--worker-class", worker_class]
    command += ["--config", "tests/sockets/seam_server.py", "tests.sockets.seam_server:create()"]
    environ = {**os.environ, **environ}
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environ) as process:
        try:
            wait_for(lambda: counts(port)["sockets"] == 0)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def counts(port):
    """Return what the worker counts, without a connection that is kept."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/counts", headers={"Connection": "close"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait_for(condition):
    """Wait until it holds; a refused connection is no yet."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.02)
    pytest.fail("it did not come about in 30 s")


def environ_of(sock, **more):
    """Return the environment of a handshake on this socket."""
    return {
        "HTTP_HOST": "x",
        "HTTP_CONNECTION": "Upgrade",
        "HTTP_UPGRADE": "websocket",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "HTTP_SEC_WEBSOCKET_KEY": "AAAAAAAAAAAAAAAAAAAAAA==",
        "gunicorn.socket": sock,
        **more,
    }


def prepared(sock, **more):
    """Return the environment as the handler finds it."""
    environ = environ_of(sock, **more)
    prepare(environ)
    return environ


@contextmanager
def browser_of(ws):
    """Take the socket, and close it at the end of the block; return it with the answer."""
    taken = take_socket(ws)
    with taken.sock:
        yield taken.sock, taken.answer
