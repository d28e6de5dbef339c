"""`flask shadow replay`: what a worker kept, run again, saved, and what cannot be."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from app.adapters.worker_log import log_files
from app.core.balance_notification_service import BalanceNotificationService
from app.models import ShadowReplay
from app.replaying import read_case, run_case
from app.settings import Settings
from shim.replay.case import STAND_IN
from shim.shadow.replays import FIRST
from tests.application import Build, Built, until
from tests.notifications.doubles import ConnectionDouble

USER = 10
FAULT = "legacy-reaches-nobody"


@pytest.fixture
def farmed(build: Build, settings: Settings, seeded: bytes) -> Built:
    """Return an application, stopped, whose shadows found the fault once in a batch's income."""
    (settings.instance_path / "app.db").write_bytes(seeded)
    built = build(shadow_cpu_percent=100.0)
    built.run("rollout", "shadow", "100")
    built.parts.runtime.start()
    BalanceNotificationService.get_instance().register_connection(USER, ConnectionDouble("page"))
    counts = built.parts.shadowing.counts
    for tick in range(2):
        before = counts.episodes
        built.parts.farming.run_once(datetime.now(UTC) + timedelta(minutes=5 * tick))
        until(lambda before=before: counts.episodes > before)  # type: ignore[misc]
        until(lambda: sum(list(counts.outcomes.values())) == 3 * counts.episodes)
    built.parts.runtime.stop()
    return built


def mark_of(built: Built) -> str:
    """Return the one fingerprint that the ledger has."""
    [group] = built.parts.ledger.read().groups
    return group.fingerprint


def test_a_fingerprint_of_the_ledger_is_run_again(farmed: Built) -> None:
    """With the real user, by its beginning, and it exits 1 for it still diverges."""
    result = farmed.run("shadow", "replay", mark_of(farmed)[:6], "--json")
    assert result.exit_code == 1, result.output
    told = json.loads(result.stdout)
    assert (told["finding"], told["findings"]) == ("still_diverges", {"still_diverges": 2})
    assert (told["user"], told["stand_in"], told["source"]) == (USER, False, "record")
    assert (told["comparison"], told["known"]) == ("reach", FAULT)
    assert told["comparisons"]["reach"]["fingerprint"] == mark_of(farmed)
    assert told["comparisons"]["truth"]["outcome"] == "matched"
    assert told["lacks"] == []


def test_both_sides_are_shown_beside_each_other(farmed: Built) -> None:
    """What production did on the left, what the canonical did on the right."""
    output = farmed.run("shadow", "replay", mark_of(farmed)).output
    assert output.startswith(f"still_diverges: reach {mark_of(farmed)}, known as {FAULT}")
    [heads] = [line for line in output.splitlines() if " | canonical_shadow" in line]
    assert heads.split()[0] == "legacy"
    assert "sent nothing" in output
    assert "it differs in recipients.* extra" in output


def test_what_the_sides_log_meanwhile_is_no_part_of_what_is_said(build: Build) -> None:
    """In this case the canonical's shadow rehearses a read that fails, and says so in its log."""
    with capture_logs() as logs:
        result = build().run("shadow", "replay", "tests/cases/reach-9a7fb3bbdf510621.json")
    assert result.output.startswith("still_diverges: ")
    assert logs == []


def test_what_is_kept_is_in_the_database_and_not_in_the_log(
    farmed: Built, settings: Settings
) -> None:
    """Real ids are in a table of their own, in a file that nobody else reads."""
    with farmed.parts.database.reading() as session:
        [first, _] = session.scalars(select(ShadowReplay)).all()
    assert json.loads(first.text)["user"] == USER
    logs = b"".join(path.read_bytes() for path, *_ in log_files(settings.log_path))
    assert b'"userId":10' not in logs
    assert b'"looks"' not in logs


