"""The balance manager: balances through a cache, and one hook for whoever wants to know."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock

import structlog
from sqlalchemy import select

from app.credits import Booked, Credit, book
from app.database import Database, write
from app.errors import UnknownUserError
from app.models import Balance

CACHE_S = 300.0
"""How long an answer from the cache may be old, in seconds."""

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

    Whoever writes the database past the manager is not seen before the cache ends.
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

    def change_balance(self, credit: Credit) -> Booked:
        """Book in one transaction, then remember the balance, then call the hook.

        A duplicate changes nothing and calls nobody. A hook that raises is logged: the
        booking stands. Raises `CreditError` or `DatabaseUnavailable` if nothing was booked.
        """
        [booked] = write(self._database, lambda session: book(session, [credit]))
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
