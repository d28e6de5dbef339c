"""What a running worker hands on: few lines, every count, and a word when nothing is compared."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.adapters.worker_log import log_files
from app.core.balance_notification_service import BalanceNotificationService
from app.demo_users import DEMO_USERS
from app.evidence import Evidence
from app.settings import Settings
from flags.decision import BALANCE_NOTIFICATIONS
from shim.balance.known import SHIPPED_IDS
from shim.report import read_logs
from shim.shadow.activity import MARK
from shim.shadow.alarm import Reading
from shim.shadow.counts import Cell
from shim.shadow.events import LiveCall
from shim.shadow.ledger import FIRST_LINES, Ledger
from tests.app.test_log_schema import problems
from tests.application import Build, Built, until
from tests.notifications.doubles import ConnectionDouble

USER = 10
FLOOD = FIRST_LINES + 5
PLACE = (
    *("--comparison", "saying", "--path", "values", "--kind", "value"),
    *("--until", "2036-12-31", "--reason", "why"),
)


@pytest.fixture
def shadowed(build: Build, settings: Settings, seeded: bytes) -> Callable[[], Built]:
    """Return what starts an application that shadows everybody, with one page open."""

    def start() -> Built:
        (settings.instance_path / "app.db").write_bytes(seeded)
        built = build(shadow_cpu_percent=100.0)
        assert built.run("rollout", "shadow", "100").exit_code == 0
        built.parts.runtime.start()
        page = ConnectionDouble("page")
        BalanceNotificationService.get_instance().register_connection(USER, page)
        return built

    return start


def farm(built: Built, times: int = 1) -> None:
    """Book so many ticks' income, each when the one before was compared."""
    counts = built.parts.shadowing.counts
    for tick in range(times):
        before = counts.episodes
        built.parts.farming.run_once(datetime.now(UTC) + timedelta(minutes=5 * tick))
        until(lambda before=before: counts.episodes > before and _all_judged(counts))  # type: ignore[misc]


def _all_judged(counts: Any) -> bool:
    """Tell whether every episode was closed."""
    return sum(list(counts.outcomes.values())) == 3 * counts.episodes


def lines_of(path: Path, event: str) -> list[dict[str, Any]]:
    """Return the lines of one event of the logs in a folder."""
    logs = [log for log, *_ in log_files(path)]
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def test_a_flood_of_one_divergence_is_no_flood_of_lines(
    shadowed: Callable[[], Built], settings: Settings
) -> None:
    """The first ten have a line, known or not; ledger and report have them all."""
    built = shadowed()
    farm(built, FLOOD)
    built.parts.runtime.stop()
    lines = lines_of(settings.log_path, "divergence")
    assert [line["number"] for line in lines] == list(range(1, FIRST_LINES + 1))
    told = lines_of(settings.log_path, "divergence_counts")
    assert [problem for line in (*lines, *told) for problem in problems(line)] == []
    [counted] = told[-1]["groups"]
    assert (counted["count"], counted["known"]) == (FLOOD, "legacy-reaches-nobody")
    [group] = built.parts.ledger.read().groups
    assert (group.count, len(group.samples)) == (FLOOD, 3)
    report = read_logs(log for log, *_ in log_files(settings.log_path))
    assert (report.damaged, [each.count for each in report.groups]) == (0, [FLOOD])


def test_the_ledger_has_every_denominator_by_caller_and_side(
    shadowed: Callable[[], Built],
) -> None:
    """Routed, sampled, compared, known and left out, under the module that called."""
    built = shadowed()
    farm(built)
    built.parts.runtime.stop()
    told = json.loads(built.run("shadow", "ledger", "--json").stdout)
    [legacy] = [side for side in told["everybody"] if side["side"] == "legacy"]
    assert legacy["routed"] == legacy["sampled"] == 6
    assert legacy["comparisons"]["reach"] == {
        "compared": 1,
        "matched": 0,
        "known": 1,
        "diverged": 0,
        "not_compared": {"no_connection": 5},
    }
    [caller] = told["callers"]["batch_balance_processor"]
    assert (caller["sampled"], caller["comparisons"]["truth"]["matched"]) == (6, 1)
    assert caller["routed"] == 6
    [group] = told["groups"]
    assert group["callers"] == {"batch_balance_processor": 1}
    assert f'"userId":{USER}' not in group["samples"][0]


def test_counts_go_on_where_a_worker_before_stopped(
    shadowed: Callable[[], Built], build: Build
) -> None:
    """What a worker counted is kept when it ends, and added to by the next."""
    first = shadowed()
    farm(first)
    first.parts.runtime.stop()
    second = build()
    second.parts.runtime.start()
    second.parts.runtime.stop()
    assert second.parts.ledger.read().hits() == {"legacy-reaches-nobody": 1}


