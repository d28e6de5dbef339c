"""How gunicorn serves the application. Everything is set by the environment: see README.md."""

from typing import Any

from app.logs import configure_logging
from app.settings import Settings

_settings = Settings.from_environ()

bind = f"{_settings.host}:{_settings.port}"
workers = _settings.workers
worker_class = "gthread"
threads = _settings.threads
graceful_timeout = 5
timeout = 30
control_socket_disable = True


def when_ready(server: Any) -> None:
    """Say what does not hold for several workers."""
    if server.num_workers > 1:
        server.log.warning(
            "%d workers: a notification reaches only the browsers of the worker that booked;"
            " until there is a bus between workers, serve with one",
            server.num_workers,
        )


def post_worker_init(worker: Any) -> None:
    """Start in the worker, after the fork: threads do not live through one."""
    configure_logging()
    _runtime(worker).start()


def worker_exit(server: Any, worker: Any) -> None:
    """Stop what the worker started."""
    _runtime(worker).stop()


def _runtime(worker: Any) -> Any:
    return worker.app.wsgi().extensions["parts"].runtime
