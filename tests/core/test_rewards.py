"""Referral, mission, daily bonus, withdrawal: through the manager, and once each."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.core.admin_service import correct_balance, pay_airdrop
from app.core.balance_manager import BalanceManager
from app.core.boost_purchase import buy_ton_boost
from app.core.daily_bonus_service import claim_daily_bonus
from app.core.mission_service import complete_mission
from app.core.referral_service import pay_referral_bonus
from app.core.wallet_service import deposit_ton, withdraw
from app.core.websocket_balance_integration import WebSocketBalanceIntegration
from app.credits import Booked
from app.database import Database
from app.errors import InsufficientFundsError, InvalidAmountError
from app.models import TonBoost
from app.money import Currency
from tests.core.conftest import Recorder
from tests.money.bookings import account, book_now, credit, make_users

Pay = Callable[[BalanceManager, Decimal], Booked]

REWARDS: dict[str, Pay] = {
    "referral_reward": lambda manager, amount: pay_referral_bonus(
        manager, referrer_id=7, referred_id=8, amount=amount
    ),
    "mission": lambda manager, amount: complete_mission(
        manager, user_id=7, mission="join_channel", reward=amount
    ),
    "daily_bonus": lambda manager, amount: claim_daily_bonus(
        manager, user_id=7, day=date(2026, 3, 1), amount=amount
    ),
}


def take(manager: BalanceManager, amount: Decimal) -> Booked:
    """Withdraw TON by one and the same request."""
    return withdraw(
        manager, user_id=7, currency=Currency.TON, amount=amount, request_id="request-1"
    )


@pytest.fixture
def manager(database: Database, by_id: Recorder) -> BalanceManager:
    """Return a manager with the integration in its hook, and a user with 5 TON."""
    make_users(database, 7)
    book_now(database, credit(7, 5, currency="TON"))
    manager = BalanceManager(database, monotonic=lambda: 0.0)
    WebSocketBalanceIntegration(manager).install()
    return manager


@pytest.mark.parametrize("source", REWARDS)
def test_a_reward_is_booked_once_and_told_by_user_id(
    manager: BalanceManager, database: Database, by_id: Recorder, source: str
) -> None:
    """The balance grows once, under its source; the hook hands on the user id and nothing else."""
    booked = REWARDS[source](manager, Decimal("1.5"))
    assert REWARDS[source](manager, Decimal("1.5")).duplicate
    assert (booked.source, booked.currency) == (source, "UNI")
    assert account(database, 7).uni == Decimal("1.5")
    assert by_id.notified == [7]


def test_a_withdrawal_is_a_debit_once_for_each_request(
    manager: BalanceManager, database: Database, by_id: Recorder
) -> None:
    """What is withdrawn leaves the balance once, however often the request is repeated."""
    booked = take(manager, Decimal("1.5"))
    assert take(manager, Decimal("1.5")).duplicate
    assert (booked.source, booked.amount) == ("withdrawal", Decimal("-1.5"))
    assert account(database, 7).ton == Decimal("3.5")
    assert by_id.notified == [7]


def test_nobody_withdraws_more_than_there_is(
    manager: BalanceManager, database: Database, by_id: Recorder
) -> None:
    """A withdrawal above the balance is refused by name and told to nobody."""
    with pytest.raises(InsufficientFundsError, match=r"has 5\.000000 TON and cannot pay 5\.000001"):
        take(manager, Decimal("5.000001"))
    assert account(database, 7).ton == 5
    assert by_id.notified == []


OTHERS: dict[str, Pay] = {
    "WalletService.processTonDeposit": lambda manager, amount: deposit_ton(
        manager, user_id=7, amount=amount, tx_hash="b5ee9c72"
    ),
    "addBalance": lambda manager, amount: pay_airdrop(
        manager, user_id=7, amount=amount, campaign="spring"
    ),
    "setBalance": lambda manager, amount: correct_balance(
        manager, user_id=7, currency=Currency.TON, by=-amount, correction_id="ticket-1"
    ),
    "subtractBalance": lambda manager, amount: buy_ton_boost(
        manager, user_id=7, amount=amount, daily_rate=Decimal("0.01"), purchase_id="order-1"
    ),
}


@pytest.mark.parametrize(
    ("source", "uni", "ton"),
    [
        ("WalletService.processTonDeposit", "0", "6.5"),
        ("addBalance", "1.5", "5"),
        ("setBalance", "0", "3.5"),
        ("subtractBalance", "0", "3.5"),
    ],
)
def test_deposits_airdrops_corrections_and_purchases_are_told_by_the_hook(
    manager: BalanceManager, database: Database, by_id: Recorder, source: str, uni: str, ton: str
) -> None:
    """Each is booked once under the name that production gives it, and told by user id."""
    booked = OTHERS[source](manager, Decimal("1.5"))
    assert OTHERS[source](manager, Decimal("1.5")).duplicate
    assert booked.source == source
    assert (account(database, 7).uni, account(database, 7).ton) == (Decimal(uni), Decimal(ton))
    assert by_id.notified == [7]


def boosts_of(database: Database) -> list[tuple[Decimal, Decimal]]:
    """Return amount and daily rate of each boost."""
    with database.reading() as session:
        return [(boost.amount, boost.daily_rate) for boost in session.scalars(select(TonBoost))]


def test_a_boost_and_its_price_are_booked_both_or_neither(
    manager: BalanceManager, database: Database, by_id: Recorder
) -> None:
    """A purchase that is repeated opens no second boost; one that is refused opens none."""
    buy = OTHERS["subtractBalance"]
    with pytest.raises(InsufficientFundsError):
        buy(manager, Decimal("5.000001"))
    assert boosts_of(database) == []
    buy(manager, Decimal(2))
    buy(manager, Decimal(2))
    assert boosts_of(database) == [(Decimal(2), Decimal("0.01"))]
    assert by_id.notified == [7]


def test_a_correction_may_go_up_and_keeps_what_was_booked_meanwhile(
    manager: BalanceManager, database: Database
) -> None:
    """It is the difference that is booked, not a balance that is written over another one."""
    book_now(database, credit(7, 1, currency="TON"))
    correct_balance(
        manager, user_id=7, currency=Currency.TON, by=Decimal("0.5"), correction_id="ticket-2"
    )
    assert account(database, 7).ton == Decimal("6.5")


@pytest.mark.parametrize("pay", [*REWARDS.values(), take], ids=[*REWARDS, "withdrawal"])
@pytest.mark.parametrize("amount", ["0", "-1", "0.0000001", "NaN"])
def test_an_amount_that_is_not_above_zero_is_refused(
    manager: BalanceManager, by_id: Recorder, pay: Pay, amount: str
) -> None:
    """No reward takes and no withdrawal gives."""
    with pytest.raises(InvalidAmountError):
        pay(manager, Decimal(amount))
    assert by_id.notified == []
