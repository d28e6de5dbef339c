"""The second migration: two calculations that return an amount, by the same router and engine."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.farming_income import Farmed, accrued_income
from app.money import MAX_BALANCE
from flags.decision import FARMING_INCOME
from flags.latch import NEVER_ENGAGED, Latch
from flags.provider import StaticProvider
from flags.stage import Stage
from shim.income.facade import PATH, IncomeFacade
from shim.income.judge import earned
from shim.income.known import ROUNDED_TO_NEAREST
from shim.income.lines import divergence_record
from shim.income.world import IncomeWorld
from shim.legacy.tick_income import tick_income
from shim.shadow.counts import Counts
from shim.shadow.executor import Limits, ShadowExecutor
from shim.shadow.experiment import Experiment
from shim.shadow.queue import EventQueue
from shim.shadow.result import Comparison, Outcome
from tests.patience import patient

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(minutes=5)
ENGAGED = Latch(1, True, "test", NOON, "a rollback")
ON_TIME = {"reach": {"matched": 1}, "truth": {"matched": 1}, "saying": {"matched": 1}}


def farmed(amount="288", daily_rate="1", *, user_id=7, ticks=1.0) -> Farmed:
    """Return a deposit that was paid so many ticks ago."""
    return Farmed(
        user_id=user_id,
        amount=Decimal(amount),
        daily_rate=Decimal(daily_rate),
        since=NOON - ticks * TICK,
        until=NOON,
    )


@dataclass
class Income:
    """The facade and its comparison, without a thread: `run` does the shadows' work."""

    percent: int = 0
    shadow: int = 100
    legacy: Callable = tick_income
    canonical: Callable = accrued_income
    candidate: Callable | None = None
    results: list = field(default_factory=list)
    lines: list = field(default_factory=list)

    def __post_init__(self):
        self.now = 100.0
        self.provider = StaticProvider()
        self.counts = Counts()
        self.facade = IncomeFacade(
            legacy=self.legacy,
            canonical=self.canonical,
            flags=self.provider.state,
            latch=NEVER_ENGAGED,
            queue=EventQueue(1000),
        )
        self.router = self.facade.router
        self.experiment = self.new_experiment()
        self.flip(percent=self.percent, shadow=self.shadow)

    def new_experiment(self):
        """Build the engine over this binding; the shadows may be other than the live sides."""
        world = IncomeWorld(legacy=self.legacy, canonical=self.candidate or self.canonical)
        return Experiment(
            world=world, counts=self.counts, publish=self.publish, timer=time.perf_counter
        )

    def flip(self, *, percent=0, shadow=100, latch=NEVER_ENGAGED):
        """Set both flags and the latch."""
        self.provider.put({FARMING_INCOME.canonical: percent, FARMING_INCOME.shadow: shadow})
        self.provider.poll()
        self.router.apply(self.provider.state, latch)

    def ask(self, *given: Farmed):
        """Ask for each amount, then let the shadows see the calls; return the amounts."""
        answers = [self.facade.income_of(each) for each in given]
        self.run()
        return answers

    def run(self):
        """Do the shadows' work twice: they see the calls, then the episodes are over."""
        for _ in range(2):
            self.now += 0.005
            self.experiment.step(self.now, lambda: self.router.queue.take(1000))

    def publish(self, episode, result):
        """Keep a result and its line."""
        self.results.append(result)
        record = divergence_record(episode, result, str, at=NOON, number=1)
        self.lines.append(msgspec.json.decode(msgspec.json.encode(record, enc_hook=str)))

    def outcomes(self):
        """Return the counts of each comparison that are not zero."""
        found: dict = {str(comparison): {} for comparison in Comparison}
        for (comparison, outcome), n in self.counts.outcomes.items():
            found[str(comparison)][str(outcome)] = n
        return found

    def differences(self, comparison):
        """Return path, kind and both values of all differences of one comparison."""
        return [
            (each.path, str(each.kind), each.expected, each.actual)
            for result in self.results
            if result.comparison == comparison
            for each in result.differences
        ]


