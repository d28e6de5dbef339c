"""Which migration a command is about, as people type it."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from flags.decision import BALANCE_NOTIFICATIONS, MIGRATIONS

Command = TypeVar("Command", bound=Callable[..., Any])

_CHOSEN = "app.migration"


def migration_option(command: Command) -> Command:
    """Let a command be told which migration it is about: `chosen_migration` returns its name."""
    return click.option(
        "--migration",
        type=click.Choice([pair.migration for pair in MIGRATIONS]),
        default=BALANCE_NOTIFICATIONS.migration,
        show_default=True,
        expose_value=False,
        callback=_choose,
        help="Which one is meant.",
    )(command)


def chosen_migration() -> str:
    """Return the name of the migration that the present command is about."""
    name: str = click.get_current_context().meta[_CHOSEN]
    return name


def _choose(context: click.Context, _: click.Parameter, migration: str) -> None:
    context.meta[_CHOSEN] = migration
