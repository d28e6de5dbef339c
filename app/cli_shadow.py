"""`flask shadow`: the shadow log, as it grows and as a whole."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from app.adapters.worker_log import log_files
from app.cli_known import known
from app.cli_ledger import ledger
from app.cli_options import chosen, migration_option
from app.cli_replay import replay
from app.known import active, words
from app.log_tail import Follower, last_lines
from app.parts import parts
from app.report_page import report_page
from app.report_text import describe
from shim.confidence import LEVEL
from shim.known_store import KnownStoreError
from shim.report import Terms, read_logs
from shim.shadow.known import KnownDivergence

FOLLOW_S = 0.2

shadow = AppGroup("shadow", help="What the shadows found.")
shadow.add_command(known)
shadow.add_command(ledger)
shadow.add_command(replay)
LOGS = click.argument(
    "logs", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)


@shadow.command("tail")
@LOGS
@click.option("--lines", default=10, show_default=True, type=click.IntRange(0, 10_000))
@click.option("--follow", is_flag=True, help="Go on with new lines until interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they are.")
def tail(logs: tuple[Path, ...], lines: int, follow: bool, as_json: bool) -> None:
    """Show the last lines of LOGS, or of all workers of this instance."""
    with _readable():
        paths = _chosen(logs)
        follower = Follower(lambda: logs or _own()) if follow else None
        ends = None if follower is None else follower.ends
        for line in last_lines(paths, lines, ends=ends):
            _show(line, as_json=as_json)
        while follower is not None:
            for line in follower.poll():
                _show(line, as_json=as_json)
            time.sleep(FOLLOW_S)


@shadow.command("report")
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
    help="Percent of confidence of the upper bounds.",
)
@click.option(
    "--limit",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    help="Percent that the bound must keep to pass.",
)
def report(
    logs: tuple[Path, ...], as_json: bool, html: Path | None, level: float, limit: float | None
) -> None:
    """Say what was compared and what differed, from LOGS or all workers of this instance."""
    terms = Terms(level / 100, None if limit is None else limit / 100)
    with _readable():
        paths = _chosen(logs)
        with _progress(sum(path.stat().st_size for path in paths)) as bar:
            found = read_logs(
                paths,
                migration=chosen().pair.migration,
                terms=terms,
                progress=bar.update,
            )
    if html is not None:
        _write(html, report_page(found))
    known_now, problem = _known_now()
    if as_json:
        told = {**found.as_json(), "known": [each.id for each in known_now], "problem": problem}
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo("\n".join([describe(found), *_known_words(known_now, problem)]))


def _known_words(known_now: list[KnownDivergence], problem: str | None) -> list[str]:
    lines = ["", "known divergences, none of which counts as one:"]
    lines += [f"  {words(each)}: {each.reason}" for each in known_now]
    return lines if problem is None else [*lines, f"  {problem}"]


def _known_now() -> tuple[list[KnownDivergence], str | None]:
    """Return the known divergences that hold now, and why there may be more of them."""
    store = chosen().known
    try:
        return active(store.read()), None
    except KnownStoreError as error:
        return active(store.known), str(error)


def _own() -> tuple[Path, ...]:
    return tuple(path for path, *_ in log_files(parts().settings.log_path))


def _chosen(logs: tuple[Path, ...]) -> tuple[Path, ...]:
    paths = logs or _own()
    if not paths:
        raise click.ClickException(
            f"there is no shadow log in {parts().settings.log_path}: start the service, or name"
            " a log file"
        )
    return paths


@contextmanager
def _readable() -> Iterator[None]:
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
    with click.progressbar(length=size, label="reading", file=sys.stderr, hidden=hidden) as bar:
        yield bar


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"the page {path} cannot be written ({error.strerror}): name another file"
        ) from error


def _show(line: bytes, *, as_json: bool) -> None:
    text = line.decode(errors="replace")
    if as_json:
        click.echo(text)
        return
    try:
        event = json.loads(text)
        click.echo(_summary(event))
    except (ValueError, LookupError, TypeError, RecursionError):
        click.echo(f"(damaged) {text[:200]!a}")


def _summary(event: dict[str, object]) -> str:
    head = f"{event['at']} {event['event']}"
    if event["event"] == "divergence_counts":
        return f"{head} {'; '.join(map(_counted, event['groups']))}"  # type: ignore[call-overload]
    if event["event"] != "divergence":
        rest = {key: value for key, value in event.items() if key not in ("v", "at", "event")}
        return f"{head} {json.dumps(rest)}"
    found = ", ".join(
        f"{difference['path']} {difference['kind']}: {difference['expected']!r} is"
        f" {difference['actual']!r}"
        for difference in event["differences"]  # type: ignore[attr-defined]
    )
    known = f" (known: {event['known']})" if event["known"] else ""
    return (
        f"{head} {event['comparison']}{known} user {event['user']} served by {event['serving']}:"
        f" {found} [{event['fingerprint']}]"
    )


def _counted(group: dict[str, object]) -> str:
    known = f" (known: {group['known']})" if group["known"] else ""
    return f"{group['count']} x {group['comparison']}{known} [{group['fingerprint']}]"
