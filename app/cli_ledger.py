"""`flask shadow ledger`: what all workers found so far, without reading a log."""

import json

import click
from flask.cli import with_appcontext

from app.cli_migration import migration_option
from app.cli_options import chosen, json_option
from app.ledger_words import ledger_json, ledger_lines
from shim.shadow.ledger_store import LedgerError


@click.command("ledger")
@migration_option
@json_option
@with_appcontext
def ledger(as_json: bool) -> None:
    """Show every counter per caller and side, and the divergences grouped by fingerprint."""
    try:
        told = ledger_json(chosen().ledger.read())
    except LedgerError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(told, indent=2) if as_json else "\n".join(ledger_lines(told)))
