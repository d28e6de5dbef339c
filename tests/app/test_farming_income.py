"""The second migration in the whole application: scheduler, flags, shadows, report, commands."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.adapters.worker_log import log_files
from app.models import Balance, FarmingDeposit, Transaction
from app.settings import Settings
from flags.decision import FARMING_INCOME
from shim.balance.known import SHIPPED_IDS
from shim.replay.case import STAND_IN
from shim.report import Verdict, read_logs
from tests.application import Built, until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(minutes=5)
NAME = FARMING_INCOME.migration
OF_INCOME = ("--migration", NAME)
USER = 74


class Farm:
    """A running application with one deposit of 288 UNI at 100 % a day: a UNI a tick."""

    def __init__(self, built: Built) -> None:
        self.built = built
        self.course = built.parts.courses[NAME]
        with built.parts.database.transaction() as session:
            session.execute(delete(FarmingDeposit))
            session.add(FarmingDeposit(user_id=USER, amount=Decimal(288), daily_rate=Decimal(1)))

    def order(self, *arguments: str) -> None:
        """Run a command of `flask rollout`, and wait until this worker follows."""
        done = self.built.run("rollout", *arguments)
        assert done.exit_code == 0, done.output

    def tick(self, number: float) -> list[Decimal]:
        """Pay the tick so many ticks after noon; return what was booked."""
        outcome = self.built.parts.farming.run_once(NOON + number * TICK)
        assert outcome.failed == ()
        return [booked.amount for booked in outcome.booked if not booked.duplicate]

    def diverge_once(self) -> None:
        """Have one tick compared that is on time and one that comes late, and stop."""
        self.order("shadow", "100", *OF_INCOME)
        self.tick(0)
        self.compared(1)
        self.tick(2)
        self.compared(2)
        self.built.parts.runtime.stop()

    def compared(self, calls: int) -> dict[str, Any]:
        """Return the numbers of all comparisons once so many sampled calls were judged."""

        def numbers() -> Any:
            return self.course.shadowing.counts.snapshot()["comparisons"]

        until(lambda: numbers()["saying"]["compared"] == calls)
        return {
            name: {what: n for what, n in each.items() if n and what not in ("reasons", "compared")}
            for name, each in numbers().items()
        }


@pytest.fixture
def farm(running: Built) -> Farm:
    """Return a farm whose ticks are paid by hand."""
    return Farm(running)


def test_the_migration_is_played_through(farm: Farm, settings: Settings) -> None:
    """Off, shadow, ramp, complete and rollback by command, with what each tick pays."""
    assert farm.tick(0) == [Decimal(1)]
    farm.order("shadow", "100", *OF_INCOME)
    assert farm.tick(1) == [Decimal(1)]
    matched = {name: {"matched": 1} for name in ("reach", "truth", "saying")}
    assert farm.compared(1) == matched, "a clean run has no divergence"
    assert farm.tick(3) == [Decimal(1)], "the tick before was missed, and legacy never pays it"
    assert farm.compared(2)["saying"] == {"matched": 1, "mismatched": 1}
    farm.order("cohort", "add", str(USER), *OF_INCOME)
    assert farm.tick(5) == [Decimal(2)], "the canonical pays for what was missed"
    farm.compared(3)
    farm.order("set", "100", "--force", "--reason", "a leap", *OF_INCOME)
    assert farm.tick(6.4) == [Decimal(1)], "late within its tick is on time"
    farm.compared(4)
    farm.order("rollback", "--reason", "trying it out")
    assert farm.tick(9) == [Decimal(1)]
    assert farm.compared(5) == {
        "reach": {"matched": 5},
        "truth": {"matched": 5},
        "saying": {"matched": 2, "mismatched": 3},
    }
    farm.built.parts.runtime.stop()
    logs = [path for path, *_ in log_files(settings.log_path)]
    report = read_logs(logs, migration=NAME)
    assert report.verdict("saying") is Verdict.FAIL
    assert report.verdict("truth") is Verdict.PASS
    assert set(report.stages) >= {"shadow", "ramp", "complete", "rolled_back"}
    assert [(group.count, group.differences) for group in report.groups] == [(3, ("income value",))]
    assert report.callers == {"farming_scheduler": 3}
    amounts = [json.loads(sample)["differences"][0] for sample in report.groups[0].samples]
    assert {(each["expected"], each["actual"]) for each in amounts} == {(1, 2), (1, 3)}
    other = read_logs(logs)
    assert (other.calls, other.groups) == (0, ())


def test_the_ledger_and_the_commands_tell_the_migrations_apart(farm: Farm) -> None:
    """What was found of one is not shown of the other, nor is what is known."""
    farm.diverge_once()

    def told(*arguments: str) -> Any:
        done = farm.built.run("shadow", *arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    [group] = told("ledger", *OF_INCOME)["groups"]
    assert (group["count"], group["differences"]) == (1, ["income value"])
    assert told("ledger")["groups"] == []
    assert [each["id"] for each in told("known", "list", *OF_INCOME)] == [
        "income-rounded-to-nearest"
    ]
    assert [each["id"] for each in told("known", "list")] == [*SHIPPED_IDS]
    accept = ("known", "accept", "missed-ticks", "--fingerprint", group["fingerprint"])
    terms = (
        "--comparison",
        "saying",
        "--until",
        "2036-12-31",
        "--reason",
        "legacy never pays them",
    )
    told(*accept, *terms, *OF_INCOME)
    assert len(told("known", "list", *OF_INCOME)) == 2
    assert len(told("known", "list")) == len(SHIPPED_IDS)
    refused = farm.built.run("rollout", "set", "100", "--force", "--reason", "a leap", *OF_INCOME)
    assert refused.exit_code == 1
    assert "missed-ticks is known and not meant to stay" in refused.output
    farm.order("set", "100", "--force", "--reason", "a leap")
    shown = farm.built.run("rollout", "status").output
    assert f"migration  {NAME}" in shown
    status = json.loads(farm.built.run("rollout", "status", "--json").stdout)
    assert (status["stage"], status["others"][NAME]["stage"]) == ("complete", "shadow")


def test_resuming_one_migration_moves_no_user_of_another(farm: Farm) -> None:
    """The kill switch is one: what is not resumed by name begins again at nobody."""
    farm.order("set", "50", "--force", "--reason", "a leap", *OF_INCOME)
    farm.order("set", "25", "--force", "--reason", "a leap")
    farm.order("rollback")
    done = farm.built.run("rollout", "resume", "--at", "10", "--reason", "all is well")
    assert done.exit_code == 0, done.output
    assert f"{NAME} was at 50 % and is at 0 %" in done.output
    state = farm.built.parts.provider
    state.poll()
    percentages = {name: each.percentage for name, each in state.state.definitions.items()}
    assert percentages["balance-notifications-canonical"] == 10
    assert percentages[FARMING_INCOME.canonical] == 0
    history = farm.built.run("rollout", "history").output
    assert f"set ({NAME}): 50 % -> 0 %" in history


def test_why_is_answered_of_each_migration(farm: Farm) -> None:
    """By the worker, from the table that it routes by."""
    farm.order("cohort", "add", str(USER), *OF_INCOME)
    for arguments, side in ((OF_INCOME, "canonical"), ((), "legacy")):
        done = farm.built.run("rollout", "why", str(USER), "--json", *arguments)
        assert done.exit_code == 0, done.output
        [answer] = json.loads(done.stdout)["workers"].values()
        assert answer["side"] == side


@pytest.mark.parametrize("percent", ["0", "100"])
def test_a_tick_is_paid_once_whoever_works_it_out(farm: Farm, percent: str) -> None:
    """A tick that is run again pays nothing, and the deposit says until when it was paid."""
    farm.order("set", percent, "--force", "--reason", "a leap", *OF_INCOME)
    assert farm.tick(0) == [Decimal(1)]
    assert farm.tick(0.3) == []
    assert farm.tick(1) == [Decimal(1)]
    with farm.built.parts.database.reading() as session:
        deposit = session.scalars(select(FarmingDeposit)).one()
        booked = session.scalars(select(Transaction).where(Transaction.user_id == USER)).all()
        balance = session.get(Balance, USER)
    assert deposit.paid_until == NOON + TICK
    assert balance is not None
    assert [each.amount for each in booked][-2:] == [Decimal(1), Decimal(1)]


def test_an_old_log_is_of_the_first_migration(
    farm: Farm, settings: Settings, without_field: Callable[[bytes], bytes]
) -> None:
    """Lines from before there were two name none, and are read as they were."""
    farm.diverge_once()
    [(log, *_)] = log_files(settings.log_path)
    old = settings.instance_path / "old.jsonl"
    lines = [line for line in log.read_bytes().splitlines() if NAME.encode() in line]
    old.write_bytes(b"\n".join(map(without_field, lines)) + b"\n")
    report = read_logs([old])
    assert report.damaged == 0
    assert [group.differences for group in report.groups] == [("income value",)]


@pytest.fixture
def without_field() -> Callable[[bytes], bytes]:
    """Return what takes the migration's name out of a line."""

    def strip(line: bytes) -> bytes:
        told = json.loads(line)
        told.pop("migration", None)
        return json.dumps(told).encode()

    return strip


