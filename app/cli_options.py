"""What people type on the command line, read or refused."""

import getpass
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from app.cli_migration import chosen_migration
from app.parts import Parts, parts
from flags.percentage import InvalidPercentageError, percentage_of
from flags.user_id import InvalidUserIdError, user_id_of

NO_REASON = "no reason given"

Command = TypeVar("Command", bound=Callable[..., Any])


class PercentType(click.ParamType[int]):
    """A whole number from 0 to 100."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; fail with what is wrong."""
        try:
            return percentage_of(value if isinstance(value, str) else str(value))
        except InvalidPercentageError as error:
            self.fail(str(error), param, ctx)


class UserType(click.ParamType[int]):
    """A user id."""

    name = "user"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the id; fail with what is wrong."""
        try:
            return user_id_of(value)
        except InvalidUserIdError as error:
            self.fail(str(error), param, ctx)


class TextType(click.ParamType[str]):
    """A line of text with something in it."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as one line that any terminal can print; fail if it is blank."""
        line = " ".join(str(value).split())
        if not line:
            self.fail("it is blank: say something that others will understand", param, ctx)
        return line.encode("utf-8", "replace").decode()


PERCENT = PercentType()
USER = UserType()
TEXT = TextType()


def system_user() -> str:
    """Return who runs this, by the name that the system knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a uid without an account, as containers have
        return f"uid {os.getuid()}"


def opened() -> Parts:
    """Return the parts; what looks at far stores ends with the command."""
    found = parts()
    for let_go in (found.kill_switch.stop, found.workers.close):
        click.get_current_context().call_on_close(let_go)
    return found


def chosen() -> Parts:
    """Return the parts of the migration that the present command is about."""
    return opened().of(chosen_migration())


def json_option(command: Command) -> Command:
    """Let a command print JSON: it is called with `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def order_options(*, reason_required: bool = False) -> Callable[[Command], Command]:
    """Let a command be told who and why: it is called with `who`, `why` and `as_json`."""
    by = click.option(
        "--by", "who", type=TEXT, default=system_user, help="Who does this; default: you."
    )
    help_text = "Why, for whoever reads the history."
    if reason_required:
        reason = click.option("--reason", "why", type=TEXT, required=True, help=help_text)
    else:
        reason = click.option("--reason", "why", type=TEXT, default=NO_REASON, help=help_text)
    return lambda command: by(reason(json_option(command)))
