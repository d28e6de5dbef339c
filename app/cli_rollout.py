"""`flask rollout`: where the migration is, and what moves it on or back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from app import rollout as actions
from app.cli_group import Commands
from app.cli_migration import migration_option
from app.cli_options import (
    NO_REASON,
    PERCENT,
    USER,
    chosen,
    json_option,
    opened,
    order_options,
)
from app.cli_orders import UNCONFIRMED, fail, print_json, run, set_flag
from app.command_settings import blind_by_settings, refuse_to_raise, refuse_to_turn
from app.errors import DatabaseUnavailable
from app.logs import quiet_log
from app.models import User
from app.parts import Parts
from app.ramp import percentage_now, refuse_raise
from app.rollout import Order, Outcome
from app.rollout_status import status_json, status_lines
from flags.admin import FlagAdmin, FlagAdminError, FlagChange
from flags.history import entry_to_json
from flags.workers import WorkerState

NOBODY_THERE = 3
"""Exit code: there is no worker to follow."""
ANSWER_S = 1.0
"""Seconds that a worker has to answer `why`."""

_force = click.option("--force", is_flag=True, help="Leap past the next step of the ramp.")
# A value such as -1 is then refused as a percentage, not as an option nobody knows.
_VALUES_MAY_LOOK_LIKE_OPTIONS = {"ignore_unknown_options": True}


@click.group("rollout", cls=Commands)
@click.pass_context
def rollout(context: click.Context) -> None:
    """Show where the migration is, move it on, roll it back."""
    context.with_resource(quiet_log())


@rollout.group("cohort")
def cohort() -> None:
    """Move users by name, whatever the percentage."""


@rollout.command("status")
@json_option
def show_status(as_json: bool) -> None:
    """Show the stage, the flags, the latch and every worker."""
    if as_json:
        print_json(status_json(opened()))
    else:
        click.echo("\n".join(status_lines(opened())))


@rollout.command("set", context_settings=_VALUES_MAY_LOOK_LIKE_OPTIONS)
@click.argument("percent", type=PERCENT)
@_force
@migration_option
@order_options()
def set_percentage(percent: int, force: bool, who: str, why: str, as_json: bool) -> None:
    """Let the canonical serve PERCENT of all users, and everybody in the cohort.

    Past the next step of the ramp, and to 100 before the last step may be taken, it takes
    --force and a reason. 100 is refused while a divergence is known that is not meant to stay.
    """
    if force and why == NO_REASON:
        raise click.UsageError("--force needs a --reason: say why the ramp is left")

    def act(admin: FlagAdmin) -> FlagChange:
        if percent > percentage_now(chosen()):
            refuse_to_raise()
        refuse_raise(chosen(), percent, force=force)
        return admin.set_percentage(chosen().pair.canonical, percent)

    set_flag("set", act, Order(who, why), as_json)


@rollout.command("shadow", context_settings=_VALUES_MAY_LOOK_LIKE_OPTIONS)
@click.argument("percent", type=PERCENT)
@migration_option
@order_options()
def set_shadow(percent: int, who: str, why: str, as_json: bool) -> None:
    """Compare both sides for PERCENT of all users."""
    flag = chosen().pair.shadow
    set_flag("shadow", lambda admin: admin.set_percentage(flag, percent), Order(who, why), as_json)


@rollout.command("off")
@migration_option
@order_options()
def switch_off(who: str, why: str, as_json: bool) -> None:
    """Switch both flags off: legacy serves everybody, nothing shadows."""

    def act() -> Outcome:
        refuse_to_turn()
        return actions.switch_off(chosen(), Order(who, why))

    run(act, as_json)


@rollout.command("rollback")
@order_options()
def roll_back(who: str, why: str, as_json: bool) -> None:
    """Send everybody to legacy at once, and return when every worker has confirmed.

    Exits 1 if a worker has not confirmed, 3 if there is no live worker.
    """

    def act() -> Outcome:
        done = actions.roll_back(opened(), Order(who, why))
        blind = "; ".join(
            each for each in (done.confirmation.blind_to, blind_by_settings()) if each
        )
        return replace(done, confirmation=replace(done.confirmation, blind_to=blind))

    outcome = run(act, as_json)
    if outcome.confirmation.nobody_there:
        raise SystemExit(NOBODY_THERE)


@rollout.command("resume", context_settings=_VALUES_MAY_LOOK_LIKE_OPTIONS)
@click.option("--at", "percent", type=PERCENT, default="1", show_default=True)
@_force
@migration_option
@order_options(reason_required=True)
def resume(percent: int, force: bool, who: str, why: str, as_json: bool) -> None:
    """Let the flags decide again after a rollback, beginning at 1 % of all users.

    Past the step of the ramp after the one that was rolled back, and to 100 before the last
    step may be taken, it takes --force.
    """

    def act() -> Outcome:
        refuse_raise(chosen(), percent, force=force)
        return actions.resume(chosen(), Order(who, why), percentage=percent)

    run(act, as_json)


@rollout.command("history")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@json_option
def show_history(limit: int, as_json: bool) -> None:
    """Show who changed what, when, why, from what and to what; the newest last."""
    try:
        log = opened().history.read()
    except OSError as error:
        fail(error)
    entries = [entry_to_json(entry) for entry in log.entries[-limit:]]
    if as_json:
        print_json(entries)
    for entry in () if as_json else entries:
        click.echo("{when}  {who}  {what}: {from} -> {to}  ({why})".format(**entry))
    if log.damaged:
        click.echo(f"lines of the history that cannot be read: {log.damaged}", err=True)


@cohort.command("add")
@click.argument("user", type=USER)
@migration_option
@order_options()
def cohort_add(user: int, who: str, why: str, as_json: bool) -> None:
    """Let the canonical serve USER whatever the percentage."""
    _require_account(opened(), user)
    set_flag(
        "cohort add",
        lambda admin: admin.cohort_add(chosen().pair.canonical, user),
        Order(who, why),
        as_json,
    )


@cohort.command("remove")
@click.argument("user", type=USER)
@migration_option
@order_options()
def cohort_remove(user: int, who: str, why: str, as_json: bool) -> None:
    """Leave USER to the percentage."""
    flag = chosen().pair.canonical
    before: tuple[int, ...] = ()

    def act(admin: FlagAdmin) -> FlagChange:
        nonlocal before
        before = admin.cohort(flag)
        return admin.cohort_remove(flag, user)

    set_flag("cohort remove", act, Order(who, why), as_json)
    if user not in before:
        members = ", ".join(map(str, before)) if len(before) <= 10 else f"{len(before)} users"
        click.echo(
            f"note: user {user} was not in the cohort, which has {members or 'nobody'};"
            f" `flask rollout why {user}` says who serves that user",
            err=True,
        )


@cohort.command("list")
@migration_option
@json_option
def cohort_list(as_json: bool) -> None:
    """Show the users that are served by name."""
    try:
        users = opened().flag_admin.cohort(chosen().pair.canonical)
    except FlagAdminError as error:
        fail(error)
    if as_json:
        print_json(list(users))
    for user in () if as_json else users:
        click.echo(str(user))


@rollout.command("why")
@click.argument("user", type=USER)
@migration_option
@json_option
def show_why(user: int, as_json: bool) -> None:
    """Show who serves USER and why, as each live worker of this host has it."""
    found = chosen()
    _require_account(found, user)
    views = [view for view in found.workers.read() if view.record.host == found.workers.host]
    live = [view.record.pid for view in views if view.state is WorkerState.LIVE]
    question = {"user": user, "migration": found.pair.migration}
    try:
        answers = found.questions.ask("why", question, pids=live, timeout=ANSWER_S)
    except OSError as error:
        fail(error)
    silent = [
        view.record.pid
        for view in views
        if view.state is not WorkerState.DEAD and view.record.pid not in answers
    ]
    from_files = None if answers else actions.from_the_files(found, user)
    if as_json:
        print_json(
            {
                "user": user,
                "workers": {str(pid): answer for pid, answer in answers.items()},
                "unanswered": silent,
                "from_files": from_files,
            }
        )
    else:
        _show_answers(answers, from_files)
    for pid in silent:
        click.echo(f"worker {pid} did not answer within {ANSWER_S:g} s: is it stopped?", err=True)
    if silent or any("error" in answer for answer in answers.values()):
        raise SystemExit(UNCONFIRMED)


def _show_answers(
    answers: Mapping[int, Mapping[str, Any]], from_files: Mapping[str, Any] | None
) -> None:
    for pid, answer in sorted(answers.items()):
        click.echo(f"worker {pid}")
        _show_fields(answer)
    if from_files is not None:
        click.echo("no live worker answered; by the flag file and the latch alone")
        _show_fields(from_files)


def _show_fields(fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        shown = value if isinstance(value, str) else json.dumps(value, default=str)
        click.echo(f"  {name.replace('_', ' ')}: {shown}")


def _require_account(found: Parts, user: int) -> None:
    """Refuse a user whom the database does not know; a database that is away refuses nobody."""
    try:
        with found.database.reading() as session:
            known = session.get(User, user) is not None
    except DatabaseUnavailable as error:
        click.echo(f"note: whether user {user} exists could not be looked up: {error}", err=True)
        return
    if not known:
        raise click.BadParameter(
            f"there is no user {user}: give the id of somebody who has an account",
            param_hint="USER",
        )
