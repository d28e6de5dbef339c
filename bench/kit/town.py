"""A whole application with many users, their pages and what earns them income."""

import itertools
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from sqlalchemy import event, insert, select
from sqlalchemy.exc import OperationalError

from app.accounts import open_accounts
from app.core.balance_notification_service import BalanceNotificationService
from app.credits import Credit, book
from app.database import Database
from app.factory import create_app
from app.models import FarmingDeposit, TonBoost, Transaction
from app.money import Currency
from app.notifications.service import NewNotifications
from app.parts import Parts
from app.settings import Settings
from app.settings_guard import GuardSettings
from bench.kit import day
from bench.kit.pages import Booking, Page
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG

TOWNSPEOPLE = range(1, 1201)
"""More than a thousand, for what is wrong for one in a thousand."""
_FAR = (0, 3300 << 21, 3300 << 41)
"""What is added to the ids of three users in turn: some need 33 bits, some 53.

Multiples of 3,300: what follows from an id's rest is so for all three.
"""
USERS = tuple(number + _FAR[number % len(_FAR)] for number in TOWNSPEOPLE)
RICH = 11
"""One user of so many has more, for what is wrong with large amounts only:"""
RICHES = (Decimal(1_000_000_000), Decimal(8_589_000_000))
"""so much, or nearly as much as a balance may be."""
AGED, PAST = 25, 160
"""One user of so many has a past: so many bookings before anything is played."""
MANY_TABS = 50
"""One user of so many has a dozen tabs."""
PATIENCE_S = 10.0
DATABASE = "town.db"


def found(folder: Path, *, contended: bool) -> None:
    """Make the database of a town: every user has an account, a start and an income.

    Each user has one kind of income only; if `contended`, one of 24 has both, and plays.
    """
    database = Database(f"sqlite:///{DATABASE}", instance_path=folder)
    database.upgrade()
    with database.transaction() as session:
        open_accounts(session, USERS)
        townspeople = zip(TOWNSPEOPLE, USERS, strict=True)
        book(session, [credit for each in townspeople for credit in _start(*each)])
        book(session, [_past(user, n) for user in USERS[::AGED] for n in range(PAST)])
        # Some have two deposits or boosts, so that two bookings fall into one window.
        session.execute(insert(FarmingDeposit), list(_incomes(is_farmer, contended=contended)))
        session.execute(insert(TonBoost), list(_incomes(is_boosted, contended=contended)))
    database.dispose()


def is_boosted(user_id: int) -> bool:
    """Whether the user's income is a boost: of so few that a slow machine follows a tick."""
    return user_id % 24 == 0


def is_farmer(user_id: int) -> bool:
    """Whether the user's income is from farming; whoever has neither plays."""
    return user_id % 24 in (7, 8)


def _incomes(has: Callable[[int], bool], *, contended: bool) -> list[dict[str, object]]:
    return [
        {"user_id": user_id, "amount": Decimal(10 * number), "daily_rate": Decimal("0.013")}
        for number, user_id in zip(TOWNSPEOPLE, USERS, strict=True)
        for _ in range(2 if user_id % 4 == 0 else 1)
        if (is_boosted(user_id) if contended else has(user_id))
    ]


def is_rich(user_id: int) -> bool:
    """Whether the user has far more than others."""
    return user_id % RICH == 0


def _start(number: int, user_id: int) -> tuple[Credit, Credit]:
    rich = RICHES[number % 2] if is_rich(user_id) else Decimal(0)
    return (
        _opening(user_id, Currency.UNI, Decimal("1000.123456") + number + rich),
        _opening(user_id, Currency.TON, Decimal("50.654321") + number),
    )


