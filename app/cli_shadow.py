"""`flask shadow`: the shadow log as it grows, and the way to all that is said of it."""

import json
import time
from pathlib import Path

import click

from app.cli_group import Commands
from app.cli_known import known
from app.cli_ledger import ledger
from app.cli_replay import replay
from app.cli_report import LOGS, chosen, own_plain, readable, report
from app.log_tail import Follower, last_lines
from app.terminal import output_is_gone
from shim.log_files import plain

FOLLOW_S = 0.2

shadow = Commands("shadow", help="What the shadows found.")
shadow.add_command(known)
shadow.add_command(ledger)
shadow.add_command(replay)
shadow.add_command(report)


@shadow.command("tail")
@LOGS
@click.option("--lines", default=10, show_default=True, type=click.IntRange(0, 10_000))
@click.option("--follow", is_flag=True, help="Go on with new lines until interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they are.")
def tail(logs: tuple[Path, ...], lines: int, follow: bool, as_json: bool) -> None:
    """Show the last lines of LOGS, or of all workers of this instance."""
    with readable():
        paths = chosen(tuple(map(plain, logs)), ours=own_plain)
        follower = Follower(lambda: logs or own_plain()) if follow else None
        ends = None if follower is None else follower.ends
        for line in last_lines(paths, lines, ends=ends):
            _show(line, as_json=as_json)
        while follower is not None and not output_is_gone():
            for line in follower.poll():
                _show(line, as_json=as_json)
            time.sleep(FOLLOW_S)


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
