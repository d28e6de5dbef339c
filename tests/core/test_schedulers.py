"""Farming and boosts: what a tick pays, that it pays once, and when it runs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.core.balance_manager import BalanceManager
from app.core.batch_balance_processor import BatchBalanceProcessor
from app.core.farming_scheduler import FarmingScheduler
from app.core.income import income, tick_at
from app.core.schedulers import Schedulers, every
from app.core.ton_boost_scheduler import TonBoostScheduler
from app.database import Database
from app.models import FarmingDeposit, TonBoost, User
from app.money import MAX_BALANCE, MILLIONTH
from app.steady import SteadyClock
from shim.legacy.tick_income import tick_income
from shim.legacy.updates import BalanceUpdate
from tests.core.conftest import Recorder
from tests.money.bookings import account, assert_books_balance, book_now, credit, make_users

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)


def lend(database: Database, table: type, user_id: int, amount: str, daily_rate: str) -> None:
    """Let a user earn income on an amount."""
    make_users(database, user_id)
    with database.transaction() as session:
        session.add(table(user_id=user_id, amount=Decimal(amount), daily_rate=Decimal(daily_rate)))


@pytest.fixture
def farming(database: Database, by_id: Recorder) -> FarmingScheduler:
    """Return a scheduler of deposits that pays every five minutes."""
    return FarmingScheduler(
        database, BatchBalanceProcessor(database), interval_s=300, income=tick_income
    )


@pytest.fixture
def manager(database: Database) -> BalanceManager:
    """Return the balance manager through which boosts are booked."""
    return BalanceManager(database, monotonic=lambda: 0.0)


@pytest.fixture
def boosts(database: Database, manager: BalanceManager) -> TonBoostScheduler:
    """Return a scheduler of boosts that pays every five minutes."""
    return TonBoostScheduler(database, manager, interval_s=300)


@settings(deadline=None)
@given(amount=st.decimals(0, MAX_BALANCE, places=6), daily_rate=st.decimals(0, 10, places=6))
def test_income_is_a_288th_of_a_day_rounded_down(amount: Decimal, daily_rate: Decimal) -> None:
    """A day of ticks never pays more than the daily rate, nor 288 millionths less."""
    day = income(amount, daily_rate) * 288
    assert amount * daily_rate - 288 * MILLIONTH < day <= amount * daily_rate


@settings(deadline=None)
@given(st.integers(0, 10**7), st.sampled_from([0.5, 5, 15, 300]), st.floats(-0.49, 0.49))
def test_a_run_a_little_early_or_late_is_of_its_own_tick(
    tick: int, interval_s: float, off: float
) -> None:
    """Up to half an interval before or after its time, a run belongs to the tick it is for."""
    now = datetime.fromtimestamp((tick + off) * interval_s, UTC)
    assert tick_at(now, interval_s) == tick


def test_farming_pays_each_deposit_once_a_tick(
    database: Database, farming: FarmingScheduler
) -> None:
    """Two runs of one tick pay it once; the next tick pays again."""
    lend(database, FarmingDeposit, 7, "1000", "0.05")
    lend(database, FarmingDeposit, 7, "500", "0.05")
    lend(database, FarmingDeposit, 8, "1000", "0.01")
    farming.run_once(NOON)
    again = farming.run_once(NOON + timedelta(seconds=20))
    assert all(booked.duplicate for booked in again.booked)
    assert account(database, 7).uni == Decimal("0.173611") + Decimal("0.086805")
    assert account(database, 8).uni == Decimal("0.034722")
    farming.run_once(NOON + FIVE_MINUTES)
    assert account(database, 8).uni == Decimal("0.069444")
    assert_books_balance(database, 7)


def test_farming_tells_the_service_that_holds_no_connection(
    database: Database, farming: FarmingScheduler, by_id: Recorder, aware: Recorder
) -> None:
    """The reward goes to the user-id-only service, as an update, and nowhere else: the fault."""
    lend(database, FarmingDeposit, 7, "1000", "0.05")
    farming.run_once(NOON)
    [update] = by_id.notified
    assert isinstance(update, BalanceUpdate)
    assert (update.user_id, update.source) == (7, "UNI_farming_income")
    assert aware.notified == []


def test_a_deposit_that_earns_less_than_a_millionth_is_skipped(
    database: Database, farming: FarmingScheduler
) -> None:
    """No booking is made of nothing."""
    lend(database, FarmingDeposit, 7, "0.01", "0.001")
    assert farming.run_once(NOON).booked == ()
    assert account(database, 7).version == 0


def test_many_deposits_are_paid_in_batches(database: Database, farming: FarmingScheduler) -> None:
    """More deposits than fit a batch are all paid."""
    make_users(database, *range(1, 131))
    with database.transaction() as session:
        session.add_all(
            FarmingDeposit(user_id=user, amount=Decimal(288), daily_rate=Decimal(1))
            for user in range(1, 131)
        )
    assert len(farming.run_once(NOON).booked) == 130
    assert {account(database, user).uni for user in (1, 100, 101, 130)} == {1}


def test_a_boost_tells_the_service_that_holds_the_connections(
    database: Database, boosts: TonBoostScheduler, aware: Recorder
) -> None:
    """The boost's own update goes to the connection-aware service, once a tick."""
    lend(database, TonBoost, 7, "28.8", "0.01")
    book_now(database, credit(7, 2), credit(7, 3, currency="TON"))
    [booked] = boosts.run_once(NOON)
    [again] = boosts.run_once(NOON)
    assert again.duplicate
    assert aware.notified == [
        BalanceUpdate(
            user_id=7,
            balance_uni=Decimal(2),
            balance_ton=Decimal("3.001"),
            change_amount=Decimal("0.001"),
            currency="TON",
            source="boost_income",
            timestamp=booked.created_at,
        )
    ]
    assert account(database, 7).ton == Decimal("3.001")
    assert_books_balance(database, 7)


