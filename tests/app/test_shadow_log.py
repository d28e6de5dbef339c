"""The shadow log of a running worker: whole lines, every denominator, nothing personal."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.adapters.pseudonyms import Pseudonyms
from app.adapters.worker_log import log_files
from app.core.balance_notification_service import BalanceNotificationService
from app.logs import configure_logging
from app.settings import Settings
from shim.report import read_logs
from tests.application import Build, Built, until
from tests.notifications.doubles import ConnectionDouble

USER = 10
DENOMINATORS = {
    "calls",
    "episodes",
    "forced",
    "stale_legacy",
    "dropped",
    "routed",
    "comparisons",
    "shadow",
    "stage",
}


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return every line of the logs in a folder; each must be one JSON object."""
    logs = [log for log, *_ in log_files(path)]
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    assert all(type(line) is dict for line in lines)
    return lines


@pytest.fixture
def shadowed(build: Build, settings: Settings, seeded: bytes) -> Callable[..., Built]:
    """Return what starts an application that shadows everybody, with one page open."""

    def start(**changes: Any) -> Built:
        (settings.instance_path / "app.db").write_bytes(seeded)
        built = build(**changes)
        assert built.run("rollout", "shadow", "100").exit_code == 0
        built.parts.runtime.start()
        service = BalanceNotificationService.get_instance()
        service.register_connection(USER, ConnectionDouble("page"))
        return built

    return start


def farm(built: Built) -> None:
    """Book the income of this tick and wait until the page's episode was compared."""
    built.parts.farming.run_once(datetime.now(UTC))
    until(lambda: compared(built, "reach") == 1)


def compared(built: Built, comparison: str) -> int:
    """Return how many episodes of one comparison were compared so far."""
    counts: Any = built.parts.shadowing.counts.snapshot()
    return counts["comparisons"][comparison]["compared"]


@pytest.mark.usefixtures("log_configuration")
def test_every_line_goes_to_the_file_and_to_standard_output(
    shadowed: Callable[..., Built], settings: Settings, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The same whole lines, one JSON object each, in both places; in order of each migration."""
    configure_logging()
    built = shadowed()
    farm(built)
    built.parts.runtime.stop()
    courses = list(built.parts.courses)
    lines = lines_of(settings.log_path)
    printed = capfdbinary.readouterr().out
    [(log, *_)] = log_files(settings.log_path)
    assert printed == log.read_bytes()
    assert {"divergence", "shadow_counts"} == {line["event"] for line in lines}
    for migration in courses:
        at = [line["at"] for line in lines if line.get("migration", courses[0]) == migration]
        assert at == sorted(at)
    assert len({(line["host"], line["worker"], line["started"]) for line in lines}) == 1


def test_the_last_counts_have_every_denominator(
    shadowed: Callable[..., Built], settings: Settings
) -> None:
    """Stopping writes what was routed, sampled, dropped, compared and left out, by reason."""
    built = shadowed()
    farm(built)
    built.parts.runtime.stop()
    counts = [line for line in lines_of(settings.log_path) if line["event"] == "shadow_counts"][-1]
    assert set(counts) >= DENOMINATORS
    assert counts["dropped"] == {"queue_full": 0}
    assert set(counts["comparisons"]) == {"reach", "truth", "saying"}
    for numbers in counts["comparisons"].values():
        judged = numbers["matched"] + numbers["known"] + numbers["mismatched"]
        assert numbers["compared"] == judged == 1
        assert sum(numbers["reasons"].values()) == numbers["not_compared"]
        assert numbers["compared"] + numbers["not_compared"] == counts["episodes"]
    assert sum(sum(tally.values()) for tally in counts["routed"].values()) == counts["calls"] == 6


def test_the_log_of_a_worker_is_what_the_report_reads(
    shadowed: Callable[..., Built], settings: Settings
) -> None:
    """No line of a real log is damaged to the report, and the numbers are the worker's."""
    built = shadowed()
    farm(built)
    built.parts.runtime.stop()
    report = read_logs(log for log, *_ in log_files(settings.log_path))
    assert (report.damaged, report.workers, report.calls) == (0, 1, 6)
    assert report.comparisons["reach"].known == 1
    assert [group.known for group in report.groups] == ["legacy-reaches-nobody"]


def test_users_are_hashed_in_the_log(shadowed: Callable[..., Built], settings: Settings) -> None:
    """By the key of this installation; the id is nowhere in the line."""
    built = shadowed()
    farm(built)
    built.parts.runtime.stop()
    (line,) = [line for line in lines_of(settings.log_path) if line["event"] == "divergence"]
    assert line["user"] == Pseudonyms(settings.key_file, plain=False)(USER)
    assert USER not in values_of(line, {"user", "userId", "user_id"})


def values_of(value: Any, names: set[str]) -> list[Any]:
    """Return what stands under these names, at any depth."""
    if isinstance(value, dict):
        found = [item for name, item in value.items() if name in names]
        return found + [each for item in value.values() for each in values_of(item, names)]
    if isinstance(value, list):
        return [each for item in value for each in values_of(item, names)]
    return []


def test_an_operator_may_ask_for_plain_ids(
    shadowed: Callable[..., Built], settings: Settings
) -> None:
    """Then the line has the id itself, and no key is made."""
    built = shadowed(log_user_ids="plain")
    farm(built)
    built.parts.runtime.stop()
    (line,) = [line for line in lines_of(settings.log_path) if line["event"] == "divergence"]
    assert line["user"] == USER
    assert not settings.key_file.exists()


def test_a_log_that_cannot_be_written_is_reported_once_and_harms_nobody(
    shadowed: Callable[..., Built], settings: Settings, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Rewards are booked, episodes compared and printed; the file's failing is one line."""
    settings.log_path.touch()
    with capture_logs() as said:
        built = shadowed()
        farm(built)
        for _ in range(3):
            built.parts.shadowing.count()
            built.parts.shadowing.publisher.flush()
        assert built.get("/readyz")[0] == 200
        built.parts.runtime.stop()
    assert [line["event"] for line in said].count("shadow_log_unwritable") == 1
    printed = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert {"divergence", "shadow_counts"} <= {line["event"] for line in printed}
    assert printed[-1]["comparisons"]["truth"]["matched"] == 1
    with built.parts.database.reading() as session:
        assert (
            session.connection()
            .exec_driver_sql(f"select max(version) from balances where user_id = {USER}")
            .scalar()
            == 3
        )
