"""`flask shadow replay`: run a divergence again, offline, on the code as it is now."""

import json
from pathlib import Path

import click
from flask.cli import with_appcontext

from app.cli_options import json_option
from app.logs import quiet_log
from app.parts import parts
from app.replay_words import exit_code, replay_json, replay_lines
from app.replaying import find_cases, run_all, save
from shim.replay.case import CaseError
from shim.shadow.replays import ReplayStoreError

CASES = Path("tests/cases")


class CannotReplay(click.ClickException):
    """There is nothing to run: as with a command that is mistyped, nothing was done."""

    exit_code = 2


@click.command("replay")
@click.argument("target", metavar="FINGERPRINT|FILE")
@click.option(
    "--fingerprint", default="", metavar="PREFIX", help="Which one of a log with several."
)
@click.option(
    "--save",
    "target_file",
    is_flag=False,
    flag_value=str(CASES),
    metavar="[FILE]",
    help=f"Write the case as a test, with a stand-in for its user: a new file, or a folder;"
    f" default: {CASES}.",
)
@json_option
@click.pass_context
@with_appcontext
def replay(
    context: click.Context, target: str, fingerprint: str, target_file: str | None, as_json: bool
) -> None:
    """Run both sides on what was kept of FINGERPRINT, or on FILE, a case or a shadow log.

    Exits 0 if it no longer diverges, 1 if it still does, 3 if it diverges otherwise, 4 if that
    cannot be told, 2 if there is nothing to run.
    """
    context.with_resource(quiet_log())
    try:
        runs = run_all(find_cases(target, store=parts().replays, fingerprint=fingerprint))
        saved = None if target_file is None else save(runs.shown, target_file)
    except (CaseError, ReplayStoreError) as error:
        raise CannotReplay(str(error)) from error
    if as_json:
        told = {**replay_json(runs), "saved": None if saved is None else str(saved)}
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo("\n".join(replay_lines(runs)))
        if saved is not None:
            click.echo(f"\nsaved as {saved}")
    context.exit(exit_code(runs))