def test_a_divergence_is_run_again_from_the_ledger_the_log_and_a_file(
    farm: Farm, settings: Settings
) -> None:
    """With the real user from what is kept, and with a stand-in from a log and as a test."""
    farm.diverge_once()
    [group] = farm.course.ledger.read().groups

    def replayed(*arguments: str) -> Any:
        done = farm.built.run("shadow", "replay", *arguments, "--json")
        assert done.exit_code == 1, done.output
        told = json.loads(done.stdout)
        assert (told["migration"], told["finding"]) == (NAME, "still_diverges")
        return told

    folder = settings.instance_path / "cases"
    folder.mkdir()
    kept = replayed(group.fingerprint, "--save", str(folder))
    assert (kept["user"], kept["stand_in"], kept["lacks"]) == (USER, False, [])
    assert [each["calls"][0]["value"] for each in kept["observations"]] == [
        "Decimal('1.000000')",
        "Decimal('2.000000')",
    ]
    assert replayed(kept["saved"])["user"] == STAND_IN
    [(log, *_)] = log_files(settings.log_path)
    of_log = replayed(str(log), "--fingerprint", group.fingerprint)
    assert (of_log["source"], of_log["stand_in"]) == ("log", True)
    shown = farm.built.run("shadow", "replay", group.fingerprint).output
    assert "returned Decimal('1.000000')" in shown
    assert "| returned Decimal('2.000000')" in shown
