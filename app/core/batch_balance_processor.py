"""The batch processor: many credits, a hundred a transaction, written past the manager."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import structlog
from sqlalchemy.orm import Session

from app.core.BalanceNotificationService import BalanceNotificationService, BalanceUpdate
from app.credits import Booked, Credit, book
from app.database import Database, write
from app.errors import CreditError, DatabaseUnavailable

BATCH_SIZE = 100
UNI_FARMING_INCOME = "UNI_farming_income"
"""What production's batches call the income of farming."""

Along = Callable[[Session, Sequence[Booked]], None]
"""Writes what belongs to bookings, in their own transaction."""
Forget = Callable[[Iterable[int]], None]
"""Drops what the balance manager's cache keeps of users."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FailedCredit:
    """A credit that was not booked, and why."""

    credit: Credit
    error: CreditError | DatabaseUnavailable


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of each credit; `booked` holds the duplicates as well."""

    booked: tuple[Booked, ...]
    failed: tuple[FailedCredit, ...]


class BatchBalanceProcessor:
    """Books for whoever pays many users at once. May be used from any thread."""

    def __init__(self, database: Database, *, forget: Forget = lambda _: None) -> None:
        self._database = database
        self._forget = forget

    def process(
        self, asked: Sequence[Credit], *, along: Along = lambda _, __: None
    ) -> BatchOutcome:
        """Book the credits, a hundred to a transaction; then notify, and forget the cache.

        A batch that fails is rolled back whole and run again one by one under the same keys,
        so nothing is booked twice and only what is at fault itself fails. As in production, the
        rerun notifies nobody. Production's batch adds by a function of its database, and where
        that fails reads, adds and writes; here it is one statement on either way.
        """
        booked: list[Booked] = []
        failed: list[FailedCredit] = []
        remaining = iter(asked)
        while batch := list(islice(remaining, BATCH_SIZE)):
            try:
                results = self._book(batch, along)
                _notify_all(results)
                self._forget_all(results)
                booked += results
            except (CreditError, DatabaseUnavailable) as error:
                _log.warning("batch_failed", credits=len(batch), error=type(error).__name__)
                alone, failures = self._one_by_one(batch, along)
                booked += alone
                failed += failures
        return BatchOutcome(tuple(booked), tuple(failed))

    def _one_by_one(
        self, batch: Sequence[Credit], along: Along
    ) -> tuple[list[Booked], list[FailedCredit]]:
        booked: list[Booked] = []
        failed: list[FailedCredit] = []
        for position, credit in enumerate(batch):
            try:
                results = self._book([credit], along)
                self._forget_all(results)
                booked += results
            except CreditError as error:
                failed.append(FailedCredit(credit, error))
            except DatabaseUnavailable as error:
                # It would fail for each of the rest, after waiting for each of them.
                failed += [FailedCredit(rest, error) for rest in batch[position:]]
                break
        for failure in failed:
            _log.error(
                "credit_failed",
                idempotency_key=failure.credit.idempotency_key,
                error=type(failure.error).__name__,
            )
        return booked, failed

    def _book(self, batch: Sequence[Credit], along: Along) -> list[Booked]:
        def work(session: Session) -> list[Booked]:
            results = book(session, batch)
            along(session, results)
            return results

        return write(self._database, work)

    def _forget_all(self, results: Sequence[Booked]) -> None:
        self._forget([booked.user_id for booked in results])


def _notify_all(results: Sequence[Booked]) -> None:
    for booked in results:
        if not booked.duplicate:
            _notify(booked)


def _notify(booked: Booked) -> None:
    update = BalanceUpdate(
        user_id=booked.user_id,
        balance_uni=booked.uni_after,
        balance_ton=booked.ton_after,
        change_amount=booked.amount,
        currency=booked.currency,
        source=booked.source,
        timestamp=booked.created_at,
    )
    try:
        # This service takes a user id. Production hands it an update, and so does this.
        BalanceNotificationService.get_instance().notify_balance_update(update)
    except Exception:  # noqa: BLE001 - the money is booked, and so must be what comes after
        _log.exception("notify_failed", source=booked.source)
