"""The way up, its end, and practice of the way back: `plan`, `advance`, `retirement`, `drill`."""

from dataclasses import asdict

import click
from flask.cli import with_appcontext

from app import ramp
from app.cli_migration import migration_option
from app.cli_options import chosen, json_option, order_options
from app.cli_orders import fail, print_json, run
from app.drill import drill
from app.retirement import retirement_json, retirement_lines, retirement_of
from app.rollout import Order, RolloutError
from flags.latch import LatchStoreError


@click.command("plan")
@with_appcontext
@migration_option
@json_option
def show_plan(as_json: bool) -> None:
    """Show the steps of the ramp, where we are, what is missing, and when it can be met."""
    told = ramp.plan_json(chosen())
    if as_json:
        print_json(told)
    else:
        click.echo("\n".join(ramp.plan_lines(told)))


@click.command("advance")
@with_appcontext
@migration_option
@order_options()
def advance(who: str, why: str, as_json: bool) -> None:
    """Go one step up the ramp if all that it needs is met; else exit 1 and say what is missing."""
    run(lambda: ramp.advance(chosen(), Order(who, why)), as_json)


@click.command("drill")
@with_appcontext
@migration_option
@order_options()
def practise(who: str, why: str, as_json: bool) -> None:
    """Practise a rollback: the guard trips on a synthetic divergence, and it is resumed at once.

    Exits 1 if the guard does not trip within 10 seconds.
    """
    try:
        done = drill(chosen(), Order(who, why))
    except (RolloutError, LatchStoreError) as error:
        fail(error)
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(f"the drill went well: {done}")


@click.command("retirement")
@with_appcontext
@migration_option
@json_option
def show_retirement(as_json: bool) -> None:
    """Say whether legacy may be removed as far as counts can tell, and who still calls by it.

    Removes nothing. Exits 1 if anything is in the way.
    """
    found = retirement_of(chosen())
    if as_json:
        print_json(retirement_json(found))
    else:
        click.echo("\n".join(retirement_lines(found)))
    if found.obstacles:
        raise SystemExit(1)
