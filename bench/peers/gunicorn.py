"""Serves a peer: one worker of gunicorn with threads."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication


def nothing() -> None:
    """Start or stop nothing."""


def serve(
    app: Flask,
    port: int,
    *,
    threads: int,
    worker_class: str = "gthread",
    start: Callable[[], None] = nothing,
    stop: Callable[[], None] = nothing,
) -> None:
    """Serve until the process is ended; `start` and `stop` run in the worker."""
    options: dict[str, Any] = {
        "bind": f"127.0.0.1:{port}",
        "worker_class": worker_class,
        "threads": threads,
        "worker_connections": 20_000,
        "backlog": 4096,
        "graceful_timeout": 2,
        "timeout": 120,
        "loglevel": "warning",
        "control_socket_disable": True,
        "post_worker_init": lambda worker: start(),
        "worker_exit": lambda server, worker: stop(),
    }

    class Server(BaseApplication):
        def load_config(self) -> None:
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Flask:
            return app

    Server().run()
