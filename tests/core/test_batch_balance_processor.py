"""The batch processor: batches of a hundred, no credit twice, and the wrong argument."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.balance_manager import BalanceManager
from app.core.batch_balance_processor import BatchBalanceProcessor
from app.database import Database
from app.errors import DatabaseUnavailable, InsufficientFundsError, UnknownUserError
from app.models import Transaction
from shim.legacy.updates import BalanceUpdate
from tests.core.conftest import Recorder
from tests.money.bookings import account, assert_books_balance, credit, make_users


@pytest.fixture
def processor(database: Database) -> BatchBalanceProcessor:
    """Return a processor of a database with the users 1 to 10."""
    make_users(database, *range(1, 11))
    return BatchBalanceProcessor(database)


def test_each_new_booking_is_notified_with_an_update_after_the_commit(
    processor: BatchBalanceProcessor, database: Database, by_id: Recorder
) -> None:
    """The user-id-only service gets the wrong kind of argument, as production hands it."""
    [booked] = processor.process([credit(7, "1.5", source="farming")]).booked
    assert by_id.notified == [
        BalanceUpdate(
            user_id=7,
            balance_uni=Decimal("1.5"),
            balance_ton=Decimal(0),
            change_amount=Decimal("1.5"),
            currency="UNI",
            source="farming",
            timestamp=booked.created_at,
        )
    ]


def test_nothing_is_notified_before_its_batch_is_committed(
    processor: BatchBalanceProcessor, database: Database, by_id: Recorder
) -> None:
    """When the first notification of a batch comes, all of the batch can be seen."""
    seen = []

    def count(_: object) -> None:
        with database.reading() as session:
            seen.append(session.scalar(select(func.count()).select_from(Transaction)))

    by_id.notify_balance_update = count
    processor.process([credit(1 + number % 10, 1) for number in range(150)])
    assert seen == [100] * 100 + [150] * 50


def test_duplicates_are_booked_and_notified_once(
    processor: BatchBalanceProcessor, database: Database, by_id: Recorder
) -> None:
    """A second run of the same credits answers with the first bookings and tells nobody."""
    asked = [credit(user, 1) for user in range(1, 11)]
    first = processor.process(asked)
    again = processor.process(asked)
    assert [one.version for one in again.booked] == [one.version for one in first.booked]
    assert all(one.duplicate for one in again.booked)
    assert len(by_id.notified) == 10
    assert {account(database, user).uni for user in range(1, 11)} == {1}


def test_a_batch_that_fails_half_way_credits_nobody_twice(
    processor: BatchBalanceProcessor, database: Database, by_id: Recorder
) -> None:
    """Only the credits at fault fail; every other one is booked once, and told nobody."""
    good = [credit(user, 1) for user in range(1, 11)]
    poor, stranger = credit(5, -9), credit(99, 1)
    outcome = processor.process([*good[:5], poor, *good[5:], stranger])
    assert [one.idempotency_key for one in outcome.booked] == [one.idempotency_key for one in good]
    assert [(one.credit, type(one.error)) for one in outcome.failed] == [
        (poor, InsufficientFundsError),
        (stranger, UnknownUserError),
    ]
    assert by_id.notified == []
    for user in range(1, 11):
        assert account(database, user).uni == 1
        assert_books_balance(database, user)


def test_a_failing_batch_leaves_the_others_whole(
    processor: BatchBalanceProcessor, by_id: Recorder
) -> None:
    """The batches before and after one that fails are booked as batches."""
    asked = [credit(1 + number % 10, 1) for number in range(250)]
    asked[120] = credit(99, 1)
    outcome = processor.process(asked)
    assert (len(outcome.booked), len(outcome.failed)) == (249, 1)


def test_what_was_booked_is_forgotten_by_the_cache_after_it_was_told(
    processor: BatchBalanceProcessor, database: Database, by_id: Recorder
) -> None:
    """Each batch, and each credit of a rerun: the next balance is read from the database."""
    manager = BalanceManager(database, monotonic=lambda: 0.0)
    processor = BatchBalanceProcessor(database, forget=manager.forget)
    seen = []
    by_id.notify_balance_update = lambda update: seen.append(
        manager.get_user_balance(update.user_id).uni
    )
    assert manager.get_user_balance(7).uni == 0
    processor.process([credit(7, 1)])
    assert seen == [0]
    assert manager.cached_balance(7) is None
    assert manager.get_user_balance(7).uni == 1
    processor.process([credit(7, 1), credit(99, 1)])
    assert manager.get_user_balance(7).uni == 2


class LosesOneAnswer:
    """A database that commits its first transaction and then says that it was lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lost = False

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self._database.transaction() as session:
            yield session
        if not self._lost:
            self._lost = True
            raise DatabaseUnavailable("the connection was lost during the commit")


def test_a_batch_whose_commit_was_not_heard_of_is_not_booked_again(
    database: Database, by_id: Recorder
) -> None:
    """If the batch was committed and only the answer was lost, running it again changes nothing."""
    make_users(database, *range(1, 11))
    outcome = BatchBalanceProcessor(LosesOneAnswer(database)).process(
        [credit(user, 1) for user in range(1, 11)]
    )
    assert len(outcome.booked) == 10
    assert {account(database, user).version for user in range(1, 11)} == {1}


def test_without_a_database_every_credit_fails_at_once(tmp_path: Path, by_id: Recorder) -> None:
    """A database that is away is tried twice, not once for each credit."""
    nowhere = Database("sqlite:///none.db", instance_path=tmp_path)
    asked = [credit(user, 1) for user in range(1, 11)]
    outcome = BatchBalanceProcessor(nowhere).process(asked)
    assert [one.credit for one in outcome.failed] == asked
    assert len({id(one.error) for one in outcome.failed}) == 1
    assert outcome.booked == ()
    assert by_id.notified == []


def test_a_service_that_raises_stops_no_booking(
    processor: BatchBalanceProcessor, database: Database, by_id: Recorder
) -> None:
    """Whatever becomes of a notification, the money after it is booked."""
    by_id.error = RuntimeError("not today")
    outcome = processor.process([credit(1 + number % 10, 1) for number in range(120)])
    assert len(outcome.booked) == len(by_id.notified) == 120
    assert account(database, 1).uni == 12