def test_a_new_database_is_read_by_nobody_else(build: Build, settings: Settings) -> None:
    """Its file is made with mode 0600."""
    build().parts.database.upgrade()
    mode = (settings.instance_path / "app.db").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_case_is_saved_with_a_stand_in_and_runs_alone(farmed: Built, tmp_path: Path) -> None:
    """Without the user's id, into a new file of the folder; the file is a case of its own."""
    folder = tmp_path / "cases"
    folder.mkdir()
    saved = farmed.run("shadow", "replay", mark_of(farmed), "--save", str(folder))
    assert saved.exit_code == 1
    [path] = folder.iterdir()
    assert path.name == f"reach-{mark_of(farmed)}.json"
    case = read_case(path.read_bytes(), name=path.name)
    assert (case.user, case.stand_in) == (STAND_IN, True)
    assert case.expected is not None
    found = run_case(case)
    for comparison, expected in case.expected.items():
        assert found.results[comparison].outcome is expected.outcome
        assert found.results[comparison].fingerprint == expected.fingerprint
    again = farmed.run("shadow", "replay", str(path))
    assert "of a stand-in for its user" in again.output
    twice = farmed.run("shadow", "replay", str(path), "--save", str(folder))
    assert (twice.exit_code, "exists: remove it first" in twice.output) == (2, True)
    for nowhere in (f"{tmp_path}/nothing/", f"{tmp_path}/nothing/case.json"):
        lost = farmed.run("shadow", "replay", str(path), "--save", nowhere)
        assert lost.exit_code == 2
        assert f"not saved: there is no folder {tmp_path}/nothing" in lost.output
    assert not (tmp_path / "nothing").exists()


def test_a_log_is_enough_and_says_what_it_lacks(farmed: Built, settings: Settings) -> None:
    """With a stand-in for the user, whom the log does not name."""
    [log] = [str(path) for path, *_ in log_files(settings.log_path)]
    result = farmed.run("shadow", "replay", log)
    assert result.exit_code == 1, result.output
    assert "made from a line of the log, with a stand-in for its user" in result.output
    assert "not in the case: the user's id" in result.output
    none = farmed.run("shadow", "replay", log, "--fingerprint", "ffffffffffffffff")
    assert (none.exit_code, "no divergence whose" in none.output) == (2, True)


def test_of_a_flood_the_first_and_a_sample_are_kept(farmed: Built) -> None:
    """A worker that starts anew adds its own first ones; the oldest five stay."""
    second = farmed
    second.parts.runtime.start()
    counts = second.parts.shadowing.counts
    for tick in range(2, 2 + FIRST):
        before = counts.episodes
        second.parts.farming.run_once(datetime.now(UTC) + timedelta(minutes=5 * tick))
        until(lambda before=before: counts.episodes > before)  # type: ignore[misc]
        until(lambda: sum(list(counts.outcomes.values())) == 3 * counts.episodes)
    second.parts.runtime.stop()
    shares = select(ShadowReplay.share, func.count()).group_by(ShadowReplay.share).order_by("share")
    with second.parts.database.reading() as session:
        assert [tuple(row) for row in session.execute(shares)] == [("first", 5), ("sample", 2)]


def _case(text: str) -> Any:
    return lambda path: path.write_text(text)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.mkdir(), "is a folder: name a file in it"),
        (_case(""), "is empty: name a case, or a shadow log"),
        (_case("no JSON at all"), "is neither a case"),
        (_case('{"replay":'), "cannot be read as a case"),
        (_case('{"replay": 1}'), "cannot be read as a case"),
        (_case('{"replay": 99}'), "is a case of version '99', this is 1"),
        (_case('{"replay": null}'), "has no 'replay' with a version"),
        (lambda path: path.write_bytes(b"\xff\x00" * 100), "is neither a case"),
        (lambda path: None, "is neither a file nor the beginning of a fingerprint"),
    ],
)
def test_a_file_that_is_no_case_is_refused(
    build: Build, tmp_path: Path, make: Any, problem: str
) -> None:
    """Each says what is wrong with it, exits 2 and shows no traceback."""
    path = tmp_path / "given"
    make(path)
    result = build().run("shadow", "replay", str(path))
    assert result.exit_code == 2
    assert problem in result.output
    assert "Traceback" not in result.output


def test_fingerprints_that_nobody_kept_or_that_are_several_are_refused(farmed: Built) -> None:
    """The message names those that it could be."""
    unknown = farmed.run("shadow", "replay", "0123456789abcdef")
    assert (unknown.exit_code, "nothing is kept of" in unknown.output) == (2, True)
    with farmed.parts.database.transaction() as session:
        session.add(
            ShadowReplay(
                id="another",
                fingerprint=mark_of(farmed)[:4] + "0" * 12,
                share="first",
                draw=0.0,
                at=datetime.now(UTC),
                text="{}",
            )
        )
    result = farmed.run("shadow", "replay", mark_of(farmed)[:4])
    assert result.exit_code == 2
    assert "is the beginning of several fingerprints" in result.output
    assert mark_of(farmed) in result.output


def test_a_database_without_the_table_is_said(build: Build) -> None:
    """No traceback where nothing was ever kept."""
    result = build().run("shadow", "replay", "abc")
    assert result.exit_code == 2
    assert "records could not be read" in result.output
