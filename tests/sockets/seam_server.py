"""An application of the sockets alone, and the configuration with which gunicorn serves it."""

import os
import threading

from flask import Flask, request

from app.web import worker as worker_module
from app.web.sockets import init_sockets
from tests.sockets.conftest import open_to_everybody

threads = 4
worker_connections = 40
control_socket_disable = True
if "SEAM_PATIENCE_S" in os.environ:
    for each in ("ARRIVE_S", "SEND_S"):
        setattr(worker_module, each, float(os.environ["SEAM_PATIENCE_S"]))


BIG = 8 * 2**20
"""Bytes of an answer that no kernel takes at once."""


class Silent:
    """A session that leads to nothing."""

    def opened(self):
        """Say nothing."""

    def received(self, data):
        """Hear nothing."""

    def pinged(self):
        """Count nothing."""

    def checked(self):
        """Go on."""

    def closed(self):
        """Have nothing to take back."""


def post_worker_init(worker):
    """Start in the worker, and let it be looked at."""
    app = worker.app.wsgi()
    app.config["WORKER"] = worker
    app.extensions["sockets"].start()


def create():
    """Return the application."""
    app = Flask(__name__)
    sockets = init_sockets(
        app, admission=open_to_everybody(), new_session=lambda connection: Silent()
    )

    @app.get("/counts")
    def counts():
        return {
            "sockets": len(sockets),
            "connections": app.config["WORKER"].nr_conns,
            "threads": threading.active_count(),
        }

    @app.get("/big")
    def big():
        return b"x" * BIG

    @app.post("/echo")
    def echo():
        return request.get_data()

    @app.get("/hold")
    def hold():
        """Hold the thread until who asks has gone."""
        request.environ["gunicorn.socket"].recv(1)
        return ""

    return app
