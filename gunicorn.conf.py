"""How gunicorn serves the application. Everything is set by the environment: see README.md."""

import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

from app.adapters.key_file import why_no_key
from app.adapters.queued_stream import queue_standard_streams
from app.listening import CannotListenError, check_port, place
from app.logs import configure_logging
from app.settings import Settings, SettingsError
from app.terminal import open_standard_streams
from app.web.witness import doubt_about_admission

open_standard_streams()
queue_standard_streams()  # before gunicorn's own logger takes one of them

try:
    _settings = Settings.from_environ()
except SettingsError as error:
    sys.exit(f"The settings cannot be used:\n{error}")

if _settings.secret_key is None and (_why := why_no_key(_settings.secret_file)) is not None:
    # One for all workers of this run, so that each takes the sessions of the others.
    os.environ["SHIM_SECRET_KEY"] = secrets.token_hex()
    sys.stderr.write(f"sessions hold until this service ends: {_why}; set SHIM_SECRET_KEY\n")

bind = place(_settings.host, _settings.port)
workers = _settings.workers
worker_class = "app.web.worker.PromptWorker"  # gthread, and handshakes wait for no thread
threads = _settings.threads
graceful_timeout = 4  # a worker that is asked to go is gone within five seconds
timeout = 30
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Say at once what gunicorn says after five seconds: the port is taken."""
    _start_again_as_a_module(server)
    if server.master_pid or "LISTEN_FDS" in os.environ:
        return  # the socket is handed over, by the server before or by systemd
    for address in server.cfg.address:
        if isinstance(address, tuple):
            try:
                check_port(*address[:2])
            except CannotListenError as error:
                sys.exit(str(error))


def _start_again_as_a_module(server: Any) -> None:
    """Let USR2 start `python -m gunicorn` as it was started.

    gunicorn would run the file of the module as a script: that has gunicorn's own folder on its
    path, whose `http` then hides Python's.
    """
    script, *arguments = server.START_CTX["args"][1:]
    if Path(script).parts[-2:] == ("gunicorn", "__main__.py"):
        server.START_CTX["args"] = [sys.executable, "-m", "gunicorn", *arguments]


def when_ready(server: Any) -> None:
    """Say what does not hold with these settings."""
    if (doubt := doubt_about_admission(_settings)) is not None:
        server.log.warning(doubt)
    if server.num_workers > 1 and _settings.notify_bus_url is None:
        server.log.warning(
            "%d workers and no bus: what one books reaches the browsers of the others with the"
            " next sweep, up to %g s later; set NOTIFY_BUS_URL, or serve with one worker",
            server.num_workers,
            _settings.sweep_interval_s,
        )


def post_worker_init(worker: Any) -> None:
    """Start in the worker, after the fork: threads do not live through one."""
    configure_logging()
    _runtime(worker).start()
    _tell_browsers_first(worker)


def worker_exit(server: Any, worker: Any) -> None:
    """Stop what the worker started."""
    _runtime(worker).stop()


def _tell_browsers_first(worker: Any) -> None:
    """Let SIGTERM reach the browsers at once, not after the requests that are waited for."""
    sockets = worker.app.wsgi().extensions["sockets"]

    def leave(number: int, frame: Any) -> None:
        sockets.leave()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, leave)
    signal.siginterrupt(signal.SIGTERM, False)  # as gunicorn has it: no request is interrupted


def _runtime(worker: Any) -> Any:
    return worker.app.wsgi().extensions["parts"].runtime
