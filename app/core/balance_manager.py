"""The balance manager: balances through a cache, and one hook for whoever wants to know."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.credits import Booked, Credit, book
from app.database import Database, write
from app.errors import UnknownUserError
from app.models import Balance

CACHE_S = 300.0
"""How long an answer from the cache may be old, in seconds."""

Along = Callable[[Session, Booked], None]
"""Writes what belongs to a booking, in its own transaction."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UserBalance:
    """What a user has, as the manager knows it."""

    user_id: int
    uni: Decimal
    ton: Decimal


@dataclass(frozen=True, slots=True)
class KeptBalance:
    """A balance in the cache, which answers it `until` then, in monotonic seconds."""

    balance: UserBalance
    version: int
    until: float


class BalanceManager:
    """Answers balances from a cache of five minutes, and books changes one at a time.

    Whoever writes the database past the manager is not seen before the cache ends, unless it
    is told to forget.
    `monotonic` is a clock in seconds. May be used from any thread.
    """

    def __init__(self, database: Database, *, monotonic: Callable[[], float]) -> None:
        self.on_balance_update: Callable[[int], None] | None = None
        """Called with the user id after each change is committed. One slot: the last one wins."""
        self.on_replaced: Callable[[int, KeptBalance | None], None] | None = None
        """Called with a user and what the cache keeps of it, just before that is replaced.

        Under the cache's lock: it must not wait. One slot: the last one wins.
        """
        self._database = database
        self._monotonic = monotonic
        self._entries: dict[int, KeptBalance] = {}
        self.kept = self._entries.get
        """What the cache keeps of a user, run out or not, or None."""
        self._lock = Lock()

    def get_user_balance(self, user_id: int) -> UserBalance:
        """Return the balance from the cache, else from the database.

        Raises `UnknownUserError`, or `DatabaseUnavailable` if it has to be read and cannot be.
        """
        return self.cached_balance(user_id) or self._read(user_id)

    def cached_balance(self, user_id: int) -> UserBalance | None:
        """Return the balance if the cache has it; never read the database or fill the cache."""
        entry = self._entries.get(user_id)
        if entry is None or entry.until <= self._monotonic():
            return None
        return entry.balance

    def forget(self, user_ids: Iterable[int]) -> None:
        """Drop what the cache keeps of users: their next balance is read from the database."""
        with self._lock:
            for user_id in user_ids:
                if (known := self._entries.get(user_id)) is not None:
                    if self.on_replaced is not None:
                        self.on_replaced(user_id, known)
                    del self._entries[user_id]

    def change_balance(self, credit: Credit, *, along: Along = lambda _, __: None) -> Booked:
        """Book in one transaction, then remember the balance, then call the hook.

        `along` writes in the same transaction what belongs to the booking, unless it was made
        before. A duplicate changes nothing and calls nobody. A hook that raises is logged: the
        booking stands. Raises `CreditError` or `DatabaseUnavailable` if nothing was booked.
        """

        def work(session: Session) -> Booked:
            [booked] = book(session, [credit])
            if not booked.duplicate:
                along(session, booked)
            return booked

        booked = write(self._database, work)
        if not booked.duplicate:
            self._remember(
                UserBalance(booked.user_id, booked.uni_after, booked.ton_after), booked.version
            )
            self._tell(booked)
        return booked

    def _read(self, user_id: int) -> UserBalance:
        query = select(Balance.uni, Balance.ton, Balance.version).where(Balance.user_id == user_id)
        with self._database.reading() as session:
            row = session.execute(query).one_or_none()
        if row is None:
            raise UnknownUserError(f"no account for user {user_id}: open one before asking for it")
        balance = UserBalance(user_id, row.uni, row.ton)
        self._remember(balance, row.version)
        return balance

    def _remember(self, balance: UserBalance, version: int) -> None:
        entry = KeptBalance(balance, version, self._monotonic() + CACHE_S)
        with self._lock:
            known = self._entries.get(balance.user_id)
            # Threads arrive here in another order than the one in which they committed.
            if known is None or known.version <= version:
                if self.on_replaced is not None:
                    self.on_replaced(balance.user_id, known)
                self._entries[balance.user_id] = entry

    def _tell(self, booked: Booked) -> None:
        hook = self.on_balance_update
        if hook is None:
            return
        try:
            hook(booked.user_id)
        except Exception:  # noqa: BLE001 - the money is booked; no hook may make it look lost
            _log.exception("balance_hook_failed", source=booked.source)