def _past(user_id: int, number: int) -> Credit:
    return Credit(
        user_id=user_id,
        currency=list(Currency)[number // 4 % 2],
        amount=Decimal((1, 2, -2, 3)[number % 4]).scaleb(-3),  # one balance comes back
        source=f"mission {number % 5}",
        idempotency_key=f"past:{user_id}:{number}",
    )


def _tabs(user_id: int) -> int:
    if user_id % MANY_TABS == 0:
        return 12
    return 1 + (user_id % 2 == 0) + (user_id % 5 == 0)


def _opening(user_id: int, currency: Currency, amount: Decimal) -> Credit:
    return Credit(
        user_id=user_id,
        currency=currency,
        amount=amount,
        source="manual",
        idempotency_key=f"opening:{user_id}:{currency}",
    )


class Town:
    """The application, built over a copy of a town's database, with a page for each tab.

    The shadows may use a whole core, `SHIM_SHADOW_CPU_PERCENT=100`. Sweeps are a minute apart,
    so that they repair nothing that was lost. `first_lines` of each divergence are logged;
    a shadow is given up after `deadline_ms`.
    """

    def __init__(
        self,
        folder: Path,
        template: Path,
        *,
        canonical: NewNotifications,
        recording: bool,
        first_lines: int,
        deadline_ms: int,
    ) -> None:
        shutil.copy(template / DATABASE, folder / DATABASE)
        self.settings = Settings(
            instance_path=folder,
            database_url=f"sqlite:///{DATABASE}",
            schedulers=False,
            sweep_interval_s=60,
            shadow_cpu_percent=100,
            shadow_deadline_ms=deadline_ms,
            log_user_ids="plain",
            log_first_lines=first_lines,
            guard=GuardSettings(on=False),  # what is wrong is to be flagged, not taken back
        )
        app = create_app(self.settings, canonical=canonical)
        day.set_before_midnight()
        self.parts: Parts = app.extensions["parts"]
        self._recording = recording
        self._names = itertools.count(1)
        self._lock = threading.Lock()
        self._unreadable_until = 0.0
        event.listen(self.parts.database.read_only()._engine, "checkout", self._before_a_read)
        self.pages: dict[int, list[Page]] = {}
        self.left: list[Page] = []
        """Pages that were closed."""

    def start(self, *, canonical: int, shadow: int) -> None:
        """Start at these percentages of the two flags, and open every tab."""
        self.flip(canonical=canonical, shadow=shadow)
        self.parts.runtime.start()
        for user_id in USERS:
            self.pages[user_id] = []
            for _ in range(_tabs(user_id)):
                self.open_page(user_id)
        with suppress(TimeoutError):  # a wrong canonical may never come to know them
            self.until(lambda: all(p.connection.base_version is not None for p in self.all_pages()))

    def stop(self) -> None:
        """Stop the application; the log is whole then."""
        self.parts.runtime.stop()

    def flip(self, *, canonical: int, shadow: int) -> None:
        """Set both flags; the workers follow by themselves."""
        self.parts.flag_admin.set_percentage(CANONICAL_FLAG, canonical)
        self.parts.flag_admin.set_percentage(SHADOW_FLAG, shadow)

    def fail_reads(self, seconds: float) -> None:
        """Let every read of this process fail for so long."""
        self._unreadable_until = time.monotonic() + seconds

    def _before_a_read(self, *_: object) -> None:
        if time.monotonic() < self._unreadable_until:
            raise OperationalError("", {}, ConnectionError("no read succeeds at the moment"))

    def open_page(self, user_id: int) -> None:
        """Open one more tab."""
        page = Page(user_id, f"page-{next(self._names)}", recording=self._recording)
        with self._lock:
            self.pages[user_id].append(page)
        BalanceNotificationService.get_instance().register_connection(user_id, page.connection)

    def reconnect(self, user_id: int) -> None:
        """Close the user's oldest tab, and open another."""
        with self._lock:
            page = self.pages[user_id].pop(0)
            self.left.append(page)
        page.closed = True
        page.connection.close(1001)
        BalanceNotificationService.get_instance().remove_connection(user_id, page.connection)
        self.open_page(user_id)

    def all_pages(self) -> list[Page]:
        """Return the open pages."""
        with self._lock:
            return [page for pages in self.pages.values() for page in pages]

    def until(self, condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait for a condition. Raises TimeoutError if it does not come."""
        deadline = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the condition did not come in {patience_s:g} s")
            time.sleep(0.005)

    def bookings(self) -> dict[int, list[Booking]]:
        """Return every transaction, by user, in the order of the versions."""
        order = select(Transaction).order_by(Transaction.user_id, Transaction.version)
        with self.parts.database.reading() as session:
            rows = session.scalars(order).all()
        return {
            user_id: [
                Booking(
                    row.version,
                    row.currency,
                    row.amount,
                    row.source,
                    row.uni_after,
                    row.ton_after,
                    row.created_at.timestamp(),
                )
                for row in group
            ]
            for user_id, group in itertools.groupby(rows, key=lambda row: row.user_id)
        }
