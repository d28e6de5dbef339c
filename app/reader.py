"""The application for a command that reads files only: neither database nor service is loaded.

The whole application takes 80 MB before it has done anything, this one half of that.
"""

from collections.abc import Sequence
from pathlib import Path

from flask import Flask
from flask.cli import AppGroup

from app.cli_report import report
from app.settings import Settings

READING = ("shadow", "report")


def reads_only(arguments: Sequence[str]) -> bool:
    """Tell whether a command line, its program first, is `flask` with a command of this kind.

    Anything in between, such as an option of `flask` itself, gets the whole application.
    """
    program, *rest = arguments or [""]
    is_flask = "flask" in (Path(program).name, Path(program).parent.name)
    return is_flask and tuple(rest[: len(READING)]) == READING


def create_reader() -> Flask:
    """Build it. Raises SettingsError."""
    app = Flask("app")
    app.extensions["paths"] = Settings.from_environ()
    shadow = AppGroup("shadow")
    shadow.add_command(report)
    app.cli.add_command(shadow)
    return app
