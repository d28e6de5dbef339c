"""The command behind `make run`: everything that a first look needs, and then the server."""

import os
import sys
from collections.abc import Mapping

import click

from app.cli_group import Commands
from app.database import Database
from app.demo_users import seed
from app.errors import DatabaseReadOnly, DatabaseUnavailable
from app.listening import CannotListenError, check_port, page_address
from app.parts import parts
from app.settings import Settings
from flags.embedded import ensure_flag_file

demo = Commands("demo", help="Look at the migration in a browser.")

PACE = {"SHIM_DEMO": "1", "SHIM_FARMING_INTERVAL_S": "5", "SHIM_BOOST_INTERVAL_S": "15"}
"""The demonstration's settings: rewards every few seconds instead of minutes."""


@demo.command("run")
def run() -> None:
    """Set up the database, its users and the flags, then serve the pages with gunicorn."""
    settings = parts().settings
    try:
        check_port(settings.host, settings.port)
    except CannotListenError as error:
        raise click.ClickException(str(error)) from error
    _prepare()
    click.echo(f"Look at {page_address(settings.host, settings.port)} (stop with Ctrl+C)")
    sys.stdout.flush()
    os.execve(sys.executable, serving_command(), serving_environment(os.environ))  # noqa: S606 # our own arguments, no shell


@demo.command("prepare")
def prepare_only() -> None:
    """Set up the database, its users and the flags, and serve nothing."""
    _prepare()


def _prepare() -> None:
    try:
        prepare(parts().settings, parts().database)
    except DatabaseReadOnly as error:
        click.echo(f"note: what is there is served, and nothing is booked: {error}", err=True)
    except (DatabaseUnavailable, OSError) as error:
        raise click.ClickException(f"The demonstration cannot be set up: {error}") from error


def prepare(settings: Settings, database: Database) -> None:
    """Bring the database up to date, and make users and flags unless they are there.

    Raises `DatabaseUnavailable`, or OSError for the file of the flags.
    """
    database.upgrade()
    seed(database)
    ensure_flag_file(settings.flag_file)


def serving_command() -> list[str]:
    """Return the arguments that serve the app, as in production."""
    return [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"]


def serving_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` with the demonstration's pace where it says nothing itself."""
    return {**PACE, **environ}