@given(
    amount=st.decimals(0, MAX_BALANCE, places=6),
    daily_rate=st.decimals(0, 10, places=6),
    elapsed=st.timedeltas(timedelta(days=-2), timedelta(days=4000)),
)
def test_the_canonical_pays_for_the_time_that_passed_to_the_nearest_millionth(
    amount: Decimal, daily_rate: Decimal, elapsed: timedelta
) -> None:
    """Never half a millionth off, however long it was; two ways of working it out agree."""
    given = Farmed(
        user_id=7, amount=amount, daily_rate=daily_rate, since=NOON, until=NOON + elapsed
    )
    paid = accrued_income(given)
    days = max(Fraction(elapsed // timedelta(microseconds=1), 86_400_000_000), Fraction(0))
    exact = Fraction(amount) * Fraction(daily_rate) * days
    assert abs(Fraction(paid) - exact) <= Fraction(1, 2_000_000)
    assert paid == earned(given)


@given(st.decimals(0, MAX_BALANCE, places=6), st.decimals(0, 10, places=6))
def test_a_tick_on_time_differs_by_rounding_at_most(amount: Decimal, daily_rate: Decimal) -> None:
    """For five minutes both pay the same, or the canonical a millionth more."""
    given = farmed(amount, daily_rate)
    assert accrued_income(given) - tick_income(given) in (Decimal(0), Decimal("0.000001"))


def test_a_clean_run_finds_nothing() -> None:
    """Ticks on time of amounts that need no rounding: everything matches, nothing is logged."""
    income = Income()
    for user_id in range(1, 51):
        assert income.ask(farmed(user_id=user_id)) == [Decimal(1)]
    assert income.outcomes() == {name: {"matched": 50} for name in map(str, Comparison)}
    assert income.results == []


@pytest.mark.parametrize(
    ("ticks", "paid", "due"),
    [(2, "1.000000", "2.000000"), (7.5, "1.000000", "7.500000"), (0.2, "1.000000", "0.200000")],
    ids=["a tick was missed", "ticks that come late", "ticks that come too often"],
)
def test_time_that_the_legacy_does_not_look_at_is_found(ticks: float, paid: str, due: str) -> None:
    """The divergence has both amounts; the caller has the legacy's."""
    income = Income()
    assert income.ask(farmed(ticks=ticks)) == [Decimal(paid)]
    assert income.differences("saying") == [("income", "value", Decimal(paid), Decimal(due))]
    assert [result.outcome for result in income.results] == [Outcome.MISMATCHED]
    assert income.outcomes()["truth"] == {"matched": 1}
    [line] = income.lines
    assert line["migration"] == "farming-income"
    assert [run["side"] for run in line["observations"]] == ["legacy", "canonical_shadow"]
    assert [run["calls"][0]["value"] for run in line["observations"]] == [
        f"Decimal('{paid}')",
        f"Decimal('{due}')",
    ]
    [call] = line["calls"]
    assert call["path"] == PATH
    assert call["caller"].startswith("test_income.Income.ask")


def test_rounding_is_known_and_excuses_nothing_else() -> None:
    """A millionth more is the canonical's rounding; two are a divergence, and so is one less."""
    income = Income()
    assert income.ask(farmed("500", "0.05")) == [Decimal("0.086805")]
    [result] = income.results
    assert (result.outcome, result.known) == (Outcome.KNOWN, ROUNDED_TO_NEAREST)
    assert income.differences("saying") == [
        ("rounded", "value", Decimal("0.086805"), Decimal("0.086806"))
    ]
    for off in ("0.000002", "-0.000001"):
        wrong = Income(candidate=lambda given, off=off: tick_income(given) + Decimal(off))
        wrong.ask(farmed())
        assert {result.outcome for result in wrong.results} == {Outcome.MISMATCHED}
        assert wrong.outcomes()["truth"] == {"mismatched": 1}


def test_who_is_paid_at_all_is_a_comparison_of_its_own() -> None:
    """An amount that the legacy rounds to nothing reaches nobody today."""
    income = Income()
    assert income.ask(farmed("0.0002", "1")) == [Decimal(0)]
    assert income.differences("reach") == [("paid", "value", False, True)]


def test_each_call_of_one_tick_is_compared_by_itself() -> None:
    """A user with several deposits: each is judged, and only the one that differs is found."""
    income = Income()
    income.ask(farmed(), farmed(ticks=3), farmed("576"))
    assert income.counts.episodes == 1
    assert income.outcomes()["saying"] == {"matched": 2, "mismatched": 1}


def test_the_stages_route_by_user_and_every_call_is_stamped() -> None:
    """Off, shadow, ramp, complete and rolled back: who serves, and who shadows."""
    income = Income(shadow=0)
    users = range(1, 201)
    late = [farmed(user_id=user_id, ticks=2) for user_id in users]

    def served_by_canonical():
        return {user for user, paid in zip(users, income.ask(*late), strict=True) if paid == 2}

    assert served_by_canonical() == set()
    assert (income.router.table.stage, income.counts.calls) == (Stage.OFF, 0)
    income.flip(shadow=100)
    assert served_by_canonical() == set()
    assert (income.router.table.stage, income.counts.calls) == (Stage.SHADOW, 200)
    income.flip(percent=25)
    some = served_by_canonical()
    assert income.router.table.stage is Stage.RAMP
    assert 20 < len(some) < 80
    assert served_by_canonical() == some
    income.flip(percent=50)
    assert served_by_canonical() > some
    income.flip(percent=100)
    assert served_by_canonical() == set(users)
    assert income.router.table.stage is Stage.COMPLETE
    income.flip(percent=100, latch=ENGAGED)
    assert served_by_canonical() == set()
    assert income.router.table.stage is Stage.ROLLED_BACK
    assert income.outcomes()["saying"] == {"mismatched": 200 * 6}
    expected = {
        (line["serving"], line["epoch"], line["decision"]["reason"]) for line in income.lines
    }
    assert expected == {
        ("legacy", 0, "not_reached"),
        ("canonical", 0, "rollout"),
        ("legacy", 0, "not_reached"),
        ("legacy", 1, "rollout"),
    }


def test_both_sides_are_told_apart_whoever_serves() -> None:
    """What the legacy would have said is expected, and what the canonical said is compared."""
    income = Income(percent=100)
    assert income.ask(farmed(ticks=2)) == [Decimal(2)]
    assert income.differences("saying") == [("income", "value", Decimal(1), Decimal(2))]
    assert income.counts.latency.snapshot().keys() == {"canonical live", "legacy_shadow shadow"}


def test_an_exception_of_the_serving_side_is_the_callers_own() -> None:
    """The very same object; the other side ran, and the errors are compared."""
    error = ZeroDivisionError("no rate")

    def refuse(_):
        raise error

    income = Income(legacy=refuse)
    with pytest.raises(ZeroDivisionError) as raised:
        income.ask(farmed())
    assert raised.value is error
    income.run()
    assert ("raised", "error", "ZeroDivisionError: no rate", None) in income.differences("saying")


def sleep_a_moment(given):
    """Take longer than the deadline."""
    threading.Event().wait(0.6)
    return accrued_income(given)


def meddle(given):
    """Change the argument past its frozen fields, then pay out of it."""
    object.__setattr__(given, "amount", Decimal(10**6))
    return accrued_income(given)


def leave(_):
    """End the process, as far as a thread can."""
    raise SystemExit("bye")


class Trap:
    """A value that raises whatever is asked of it."""

    def __eq__(self, _):
        raise RuntimeError("not comparable")

    def __repr__(self):
        raise RuntimeError("not printable")

    __hash__ = None


@pytest.mark.parametrize(
    "candidate",
    [meddle, leave, lambda _: Trap(), lambda _: Decimal("sNaN"), lambda _: 1.0, lambda _: None],
    ids=["meddles", "leaves", "trap", "signalling NaN", "float", "nothing"],
)
def test_a_hostile_candidate_is_found_and_reaches_nobody(candidate: Callable) -> None:
    """The caller has the legacy's amount and its own argument; truth says that it is wrong."""
    income = Income(candidate=candidate)
    given = farmed()
    assert income.ask(given) == [Decimal(1)]
    assert given == farmed()
    assert income.outcomes()["truth"] == {"mismatched": 1}
    income.ask(farmed(user_id=8))
    assert income.outcomes()["truth"] == {"mismatched": 2}


def test_a_candidate_that_sleeps_holds_up_no_caller() -> None:
    """It runs on the engine's thread, and is given up at its deadline."""
    income = Income(candidate=sleep_a_moment)
    executor = ShadowExecutor(
        queue=income.router.queue,
        counts=income.counts,
        new_experiment=income.new_experiment,
        alarm=lambda event, **fields: None,
        monotonic=time.monotonic,
        thread_time=time.thread_time,
        limits=Limits(deadline=0.2),
    )
    executor.start()
    began = time.monotonic()
    assert income.facade.income_of(farmed()) == 1
    took = time.monotonic() - began
    deadline = time.monotonic() + 20
    while not income.counts.reasons and time.monotonic() < deadline:
        assert income.facade.income_of(farmed(user_id=8)) == 1
    executor.stop()
    assert took < patient(0.2)
    assert {str(reason) for _, reason in income.counts.reasons} == {"timed_out"}


@pytest.mark.parametrize("percent", [0, 100])
def test_what_is_no_user_is_answered_by_the_legacy_and_counted(percent: int) -> None:
    """An amount cannot be dropped as a notification can: at every stage somebody answers."""
    income = Income(percent=percent)
    assert income.ask(farmed(user_id=True, ticks=2)) == [Decimal(1)]
    assert income.router.tallies[PATH].snapshot() == {
        "legacy": 0,
        "canonical": 0,
        "invalid_user_id": 1,
    }
    assert income.counts.calls == 0
