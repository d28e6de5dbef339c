"""The groups of our commands: whatever one prints is clean, its errors as well."""

from typing import Any

import click
from flask.cli import AppGroup

from app.terminal import clean, clean_output


class Commands(AppGroup):
    """A group whose commands print no control characters, and outlive who reads them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        with clean_output():
            try:
                return super().invoke(ctx)
            except click.ClickException as error:  # shown by whoever called, elsewhere
                error.message = clean(error.message)
                raise
