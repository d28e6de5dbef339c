"""`flask rollout confirm`: lets through what workers hold back."""

import click
from flask.cli import with_appcontext

from app.cli_options import opened, order_options
from app.cli_orders import run
from app.known import refuse_complete
from app.rollout import Order, Outcome
from app.rollout_confirm import confirm, waiting


@click.command("confirm")
@with_appcontext
@order_options()
def confirm_held(who: str, why: str, as_json: bool) -> None:
    """Let through a raise that was made in Unleash itself and that workers hold back."""

    def act() -> Outcome:
        held = waiting(opened())
        refuse_complete(opened(), held.definition.percentage)
        return confirm(opened(), Order(who, why), held)

    run(act, as_json)
