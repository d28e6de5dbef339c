"""`flask shadow known`: which differences somebody answers for, and until when."""

import json
from datetime import UTC, datetime, time
from typing import Any, NoReturn

import click
from flask.cli import AppGroup

from app import known as actions
from app.cli_migration import migration_option
from app.cli_options import TEXT, chosen, json_option, order_options
from app.known_words import known_json, words
from app.rollout import Order
from shim.known_store import KnownStoreError
from shim.shadow.differences import DifferenceKind
from shim.shadow.known import KnownDivergence, KnownDivergenceError, Rule
from shim.shadow.result import Comparison


class UntilType(click.ParamType[datetime]):
    """A day, to whose end it holds, or a moment; UTC unless it says otherwise."""

    name = "date"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the moment; fail with what is wrong."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no date: give one such as 2031-12-31", param, ctx)
        if len(str(value)) == len("2031-12-31"):
            moment = datetime.combine(moment, time.max)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


@click.group("known", cls=AppGroup)
def known() -> None:
    """Accept differences that somebody answers for; list them, end them."""


@known.command("accept")
@click.argument("id_", metavar="ID")
@migration_option
@click.option("--fingerprint", help="The one divergence that is meant.")
@click.option(
    "--comparison",
    required=True,
    type=click.Choice([each.value for each in Comparison]),
    help="Where it belongs.",
)
@click.option("--path", help="Where it differs, as a divergence shows it.")
@click.option(
    "--kind",
    type=click.Choice([each.value for each in DifferenceKind]),
    help="How it differs there.",
)
@click.option("--until", required=True, type=UntilType(), help="The last day on which it holds.")
@click.option("--owner", type=TEXT, help="Who answers for it; default: who does this.")
@click.option("--stays", is_flag=True, help="It is meant to stay: it does not block 100 %.")
@order_options(reason_required=True)
def accept(
    id_: str,
    fingerprint: str | None,
    comparison: str,
    path: str | None,
    kind: str | None,
    until: datetime,
    owner: str | None,
    stays: bool,
    who: str,
    why: str,
    as_json: bool,
) -> None:
    """Count a difference as known, under ID, until a date."""
    try:
        rule = Rule(
            Comparison(comparison),
            fingerprint,
            path,
            None if kind is None else DifferenceKind(kind),
        )
        new = KnownDivergence(id_, rule, owner or who, why, until, stays)
        notes = actions.accept(chosen(), Order(who, why), new)
    except (KnownDivergenceError, KnownStoreError) as error:
        _fail(error)
    _show(new, "accepted", notes, as_json=as_json)


@known.command("end")
@click.argument("id_", metavar="ID")
@migration_option
@order_options(reason_required=True)
def end(id_: str, who: str, why: str, as_json: bool) -> None:
    """Count the difference ID as a divergence again."""
    try:
        ended, notes = actions.end(chosen(), Order(who, why), id_)
    except (KnownDivergenceError, KnownStoreError) as error:
        _fail(error)
    _show(ended, "ended", notes, as_json=as_json)


@known.command("list")
@migration_option
@json_option
def list_known(as_json: bool) -> None:
    """Show every known divergence: who answers for it, until when, how often it was met."""
    found = chosen()
    try:
        kept = found.known.read()
    except KnownStoreError as error:
        _fail(error)
    hits = actions.hits(found)
    told = [known_json(each, None if hits is None else hits.get(each.id, 0)) for each in kept]
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    for each, entry in zip(kept, told, strict=True):
        state = "active " if entry["active"] else "expired"
        met = "the ledger cannot be read" if hits is None else f"met {entry['hits']} times"
        click.echo(f"{state}  {words(each)}; {met}: {each.reason}")


def _show(known: KnownDivergence, what: str, notes: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(known_json(known, None), indent=2))
    else:
        click.echo(f"{what}: {words(known)}")
    for note in notes:
        click.echo(f"note: {note}", err=True)


def _fail(error: Exception) -> NoReturn:
    raise click.ClickException(str(error)) from error
