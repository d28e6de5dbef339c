"""Which time a command judges: since the last resume, since a moment, or all of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


class MomentType(click.ParamType[datetime]):
    """A moment in ISO 8601; one without a time zone is in UTC, as everything that is shown."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the moment; fail with what is wrong."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(
                f"{value!r} is no time: give one such as 2026-01-31T12:00 (in UTC) or"
                " 2026-01-31T12:00+03:00",
                param,
                ctx,
            )
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def time_options(command: Command) -> Command:
    """Let a command judge another time: it is called with `since` and `whole`."""
    since = click.option(
        "--since",
        type=MomentType(),
        callback=_alone,
        metavar="TIME",
        help="Judge what came after this time, such as 2026-01-31T12:00 (UTC).",
    )
    whole = click.option(
        "--all",
        "whole",
        is_flag=True,
        is_eager=True,
        help="Judge all that there is, not only what came since the last resume.",
    )
    return since(whole(command))


def _alone(
    context: click.Context, param: click.Parameter, since: datetime | None
) -> datetime | None:
    if since is not None and context.params.get("whole"):
        raise click.UsageError("--since and --all exclude each other: give one of them")
    return since
