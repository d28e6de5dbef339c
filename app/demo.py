"""The command behind `make run`: everything that a first look needs, and then the server."""

import errno
import os
import socket
import sys
from collections.abc import Mapping

import click
from flask.cli import AppGroup

from app.demo_users import seed
from app.parts import parts
from flags.embedded import ensure_flag_file

demo = AppGroup("demo", help="Look at the migration in a browser.")

PACE = {"SHIM_DEMO": "1", "SHIM_FARMING_INTERVAL_S": "5", "SHIM_BOOST_INTERVAL_S": "15"}
"""The demonstration's settings: rewards every few seconds instead of minutes."""


@demo.command("run")
def run() -> None:
    """Set up the database, its users and the flags, then serve the pages with gunicorn."""
    settings = parts().settings
    refuse_taken_port(settings.host, settings.port)
    prepare()
    click.echo(f"Look at http://{settings.host}:{settings.port}/ (stop with Ctrl+C)")
    sys.stdout.flush()
    os.execve(sys.executable, serving_command(), serving_environment(os.environ))  # noqa: S606 # our own arguments, no shell


@demo.command("prepare")
def prepare_only() -> None:
    """Set up the database, its users and the flags, and serve nothing."""
    prepare()


def prepare() -> None:
    """Bring the database up to date, and make users and flags unless they are there."""
    database = parts().database
    database.upgrade()
    seed(database)
    ensure_flag_file(parts().settings.flag_file)


def serving_command() -> list[str]:
    """Return the arguments that serve the app, as in production."""
    return [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"]


def serving_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` with the demonstration's pace where it says nothing itself."""
    return {**PACE, **environ}


def refuse_taken_port(host: str, port: int) -> None:
    """Raise `click.ClickException` if nobody could listen there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(_cannot_listen(host, port, error)) from error


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    where = f"port {port} on {host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use: stop what listens there, or choose another with PORT=8001"
    return f"cannot listen on {where}: {error.strerror}; choose another with PORT=8001"
