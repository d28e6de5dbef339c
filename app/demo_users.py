"""The users of the demonstration: their buckets lie apart, and each of them farms."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts import open_accounts
from app.credits import Credit, book
from app.database import Database
from app.models import FarmingDeposit, TonBoost, User
from app.money import Currency


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user, what they start with, and what earns them income.

    `farms` is the deposit in UNI, `boost` the one in TON, None without a boost.
    """

    id: int
    uni: Decimal
    ton: Decimal
    farms: Decimal
    boost: Decimal | None = None

    @property
    def telegram_id(self) -> int:
        """Who the user is to Telegram."""
        return FIRST_TELEGRAM_ID + self.id


FIRST_TELEGRAM_ID = 7_100_000_000
"""Above the numbers that accounts had when they still fitted into 32 bits, as new ones are."""
FARMING_RATE = Decimal("0.05")
BOOST_RATE = Decimal("0.01")

# The buckets are 7, 24, 40, 67, 76 and 91: each 25 % of a ramp moves somebody. A boost moves
# the page today, so only one user on each side has one; the others show the fault undisturbed.
DEMO_USERS = (
    DemoUser(10, Decimal("412.5"), Decimal("3.2"), farms=Decimal(900)),
    DemoUser(22, Decimal("1280"), Decimal("18.75"), farms=Decimal(1500), boost=Decimal(60)),
    DemoUser(17, Decimal("96.25"), Decimal("0.8"), farms=Decimal(600)),
    DemoUser(74, Decimal("2048"), Decimal("7.4"), farms=Decimal(2400)),
    DemoUser(31, Decimal("730"), Decimal("42"), farms=Decimal(1200), boost=Decimal(90)),
    DemoUser(33, Decimal("154.75"), Decimal("1.5"), farms=Decimal(800)),
)


def seed(database: Database) -> None:
    """Give every user of the demonstration an account, a start and an income, once."""
    with database.transaction() as session:
        open_accounts(session, [user.id for user in DEMO_USERS])
        book(session, [credit for user in DEMO_USERS for credit in _start(user)])
        for user in DEMO_USERS:
            session.execute(
                update(User).where(User.id == user.id).values(telegram_id=user.telegram_id)
            )
            _let_farm(session, user)
            _let_boost(session, user)


def _start(user: DemoUser) -> tuple[Credit, Credit]:
    return (
        _opening(user.id, Currency.UNI, user.uni),
        _opening(user.id, Currency.TON, user.ton),
    )


def _opening(user_id: int, currency: Currency, amount: Decimal) -> Credit:
    return Credit(
        user_id=user_id,
        currency=currency,
        amount=amount,
        source="manual",
        idempotency_key=f"demo:{user_id}:{currency}",
    )


def _let_farm(session: Session, user: DemoUser) -> None:
    if session.scalar(select(FarmingDeposit.id).where(FarmingDeposit.user_id == user.id)) is None:
        session.add(FarmingDeposit(user_id=user.id, amount=user.farms, daily_rate=FARMING_RATE))


def _let_boost(session: Session, user: DemoUser) -> None:
    if user.boost is None:
        return
    if session.scalar(select(TonBoost.id).where(TonBoost.user_id == user.id)) is None:
        session.add(TonBoost(user_id=user.id, amount=user.boost, daily_rate=BOOST_RATE))
