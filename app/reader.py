"""The application for a command that reads files only: neither database nor service is loaded.

The whole application takes 80 MB before it has done anything, this one half of that.
"""

from collections.abc import Sequence

from flask import Flask

from app.cli_group import Commands
from app.cli_report import report
from app.command_settings import is_flask
from app.settings import Settings

READING = ("shadow", "report")


def reads_only(arguments: Sequence[str]) -> bool:
    """Tell whether a command line, its program first, is `flask` with a command of this kind.

    Anything in between, such as an option of `flask` itself, gets the whole application.
    """
    return is_flask(arguments) and tuple(arguments[1 : 1 + len(READING)]) == READING


def create_reader(settings: Settings) -> Flask:
    """Build it."""
    app = Flask("app")
    app.extensions["paths"] = settings
    shadow = Commands("shadow")
    shadow.add_command(report)
    app.cli.add_command(shadow)
    return app
