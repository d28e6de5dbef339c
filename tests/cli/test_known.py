"""`flask shadow known`: accepted, listed, ended, and in the way of `flask rollout set 100`."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from app.adapters.ledger import SqlLedgerStore
from app.cli_shadow import shadow
from app.database import Database
from flags.history import FileHistory
from shim.balance.known import SHIPPED_IDS
from shim.shadow.counts import Cell
from shim.shadow.ledger_store import Epoch
from tests.cli.conftest import CommandLine, parts_on
from tests.ledger.entries import AT, batch, delta

MARK, OTHER = "0123456789abcdef", "fedcba9876543210"
TOMORROW = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
PLACE = ("--comparison", "saying", "--path", "balance.uni", "--kind", "value")
BY_MARK = ("--comparison", "reach", "--fingerprint", MARK)
WHEN = ("--until", TOMORROW, "--reason", "an old balance", "--by", "wallet team")


@dataclass(frozen=True, slots=True)
class Known:
    """Runs `flask shadow …` on one instance folder."""

    instance: Path

    def __call__(self, *arguments: str) -> Result:
        """Run a command."""
        app = Flask("test")
        app.extensions["parts"] = parts_on(self.instance)
        app.cli.add_command(shadow)
        result = app.test_cli_runner().invoke(args=["shadow", *arguments])
        app.extensions["parts"].database.dispose()
        return result

    def accept(self, id_: str, *arguments: str) -> Result:
        """Accept a known divergence."""
        return self("known", "accept", id_, *arguments)

    def listed(self) -> list[dict[str, Any]]:
        """Return what is known."""
        told: list[dict[str, Any]] = json.loads(self("known", "list", "--json").stdout)
        return told

    def meet(self, *groups: Any, **options: Any) -> None:
        """Put divergences into the ledger."""
        database = Database("sqlite:///app.db", instance_path=self.instance)
        SqlLedgerStore(database).add(batch(1, *groups, **options))
        database.dispose()


@pytest.fixture
def flask_shadow(flask_rollout: CommandLine) -> Known:
    """Return `flask shadow` on the instance of `flask_rollout`."""
    return Known(flask_rollout.instance)


def test_the_fault_is_known_from_the_start(flask_shadow: Known) -> None:
    """It is meant to stay, never ends by date, and was met as often as the ledger says."""
    flask_shadow.meet(delta(MARK, 7, known="legacy-reaches-nobody"))
    fault, *_ = flask_shadow.listed()
    assert (fault["id"], fault["hits"], fault["stays"]) == ("legacy-reaches-nobody", 7, True)
    assert (fault["until"], fault["active"]) == (None, True)
    assert "met 7 times" in flask_shadow("known", "list").output


def test_accepting_and_ending_is_written_into_the_history(flask_shadow: Known) -> None:
    """Who, why, what rule and until when: both times."""
    done = flask_shadow.accept("old-balance", *PLACE, *WHEN)
    assert (done.exit_code, done.output[:32]) == (0, "accepted: old-balance (saying ba")
    *_, accepted = flask_shadow.listed()
    assert (accepted["owner"], accepted["reason"]) == ("wallet team", "an old balance")
    assert accepted["until"].startswith(f"{TOMORROW}T23:59:59")
    ended = flask_shadow("known", "end", "old-balance", "--by", "me", "--reason", "repaired")
    assert ended.exit_code == 0, ended.output
    assert len(flask_shadow.listed()) == len(SHIPPED_IDS)
    first, second = FileHistory(flask_shadow.instance / "history.jsonl").read().entries
    assert (first.who, first.what, first.why) == ("wallet team", "known accept", "an old balance")
    assert (first.before, first.after) == ("-", second.before)
    assert first.after.startswith("old-balance (saying balance.uni value), wallet team, until")
    assert (second.who, second.what, second.after) == ("me", "known end", "-")


def test_json_says_what_was_accepted(flask_shadow: Known) -> None:
    """For programs: every field of it."""
    done = flask_shadow.accept("old-balance", *PLACE, *WHEN, "--stays", "--json")
    told = json.loads(done.stdout)
    assert (told["id"], told["stays"], told["active"]) == ("old-balance", True, True)
    assert (told["comparison"], told["path"], told["kind"]) == ("saying", "balance.uni", "value")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--comparison", "truth", "--fingerprint", MARK, *WHEN), "truth cannot be accepted"),
        (("--comparison", "saying", *WHEN), "would match everything"),
        (("--comparison", "saying", "--path", "*", "--kind", "value", *WHEN), "match everything"),
        (("--comparison", "saying", "--path", "balance.uni", *WHEN), "match everything at"),
        ((*PLACE, "--fingerprint", MARK, *WHEN), "the one or the other"),
        ((*PLACE, "--until", "2020-01-01", "--reason", "x"), "which is past: give a later date"),
        (
            ("--comparison", "reach", "--path", "recipients.*", "--kind", "extra", *WHEN),
            "overlaps that of legacy-reaches-nobody",
        ),
    ],
)
def test_what_cannot_be_accepted_is_refused(
    flask_shadow: Known, arguments: tuple[str, ...], said: str
) -> None:
    """Exit code 1, the reason, and nothing is kept."""
    done = flask_shadow.accept("new", *arguments)
    assert done.exit_code == 1, done.output
    assert said in done.output
    assert len(flask_shadow.listed()) == len(SHIPPED_IDS)
    assert not (flask_shadow.instance / "history.jsonl").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (*PLACE, "--until", "tomorrow", "--reason", "x"),
        (*PLACE, "--reason", "x"),
        (*PLACE, "--until", TOMORROW),
        (*PLACE, "--until", TOMORROW, "--reason", " "),
        ("--comparison", "hearing", *WHEN),
        ("--comparison", "saying", "--path", "a", "--kind", "odd", *WHEN),
    ],
)
def test_what_is_mistyped_is_a_usage_error(flask_shadow: Known, arguments: tuple[str, ...]) -> None:
    """No date, no reason, no such comparison or kind: exit code 2."""
    assert flask_shadow.accept("new", *arguments).exit_code == 2


def test_a_fingerprint_is_looked_up_in_the_ledger(flask_shadow: Known) -> None:
    """One of another comparison, or one that is known already, is refused by name."""
    flask_shadow.meet(delta(MARK), delta(OTHER, known="legacy-reaches-nobody"))
    other = flask_shadow.accept("new", "--comparison", "saying", "--fingerprint", MARK, *WHEN)
    assert "is one of reach, not of saying" in other.output
    fault = flask_shadow.accept("new", "--comparison", "reach", "--fingerprint", OTHER, *WHEN)
    assert "known already, as legacy-reaches-nobody" in fault.output
    assert flask_shadow.accept("new", *BY_MARK, *WHEN).exit_code == 0
    unseen = flask_shadow.accept(
        "unseen", "--comparison", "reach", "--fingerprint", "a" * 16, *WHEN
    )
    assert "note: the ledger has no divergence aaaaaaaaaaaaaaaa so far" in unseen.output


def test_a_fingerprint_within_a_path_and_kind_overlaps_it(flask_shadow: Known) -> None:
    """Whichever of the two was accepted first."""
    flask_shadow.meet(delta(MARK))
    place = ("--comparison", "reach", "--path", "recipients.*", "--kind", "missing")
    for first, second in ((BY_MARK, place), (place, BY_MARK)):
        assert flask_shadow.accept("first", *first, *WHEN).exit_code == 0
        refused = flask_shadow.accept("second", *second, *WHEN)
        assert refused.exit_code == 1, refused.output
        assert "first" in refused.output
        flask_shadow("known", "end", "first", "--reason", "next")


def test_a_ledger_that_cannot_be_read_refuses_nothing(flask_shadow: Known) -> None:
    """What could not be looked up is said."""
    (flask_shadow.instance / "app.db").unlink()
    done = flask_shadow.accept("new", *BY_MARK, *WHEN)
    assert done.exit_code == 0
    assert "could not be looked up" in done.output
    assert "the ledger cannot be read" in flask_shadow("known", "list").output


def test_a_file_that_cannot_be_used_is_named(
    flask_shadow: Known, flask_rollout: CommandLine
) -> None:
    """Nothing is accepted, and nobody can say whether everybody may be moved."""
    (flask_shadow.instance / "known.json").write_text("garbage")
    for done in (
        flask_shadow("known", "list"),
        flask_rollout("set", "100", "--force", "--reason", "a leap"),
    ):
        assert done.exit_code == 1
        assert "known.json cannot be used" in done.output
    assert "known.json cannot be used" in flask_rollout("status").output
    assert flask_rollout("set", "99", "--force", "--reason", "a leap").exit_code == 0


def test_everybody_is_moved_only_over_what_is_meant_to_stay(
    flask_shadow: Known, flask_rollout: CommandLine
) -> None:
    """The fault itself is no obstacle; another one is, unless it is meant to stay or is over."""
    flask_shadow.accept("old-balance", *PLACE, *WHEN)
    refused = flask_rollout("set", "100", "--force", "--reason", "a leap")
    assert refused.exit_code == 1
    assert "not set to 100 %: old-balance is known and not meant to stay" in refused.output
    assert flask_rollout.flag().percentage == 0
    assert flask_rollout("set", "99", "--force", "--reason", "a leap").exit_code == 0
    flask_rollout("rollback")
    assert flask_rollout("resume", "--at", "100", "--force", "--reason", "x").exit_code == 1
    flask_rollout("resume", "--at", "50", "--reason", "x")
    flask_shadow("known", "end", "old-balance", "--reason", "it is to stay")
    flask_shadow.accept("old-balance", *PLACE, *WHEN, "--stays")
    assert flask_rollout("set", "100", "--force", "--reason", "a leap").exit_code == 0
    assert flask_rollout.json("status")["stage"] == "complete"


def test_the_status_names_what_is_known_and_what_was_compared(
    flask_shadow: Known, flask_rollout: CommandLine
) -> None:
    """Without reading a log: each denominator, the new divergences, and the known by name."""
    flask_shadow.accept("old-balance", *PLACE, *WHEN)
    cells = {
        ("*", "legacy", "", "routed"): 9,
        ("*", "legacy", "", "sampled"): 8,
        ("*", "legacy", "", "dropped:queue_full"): 1,
        ("*", "legacy", "reach", "matched"): 3,
        ("*", "legacy", "reach", "mismatched"): 2,
        ("*", "legacy", "reach", "not_compared:raced"): 1,
        ("farming", "legacy", "", "sampled"): 8,
    }
    flask_shadow.meet(delta(MARK, 2), counters={Cell(*cell): n for cell, n in cells.items()})
    lines = flask_rollout("status").output.splitlines()
    assert any(line.startswith("known      old-balance (saying bal") for line in lines)
    assert any(line.startswith("known      legacy-reaches-nobody") for line in lines)
    assert (
        "compared   served by legacy: 9 calls routed, 8 calls sampled, dropped queue_full 1; reach"
        " 5 compared, 3 matched, 0 known, 2 diverged, not compared raced 1" in lines
    )
    assert any(line.startswith(f"diverged   {MARK}      2 x reach") for line in lines)
    status = flask_rollout.json("status")
    assert [each["id"] for each in status["known"]] == [*SHIPPED_IDS, "old-balance"]
    assert status["ledger"]["everybody"][0]["comparisons"]["reach"]["compared"] == 5
    assert [group["count"] for group in status["ledger"]["new"]] == [2]
    told = json.loads(flask_shadow("ledger", "--json").stdout)
    assert told["callers"]["farming"][0]["sampled"] == 8
    assert told["groups"][0]["callers"] == {"farming": 2}
    assert f"  {MARK}      2 x reach" in flask_shadow("ledger").output


def test_status_and_ledger_are_of_the_time_since_the_last_resume(
    flask_shadow: Known, flask_rollout: CommandLine
) -> None:
    """A divergence that was repaired stands under --all, and under the time when it was."""
    epochs = (Epoch(5, AT, True), Epoch(6, AT + timedelta(hours=1), False))
    resumed = Epoch(7, AT + timedelta(hours=2), True)
    bad = {Cell("*", "legacy", "truth", "mismatched", 5): 3}
    flask_shadow.meet(delta("bad", 3, epoch=5), counters=bad, epochs=epochs)
    good = {Cell("*", "legacy", "truth", "matched", 7): 4}
    flask_shadow.meet(counters=good, epochs=(resumed,), writer="two")
    since = "since the last resume, epoch 7, 2031-01-01T02:00:00+00:00"
    status = flask_rollout.json("status")["ledger"]
    assert (status["judged"], status["new"]) == (since, [])
    assert f"judged     {since}" in flask_rollout("status").output
    shown = flask_shadow("ledger").output
    assert f"judged: {since}" in shown
    assert "truth 4 compared, 4 matched, 0 known, 0 diverged" in shown
    for options in (("--all",), ("--since", "2031-01-01T00:30")):
        shown = flask_shadow("ledger", *options).output
        assert "truth 7 compared, 4 matched, 0 known, 3 diverged" in shown
        assert "bad      3 x reach" in shown
    assert "since 2031-01-01T00:00:00+00:00, when epoch 5 began" in shown


def test_a_database_that_is_away_is_said_by_the_status(flask_rollout: CommandLine) -> None:
    """The rest of the status is shown all the same."""
    (flask_rollout.instance / "app.db").unlink()
    done = flask_rollout("status")
    assert done.exit_code == 0
    assert "stage      off" in done.output
    assert "problem    the ledger could not be read" in done.output
    assert "the ledger could not be read" in Known(flask_rollout.instance)("ledger").output


def test_an_empty_ledger_says_so(flask_shadow: Known) -> None:
    """Nothing was counted, which is not nothing wrong."""
    assert flask_shadow("ledger").output == (
        "judged: all that was counted\nnothing was counted so far\n"
    )