def test_a_boost_is_two_notifications(
    database: Database, boosts: TonBoostScheduler, manager: BalanceManager, aware: Recorder
) -> None:
    """The manager's hook comes first, then the scheduler's own call; a duplicate is neither."""
    lend(database, TonBoost, 7, "28.8", "0.01")
    told: list[object] = []
    manager.on_balance_update = told.append
    aware.notify_balance_update = told.append
    boosts.run_once(NOON)
    boosts.run_once(NOON)
    first, second = told
    assert first == 7
    assert isinstance(second, BalanceUpdate)
    assert account(database, 7).version == 1


@pytest.mark.parametrize(("amount", "paid"), [("2.88", []), ("2.9088", [Decimal("0.000101")])])
def test_a_boost_that_earns_hardly_anything_is_skipped(
    database: Database, boosts: TonBoostScheduler, aware: Recorder, amount: str, paid: list[Decimal]
) -> None:
    """An income of 0.0001 TON a tick, or less, is not paid, as in production."""
    lend(database, TonBoost, 7, amount, "0.01")
    assert [booked.amount for booked in boosts.run_once(NOON)] == paid


class BooksBeforeWriting:
    """A database in which somebody else books between a reading and the writing after it."""

    def __init__(self, database: Database) -> None:
        self.reading = database.reading
        self._database = database

    def transaction(self):
        book_now(self._database, credit(7, 5, currency="TON"))
        return self._database.transaction()


def test_a_boost_says_a_stale_balance_and_books_the_right_one(
    database: Database, aware: Recorder
) -> None:
    """What is booked meanwhile is missing from the update, as in production, not from the books."""
    lend(database, TonBoost, 7, "28.8", "0.01")
    between = BooksBeforeWriting(database)
    manager = BalanceManager(between, monotonic=lambda: 0.0)
    TonBoostScheduler(between, manager, interval_s=300).run_once(NOON)
    [update] = aware.notified
    assert update.balance_ton == Decimal("0.001")
    assert account(database, 7).ton == Decimal("5.001")


def test_a_boost_that_cannot_be_paid_stops_no_other(
    database: Database, boosts: TonBoostScheduler, aware: Recorder
) -> None:
    """A user without an account is logged, without saying who; the rest are paid."""
    with database.transaction() as session:
        session.add(User(id=6, created_at=NOON))
        session.flush()
        session.add(TonBoost(user_id=6, amount=Decimal(288), daily_rate=Decimal(1)))
    lend(database, TonBoost, 7, "288", "1")
    lend(database, TonBoost, 8, "0.01", "0.001")
    aware.error = RuntimeError("not today")
    with capture_logs() as lines:
        assert [booked.user_id for booked in boosts.run_once(NOON)] == [7]
    assert [(line["event"], line.get("error")) for line in lines] == [
        ("boost_failed", "UnknownUserError"),
        ("notify_failed", None),
    ]


