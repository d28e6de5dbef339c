"""The balance manager: its cache, its bookings, and the one hook that is called after commit."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from app.core.balance_manager import BalanceManager, UserBalance
from app.database import Database
from app.errors import DatabaseUnavailable, InsufficientFundsError, UnknownUserError
from tests.money.bookings import account, book_now, credit, make_users


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A database that counts its readings, and does something at the end of each."""

    def __init__(self, database: Database) -> None:
        self.transaction = database.transaction
        self.readings = 0
        self.after_reading = lambda: None
        self._database = database

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self.readings += 1
        with self._database.reading() as session:
            yield session
        self.after_reading()


@pytest.fixture
def clock() -> Seconds:
    """Return the clock of the manager."""
    return Seconds()


@pytest.fixture
def manager(database: Database, clock: Seconds) -> BalanceManager:
    """Return a manager of a database with the users 7 and 8."""
    make_users(database, 7, 8)
    return BalanceManager(database, monotonic=clock)


def test_the_hook_is_called_after_the_commit(manager: BalanceManager, database: Database) -> None:
    """At the time of the call another connection already sees the booking."""
    seen = []
    manager.on_balance_update = lambda user: seen.append((user, account(database, user).uni))
    booked = manager.change_balance(credit(7, "1.5"))
    assert seen == [(7, Decimal("1.5"))]
    assert (booked.version, booked.duplicate) == (1, False)


def test_the_hook_finds_the_new_balance_in_the_cache(manager: BalanceManager) -> None:
    """Whoever asks the manager from within the hook gets the balance after the change."""
    manager.get_user_balance(7)
    seen = []
    manager.on_balance_update = lambda user: seen.append(manager.cached_balance(user))
    manager.change_balance(credit(7, "1.5"))
    assert seen == [UserBalance(7, Decimal("1.5"), Decimal(0))]


def test_a_refused_change_calls_nobody(manager: BalanceManager) -> None:
    """What was not booked is not told."""
    seen = []
    manager.on_balance_update = seen.append
    with pytest.raises(InsufficientFundsError):
        manager.change_balance(credit(7, -1))
    assert seen == []
    assert manager.get_user_balance(7).uni == 0


def test_a_duplicate_calls_nobody_and_keeps_the_cache(manager: BalanceManager) -> None:
    """A booking that was made before neither tells again nor brings its old balance back."""
    seen = []
    manager.on_balance_update = seen.append
    asked = credit(7, 1)
    manager.change_balance(asked)
    manager.change_balance(credit(7, 5))
    assert manager.change_balance(asked).duplicate
    assert seen == [7, 7]
    assert manager.get_user_balance(7).uni == 6


def test_a_hook_that_raises_is_logged_and_the_booking_stands(
    manager: BalanceManager, database: Database
) -> None:
    """Failing to tell the browser neither undoes nor fails the change."""

    def broken(user_id: int) -> None:
        raise OSError(f"no socket for {user_id}")

    manager.on_balance_update = broken
    with capture_logs() as lines:
        assert manager.change_balance(credit(7, 1)).version == 1
    assert account(database, 7).uni == 1
    assert [line["event"] for line in lines] == ["balance_hook_failed"]


def test_the_last_hook_wins(manager: BalanceManager) -> None:
    """The hook is one slot, as in production."""
    first, second = [], []
    manager.on_balance_update = first.append
    manager.on_balance_update = second.append
    manager.change_balance(credit(7, 1))
    assert (first, second) == ([], [7])


def test_what_is_written_past_the_manager_is_seen_after_five_minutes(
    manager: BalanceManager, database: Database, clock: Seconds
) -> None:
    """The cache answers for 300 seconds, even with a balance that has become old."""
    assert manager.get_user_balance(7).uni == 0
    book_now(database, credit(7, 1))
    clock.now += 299.9
    assert manager.get_user_balance(7).uni == 0
    clock.now += 0.1
    assert manager.get_user_balance(7).uni == 1


def test_a_peek_neither_reads_nor_fills(manager: BalanceManager, clock: Seconds) -> None:
    """A look into the cache finds what is there and not too old, and changes nothing."""
    assert manager.cached_balance(7) is None
    assert manager.cached_balance(7) is None
    balance = manager.get_user_balance(7)
    assert manager.cached_balance(7) is balance
    clock.now += 300
    assert manager.cached_balance(7) is None


def test_a_cached_balance_needs_no_database(database: Database, clock: Seconds) -> None:
    """What is in the cache is answered from there alone."""
    make_users(database, 7)
    watched = Watched(database)
    manager = BalanceManager(watched, monotonic=clock)
    assert manager.get_user_balance(7) is manager.get_user_balance(7)
    assert watched.readings == 1


def test_an_unknown_user_is_refused_by_number(manager: BalanceManager) -> None:
    """Nobody has no balance of zero."""
    with pytest.raises(UnknownUserError, match="no account for user 9"):
        manager.get_user_balance(9)


def test_a_database_that_cannot_be_read_is_named(tmp_path: Path, clock: Seconds) -> None:
    """What is not in the cache cannot be made up."""
    manager = BalanceManager(Database("sqlite:///no.db", instance_path=tmp_path), monotonic=clock)
    with pytest.raises(DatabaseUnavailable, match=r"no\.db cannot be used"):
        manager.get_user_balance(7)


def test_changes_from_threads_leave_the_newest_balance_in_the_cache(
    manager: BalanceManager, database: Database
) -> None:
    """However threads overtake each other after their commit, no older balance wins."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: manager.change_balance(credit(7, 1)), range(24)))
    assert manager.cached_balance(7) == UserBalance(7, account(database, 7).uni, Decimal(0))


def test_an_older_read_never_replaces_a_newer_booking(database: Database, clock: Seconds) -> None:
    """A read that a booking overtakes leaves the booking's balance in the cache."""
    make_users(database, 7)
    watched = Watched(database)
    manager = BalanceManager(watched, monotonic=clock)
    watched.after_reading = lambda: manager.change_balance(credit(7, 1))
    assert manager.get_user_balance(7).uni == 0
    assert manager.cached_balance(7).uni == 1