def test_a_ledger_that_raises_costs_no_line_and_is_said_once(
    shadowed: Callable[[], Built], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rewards are booked and compared; only the numbers of the ledger are missing."""

    def refuse(*_: object, **__: object) -> int:
        raise RuntimeError("no")

    monkeypatch.setattr(Ledger, "note", refuse)
    built = shadowed()
    with capture_logs() as said:
        farm(built, 2)
    built.parts.runtime.stop()
    assert [line["event"] for line in said].count("ledger_failed") == 1
    assert len(lines_of(settings.log_path, "divergence")) == 2
    assert built.parts.ledger.read().groups == ()


def test_a_locked_database_is_said_and_nothing_is_lost(
    shadowed: Callable[[], Built], settings: Settings
) -> None:
    """Readiness is degraded while the ledger is behind; afterwards everything is kept."""
    built = shadowed()
    farm(built)
    keeper = built.parts.shadowing.bookkeeper
    other = sqlite3.connect(settings.instance_path / "app.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    built.parts.shadowing.counts.take_up(_call())
    keeper.turn()
    code, body = built.get("/readyz")
    assert (code, body["status"]) == (200, "degraded")
    assert any("the ledger is behind" in problem for problem in body["problems"])
    other.execute("ROLLBACK")
    other.close()
    keeper.turn()
    assert built.get("/readyz")[1]["status"] == "ready"
    assert built.parts.ledger.read().hits() == {"legacy-reaches-nobody": 1}


def _call() -> Any:
    """Return a call of nobody's."""
    return LiveCall(0.0, "path", 1, None, "legacy", None, None, "test")


def test_a_shadow_that_ought_to_run_and_does_not_is_said(
    shadowed: Callable[[], Built], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By readiness at once, and by the status as soon as the worker has written its file."""
    monkeypatch.setattr(Evidence, "look", lambda *_: None)  # only what is read below counts
    built = shadowed()
    watch = built.parts.shadowing.evidence.watch
    for at in (0.0, 15.0):
        watch.look(Reading(1e9 + at, expected=True, everything=True, offered=9, queued=9))
    code, body = built.get("/readyz")
    assert (code, body["status"]) == (200, "degraded")
    [problem] = [each for each in body["problems"] if "queue is stuck" in each]
    until(lambda: problem in built.run("rollout", "status").output)


def test_a_worker_with_nothing_to_compare_raises_no_alarm(build: Build, running: Built) -> None:
    """At stage off a call is routed, and nobody expects it to be compared."""
    evidence = running.parts.shadowing.evidence
    running.parts.farming.run_once(datetime.now(UTC))
    for at in (1e9, 1e9 + 100, 1e9 + 200):
        evidence.look(at)
    assert running.parts.shadowing.problems == ()


def test_workers_follow_what_is_accepted_and_ended(shadowed: Callable[[], Built]) -> None:
    """At the next turn of their control thread, without a restart."""
    built = shadowed()
    assert built.run("shadow", "known", "accept", "odd", *PLACE).exit_code == 0
    until(lambda: [each.id for each in built.parts.known.accepted] == ["odd"])
    assert built.run("shadow", "known", "end", "odd", "--reason", "over").exit_code == 0
    until(lambda: built.parts.known.accepted == ())


def test_what_is_routed_is_known_of_each_caller_while_anybody_is_sampled(
    shadowed: Callable[[], Built],
) -> None:
    """Calls that are sampled, and calls of other users, add up to all that were routed."""
    built = shadowed()
    assert built.run("rollout", "shadow", "50").exit_code == 0
    built.parts.farming.run_once(datetime.now(UTC))
    table = built.parts.migration.table
    sampled = [user.id for user in DEMO_USERS if table.route(user.id).shadows]
    counts = built.parts.shadowing.counts
    until(lambda: counts.episodes == len(sampled) and _all_judged(counts))
    cells = built.parts.shadowing.evidence.counters()
    told = {
        what: cells[Cell("batch_balance_processor", "legacy", "", what)]
        for what in ("routed", "sampled")
    }
    assert told == {"routed": 6, "sampled": len(sampled)}
    assert cells[Cell("*", "legacy", "", "routed")] == 6
    assert not [cell for cell in cells if cell.caller.startswith(MARK) and cell.what == "routed"]


def test_the_noise_floor_is_in_log_and_ledger(
    build: Build, settings: Settings, seeded: bytes
) -> None:
    """With its own denominator, beside the comparison that it belongs to."""
    (settings.instance_path / "app.db").write_bytes(seeded)
    built = build(shadow_cpu_percent=100.0, shadow_noise_percent=100)
    assert built.run("rollout", "shadow", "100").exit_code == 0
    built.parts.runtime.start()
    page = ConnectionDouble("page")
    BalanceNotificationService.get_instance().register_connection(USER, page)
    farm(built)
    built.parts.runtime.stop()
    view = built.parts.ledger.read()
    assert view.counters[Cell("*", "legacy", "noise of saying", "matched")] == 1
    assert view.counters[Cell("*", "legacy", "noise of reach", "matched")] == 1
    judged = read_logs(log for log, *_ in log_files(settings.log_path)).judged("saying")
    assert judged.noise is not None
    assert (judged.noise.compared, judged.noise.diverged) == (1, 0)


def test_the_report_names_what_is_known(shadowed: Callable[[], Built]) -> None:
    """Every active one, in text and in JSON, and says if the file cannot be used."""
    built = shadowed()
    farm(built)
    built.run("shadow", "known", "accept", "odd", *PLACE)
    built.parts.runtime.stop()
    told = json.loads(built.run("shadow", "report", "--json").stdout)
    assert [each["id"] for each in told["known"]] == [*SHIPPED_IDS, "odd"]
    named = [each["id"] for each in told["comparisons"]["truth"]["known_divergences"]]
    assert named == [*SHIPPED_IDS, "odd"]
    assert {each["owner"] for each in told["stages"]["shadow"]["reach"]["known_divergences"]}
    assert [each["hits"] for each in told["known"]] == [1] + [0] * len(SHIPPED_IDS)
    assert "  odd (saying values value)" in built.run("shadow", "report").output
    built.parts.settings.known_file_of(BALANCE_NOTIFICATIONS.migration).write_text("garbage")
    told = json.loads(built.run("shadow", "report", "--json").stdout)
    assert "known.json cannot be used" in told["problem"]
