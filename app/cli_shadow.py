"""`flask shadow`: the shadow log, as it grows and as a whole."""

import json
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click
from flask.cli import AppGroup

from app.cli_known import known
from app.cli_ledger import ledger
from app.known import active, words
from app.parts import parts
from shim.known_store import KnownStoreError
from shim.report import Report, read_report
from shim.shadow.known import KnownDivergence

FOLLOW_S = 0.2

shadow = AppGroup("shadow", help="What the shadows found.")
shadow.add_command(known)
shadow.add_command(ledger)


@shadow.command("tail")
@click.option("--lines", default=10, show_default=True, type=click.IntRange(0, 10_000))
@click.option("--follow", is_flag=True, help="Go on with new lines until interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they are.")
def tail(lines: int, follow: bool, as_json: bool) -> None:
    """Show the last lines of the shadow log."""
    path = parts().settings.log_file
    with _open(path) as log:
        last = deque(log, maxlen=lines)
        begun = last.pop() if follow and last and not last[-1].endswith("\n") else ""
        for line in last:
            _show(line.rstrip("\n"), as_json=as_json)
        while follow:
            begun += log.readline()
            if begun.endswith("\n"):
                _show(begun.rstrip("\n"), as_json=as_json)
                begun = ""
            else:
                time.sleep(FOLLOW_S)


@shadow.command("report")
@click.argument("logs", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def report(logs: tuple[Path, ...], as_json: bool) -> None:
    """Say what was compared and what differed, from LOGS or this instance's own log."""
    found = read_report(_lines(logs or (parts().settings.log_file,)))
    known_now, problem = _known_now()
    if as_json:
        told = {**found.as_json(), "known": [each.id for each in known_now], "problem": problem}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(describe(found))
    click.echo("\nknown divergences, none of which counts as one:")
    for each in known_now:
        click.echo(f"  {words(each)}: {each.reason}")
    if problem is not None:
        click.echo(f"  {problem}")


def _known_now() -> tuple[list[KnownDivergence], str | None]:
    """Return the known divergences that hold now, and why there may be more of them."""
    store = parts().known
    try:
        return active(store.read()), None
    except KnownStoreError as error:
        return active(store.known), str(error)


def describe(report: Report) -> str:
    """Return the report as text for a terminal."""
    lines = [
        f"{report.lines} lines of {report.workers} workers, {report.damaged} damaged",
        "routed " + (_pairs(report.routed) or "nothing"),
        f"sampled {report.calls} calls in {report.episodes} episodes, {report.forced} closed by"
        f" force; dropped {_pairs(report.dropped) or 'none'};"
        f" stale legacy frames {report.stale_legacy}",
        "",
        f"{'comparison':<10} {'verdict':<12} {'compared':>9} {'matched':>9} {'known':>7}"
        f" {'diverged':>9}  not compared",
    ]
    for name, tallied in report.comparisons.items():
        lines.append(
            f"{name:<10} {report.verdict(name):<12} {tallied.compared:>9} {tallied.matched:>9}"
            f" {tallied.known:>7} {tallied.mismatched:>9}  {_pairs(tallied.reasons) or 'none'}"
        )
    if report.groups:
        lines += ["", "divergences, most frequent first:"]
    for group in report.groups:
        known = f" known as {group.known}" if group.known else ""
        lines.append(
            f"  {group.fingerprint} {group.count:>6} x {group.comparison}{known},"
            f" {group.first} to {group.last}: {', '.join(group.differences)}"
        )
    return "\n".join(lines)


def _pairs(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items()) if n)


def _lines(paths: tuple[Path, ...]) -> Iterator[str]:
    for path in paths:
        with _open(path) as log:
            yield from log


def _open(path: Path) -> IO[str]:
    try:
        # Only a line feed ends a line: damaged bytes may hold other ends.
        return path.open(encoding="utf-8", errors="replace", newline="\n")
    except FileNotFoundError:
        raise click.ClickException(
            f"there is no shadow log at {path}: start the service, or name a log file"
        ) from None
    except OSError as error:
        raise click.ClickException(
            f"the shadow log {path} cannot be read ({error.strerror}): name a file that can"
        ) from error


def _show(line: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(line)
        return
    try:
        event = json.loads(line)
        click.echo(_summary(event))
    except (ValueError, LookupError, TypeError, RecursionError):
        click.echo(f"(damaged) {line[:200]!a}")


def _summary(event: dict[str, object]) -> str:
    head = f"{event['at']} {event['event']}"
    if event["event"] == "divergence_counts":
        return f"{head} {'; '.join(map(_counted, event['groups']))}"  # type: ignore[call-overload]
    if event["event"] != "divergence":
        rest = {key: value for key, value in event.items() if key not in ("at", "event")}
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
