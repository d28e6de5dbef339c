"""`flask shadow ledger`: what all workers found so far, without reading a log."""

import json
from datetime import datetime

import click
from flask.cli import with_appcontext

from app.cli_migration import migration_option
from app.cli_options import chosen, json_option
from app.cli_time import time_options
from app.ledger_words import judged, ledger_json, ledger_lines
from shim.shadow.ledger_store import LedgerError


@click.command("ledger")
@migration_option
@json_option
@time_options
@with_appcontext
def ledger(as_json: bool, since: datetime | None, whole: bool) -> None:
    """Show every counter per caller and side, and the divergences grouped by fingerprint.

    They are of the time since the last resume, unless --since or --all says otherwise. The
    ledger has sums for each epoch of the kill switch: --since begins with the one of that time.
    """
    try:
        told = ledger_json(*judged(chosen().ledger.read(), since=since, whole=whole))
    except LedgerError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(told, indent=2) if as_json else "\n".join(ledger_lines(told)))
