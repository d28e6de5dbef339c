"""`flask rollout confirm`: lets through what workers hold back."""

import click
from flask.cli import with_appcontext

from app.cli_migration import migration_option
from app.cli_options import chosen, order_options
from app.cli_orders import run
from app.known import refuse_complete
from app.rollout import Order, Outcome
from app.rollout_confirm import confirm, waiting


@click.command("confirm")
@with_appcontext
@migration_option
@order_options()
def confirm_held(who: str, why: str, as_json: bool) -> None:
    """Let through a raise that was made in Unleash itself and that workers hold back."""

    def act() -> Outcome:
        held = waiting(chosen())
        refuse_complete(chosen(), held.definition.percentage)
        return confirm(chosen(), Order(who, why), held)

    run(act, as_json)
