"""`flask shadow report`: what the shadow logs say as a whole, from files alone."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from app.adapters.worker_log import PACKED, log_files
from app.cli_migration import chosen_migration, migration_option
from app.cli_time import time_options
from app.instance_paths import instance_paths
from app.known_files import SHIPPED, known_file
from app.known_words import active
from app.report_json import report_json
from app.report_page import report_page
from app.report_text import describe
from app.terminal import uncleaned
from shim.confidence import LEVEL
from shim.known_store import KnownStoreError
from shim.report import Report, Terms, read_logs

LOGS = click.argument(
    "logs", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)


@click.command("report")
@with_appcontext
@LOGS
@migration_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write one page with charts that needs nothing else.",
)
@click.option(
    "--level",
    default=LEVEL * 100,
    show_default=True,
    type=click.FloatRange(50, 99.9999),
    help="Percent of confidence of the bounds.",
)
@click.option(
    "--limit",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    help="Percent that the bound, less the noise floor, must keep to pass.",
)
@time_options
def report(
    logs: tuple[Path, ...],
    as_json: bool,
    html: Path | None,
    level: float,
    limit: float | None,
    since: datetime | None,
    whole: bool,
) -> None:
    """Say what was compared and what differed, from LOGS or all workers of this instance.

    What is judged came since the last resume that the logs know, unless --since or --all says
    otherwise.
    """
    terms = Terms(level / 100, None if limit is None else limit / 100)
    with readable():
        paths = chosen(logs)
        with _progress(sum(path.stat().st_size for path in paths)) as bar:
            found = read_logs(
                paths,
                migration=chosen_migration(),
                terms=terms,
                since=since,
                whole=whole,
                progress=bar.update,
            )
    _refuse_unreadable(found)
    _note_known(found, chosen_migration())
    if html is not None:
        _write(html, report_page(found))
    click.echo(json.dumps(report_json(found), indent=2) if as_json else describe(found))


def _refuse_unreadable(found: Report) -> None:
    """Fail where no line could be read: that is no verdict, and surely not that nothing ran."""
    if found.notes and found.damaged == found.lines:
        raise click.ClickException(
            "nothing could be read: " + "; ".join(found.notes) + ". Name a shadow log"
        )


def _note_known(found: Report, migration: str) -> None:
    """Note the known divergences that hold now, and why there may be more of them."""
    try:
        found.known = tuple(active(known_file(instance_paths(), migration).read()))
    except KnownStoreError as error:
        found.known, found.known_problem = tuple(active(SHIPPED[migration])), str(error)


def own() -> tuple[Path, ...]:
    """Return the logs of all workers of this instance."""
    return tuple(path for path, *_ in log_files(instance_paths().log_path))


def own_plain() -> tuple[Path, ...]:
    """Return those of them that are not packed."""
    return tuple(path for path in own() if path.suffix.removeprefix(".") not in PACKED)


def chosen(
    logs: tuple[Path, ...], *, ours: Callable[[], tuple[Path, ...]] = own
) -> tuple[Path, ...]:
    """Return the logs that are named, else this instance's; fail where there is none."""
    paths = logs or ours()
    if not paths:
        raise click.ClickException(
            f"there is no shadow log in {instance_paths().log_path}: start the service, or name"
            " a log file"
        )
    return paths


@contextmanager
def readable() -> Iterator[None]:
    """Fail with the name of a log that cannot be read."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(
            f"the shadow log {error.filename} cannot be read ({error.strerror}): name a file that"
            " can"
        ) from error


@contextmanager
def _progress(size: int) -> Iterator[Any]:
    """Show on a terminal how far it is; a pipe sees nothing of it."""
    hidden = not sys.stderr.isatty()
    stream = uncleaned(sys.stderr)
    with click.progressbar(length=size, label="reading", file=stream, hidden=hidden) as bar:
        yield bar


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"the page {path} cannot be written ({error.strerror}): name another file"
        ) from error
