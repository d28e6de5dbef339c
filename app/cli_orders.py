"""What the commands that change something have in common: do it, and show who followed."""

import json
import time
from collections.abc import Callable
from typing import Any, NoReturn

import click

from app import rollout as actions
from app.cli_options import chosen, opened
from app.command_settings import refuse_to_turn, settings_problems
from app.rollout import Order, Outcome, RolloutError
from app.rollout_words import confirmation_json, confirmation_words, unconfirmed_words
from app.settings import SettingsError
from app.writable import MARK
from flags.admin import FlagAdmin, FlagAdminError, FlagChange, FlagOutcomeUnknownError
from flags.latch import LatchStoreError
from flags.workers import WorkerState

UNCONFIRMED, UNKNOWN = 1, 4
"""Exit codes: some worker has not followed; nobody knows whether it was done."""


def set_flag(
    what: str, act: Callable[[FlagAdmin], FlagChange], order: Order, as_json: bool
) -> None:
    """Change a flag of the chosen migration, and show what came of it."""

    def turn() -> Outcome:
        refuse_to_turn()
        return actions.set_flag(chosen(), order, what, act)

    run(turn, as_json)


def run(act: Callable[[], Outcome], as_json: bool) -> Outcome:
    """Do it and show what came of it; exit 1 if a worker has not followed."""
    started = time.monotonic()
    try:
        outcome = act()
    except FlagOutcomeUnknownError as error:
        click.echo(str(error), err=True)
        raise SystemExit(UNKNOWN) from error
    except (FlagAdminError, LatchStoreError, RolloutError, SettingsError) as error:
        fail(error)
    took_ms = (time.monotonic() - started) * 1000
    confirmation, here = outcome.confirmation, opened().workers.host
    if as_json:
        workers = confirmation_json(confirmation)
        print_json({**outcome.details, "workers": workers, "took_ms": round(took_ms, 1)})
    else:
        click.echo(outcome.summary)
        lines = confirmation_words(confirmation, here=here)
        click.echo("\n".join([*lines, f"  took {took_ms:.0f} ms"]))
    for note in outcome.notes:
        click.echo(f"note: {note}", err=True)
    for problem in _of_the_instance():
        click.echo(f"warning: {problem}", err=True)
    for problem in settings_problems():
        click.echo(f"warning: {problem}", err=True)
    if confirmation.nobody_there:
        folder = opened().settings.instance_path
        words = "there is no live worker: this holds for those that start on the instance"
        other = "a service that runs has another folder and may not follow: give its SHIM_INSTANCE"
        click.echo(f"{words} {folder}; {other}", err=True)
    for worker in confirmation.unconfirmed:
        click.echo(unconfirmed_words(worker, here=here), err=True)
    if confirmation.blind_to:
        click.echo(f"workers of other hosts cannot be seen: {confirmation.blind_to}", err=True)
    if not confirmation.complete:
        raise SystemExit(UNCONFIRMED)
    return outcome


def _of_the_instance() -> list[str]:
    """Return what running workers cannot write of what the next order, or trip, will need."""
    return [
        f"worker {view.record.pid}: {problem}"
        for view in opened().workers.read()
        if view.state is not WorkerState.DEAD
        for problem in view.record.problems
        if problem.startswith(MARK)
    ]


def fail(error: Exception) -> NoReturn:
    """End the command with what is wrong, and 1."""
    raise click.ClickException(str(error)) from error


def print_json(value: Any) -> None:
    """Print what a program asked for."""
    click.echo(json.dumps(value, indent=2))