class Payer:
    """Notes when it is run; the first run fails."""

    def __init__(self) -> None:
        self.runs: list[datetime] = []
        self.twice = Event()

    def run_once(self, now: datetime) -> None:
        self.runs.append(now)
        if len(self.runs) == 1:
            raise RuntimeError("the first run fails")
        self.twice.set()


@settings(deadline=None)
@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    interval_s=st.sampled_from([0.5, 5, 15, 300]),
)
def test_runs_are_due_at_the_multiples_of_the_interval(now: datetime, interval_s: float) -> None:
    """Whenever a process starts, it runs at the times of the ticks, and at each of them."""
    first = every(interval_s).get_next_fire_time(None, now)
    second = every(interval_s).get_next_fire_time(first, first)
    assert timedelta(0) <= first - now <= timedelta(seconds=interval_s)
    assert first.timestamp() % interval_s == 0
    assert tick_at(second, interval_s) == tick_at(first, interval_s) + 1


def test_a_run_that_fails_is_logged_and_the_next_one_comes() -> None:
    """Both schedulers run until they are stopped, whatever becomes of a run."""
    farming, boost = Payer(), Payer()
    schedulers = Schedulers(farming, boost, farming_interval_s=0.2, boost_interval_s=0.3)
    with capture_logs() as lines:
        schedulers.start()
        assert farming.twice.wait(60)
        assert boost.twice.wait(60)
        schedulers.stop()
    failed = [line["scheduler"] for line in lines if line["event"] == "scheduled_run_failed"]
    assert sorted(failed) == ["boost", "farming"]


class Stepped:
    """A machine's clock that is set back or forward between the runs, and back again."""

    def __init__(self, *steps: timedelta) -> None:
        self._steps = steps
        self.reads = 0

    def __call__(self) -> datetime:
        self.reads += 1
        return datetime.now(UTC) + self._steps[self.reads // 3 % len(self._steps)]


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=400)])
def test_a_clock_that_is_set_for_a_moment_keeps_no_payment_waiting(step: timedelta) -> None:
    """Runs come in their interval, each of the tick after the one before it."""
    wall = Stepped(timedelta(0), step, timedelta(0), -step)
    payer, other = Counted(6), Counted(1)
    schedulers = Schedulers(
        payer,
        other,
        farming_interval_s=0.2,
        boost_interval_s=3600,
        clock=lambda: SteadyClock(wall=wall),
    )
    schedulers.start()
    assert payer.enough.wait(60)
    schedulers.stop()
    ticks = [tick_at(now, 0.2) for now in payer.runs]
    assert ticks[0] <= ticks[1]
    assert all(0 < after - before < 100 for before, after in pairwise(ticks[1:]))
    assert wall.reads > 6


class Counted:
    """Notes when it is run, and when it was run often enough."""

    def __init__(self, often: int) -> None:
        self.runs: list[datetime] = []
        self.enough = Event()
        self._often = often

    def run_once(self, now: datetime) -> None:
        self.runs.append(now)
        if len(self.runs) >= self._often:
            self.enough.set()


def test_the_income_is_paid_once_at_the_start_too() -> None:
    """A process that starts does not wait for the next tick, as in production."""
    payer = Counted(1)
    schedulers = Schedulers(payer, payer, farming_interval_s=86400, boost_interval_s=86400)
    schedulers.start()
    assert payer.enough.wait(60)
    schedulers.stop()


def test_a_start_within_a_tick_that_was_paid_pays_nothing(
    database: Database, farming: FarmingScheduler
) -> None:
    """A restart runs the same tick again, and its bookings are there already."""
    lend(database, FarmingDeposit, 7, "1000", "0.05")
    for _ in range(3):
        farming.run_once(NOON + timedelta(seconds=7))
    assert account(database, 7).version == 1


def test_stopping_waits_for_a_run_and_can_be_repeated() -> None:
    """After stop no run is under way and none begins; stopping what never started is no error."""
    payer = Payer()
    schedulers = Schedulers(payer, payer, farming_interval_s=0.2, boost_interval_s=3600)
    schedulers.stop()
    schedulers.start()
    assert payer.twice.wait(60)
    schedulers.stop()
    runs = len(payer.runs)
    schedulers.stop()
    assert len(payer.runs) == runs
