"""Rewards by hand: each is booked through the very caller that books it in production."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.core.admin_service import correct_balance, pay_airdrop
from app.core.batch_balance_processor import UNI_FARMING_INCOME
from app.core.boost_purchase import buy_ton_boost
from app.core.daily_bonus_service import claim_daily_bonus
from app.core.mission_service import complete_mission
from app.core.referral_service import pay_referral_bonus
from app.core.wallet_service import deposit_ton, withdraw
from app.credits import Booked, Credit
from app.demo_users import BOOST_RATE
from app.errors import CreditError
from app.money import Currency
from app.parts import Parts
from app.web.readings import users_with_a_boost

Pay = Callable[[Parts, int, Decimal], Booked]


class NoBoostError(CreditError):
    """The boost scheduler pays this user nothing."""


@dataclass(frozen=True, slots=True)
class Reward:
    """A kind of reward. `amount` is what it books unless told; the boost works out its own.

    `icon` is one of the sprite's, `note` says who books it. `has_button` is False for what is
    booked by a request to `/look/reward` alone: a card has room for six buttons.
    """

    kind: str
    label: str
    icon: str
    note: str
    amount: Decimal
    pay: Pay
    has_button: bool = True


def _farming(parts: Parts, user_id: int, amount: Decimal) -> Booked:
    credit = Credit(
        user_id=user_id,
        currency=Currency.UNI,
        amount=amount,
        source=UNI_FARMING_INCOME,
        idempotency_key=f"look:farming:{secrets.token_hex(8)}",
    )
    outcome = parts.processor.process([credit])
    for failed in outcome.failed:
        raise failed.error
    return outcome.booked[0]


def _boost(parts: Parts, user_id: int, _amount: Decimal) -> Booked:
    """Let the scheduler pay every boost, for a tick that no clock will come to.

    A tick is paid once, and the present one may have been.
    """
    with parts.database.reading() as session:
        if not users_with_a_boost(session, [user_id]):
            raise NoBoostError(
                f"user {user_id} has no boost, so the scheduler pays them none: choose another"
                " kind of reward, or a user with a boost"
            )
    long_ago = datetime(1, 1, 2, tzinfo=UTC) + timedelta(seconds=secrets.randbelow(60_000_000_000))
    paid = parts.boosts.run_once(long_ago)
    return next(booked for booked in paid if booked.user_id == user_id)


def _referral(parts: Parts, user_id: int, amount: Decimal) -> Booked:
    referred = 1 + secrets.randbelow(2**52)
    return pay_referral_bonus(
        parts.manager, referrer_id=user_id, referred_id=referred, amount=amount
    )


def _mission(parts: Parts, user_id: int, amount: Decimal) -> Booked:
    return complete_mission(parts.manager, user_id=user_id, mission=_new_name(), reward=amount)


def _daily_bonus(parts: Parts, user_id: int, amount: Decimal) -> Booked:
    today = datetime.now(UTC).date()
    return claim_daily_bonus(parts.manager, user_id=user_id, day=today, amount=amount)


def _withdrawal(parts: Parts, user_id: int, amount: Decimal) -> Booked:
    return withdraw(
        parts.manager,
        user_id=user_id,
        currency=Currency.UNI,
        amount=amount,
        request_id=_new_name(),
    )


def _deposit(parts: Parts, user_id: int, amount: Decimal) -> Booked:
    return deposit_ton(parts.manager, user_id=user_id, amount=amount, tx_hash=_new_name())


def _purchase(parts: Parts, user_id: int, amount: Decimal) -> Booked:
    return buy_ton_boost(
        parts.manager,
        user_id=user_id,
        amount=amount,
        daily_rate=BOOST_RATE,
        purchase_id=_new_name(),
    )


def _correction(parts: Parts, user_id: int, amount: Decimal) -> Booked:
    return correct_balance(
        parts.manager,
        user_id=user_id,
        currency=Currency.UNI,
        by=-amount,
        correction_id=_new_name(),
    )


def _airdrop(parts: Parts, user_id: int, amount: Decimal) -> Booked:
    return pay_airdrop(parts.manager, user_id=user_id, amount=amount, campaign=_new_name())


def _new_name() -> str:
    """Name what is booked, so that no two rewards by hand are taken for one."""
    return f"look-{secrets.token_hex(8)}"


REWARDS = {
    reward.kind: reward
    for reward in (
        Reward(
            kind="farming",
            label="Farming",
            icon="farming",
            note="0.5 UNI, by the batch processor",
            amount=Decimal("0.5"),
            pay=_farming,
        ),
        Reward(
            kind="boost",
            label="Boost",
            icon="boost_income",
            note="TON, by the boost scheduler, which pays every boost",
            amount=Decimal(0),
            pay=_boost,
        ),
        Reward(
            kind="referral",
            label="Referral",
            icon="referral_reward",
            note="5 UNI, by the referral service through the balance manager",
            amount=Decimal(5),
            pay=_referral,
        ),
        Reward(
            kind="mission",
            label="Mission",
            icon="mission",
            note="10 UNI, by the mission service through the balance manager",
            amount=Decimal(10),
            pay=_mission,
        ),
        Reward(
            kind="daily_bonus",
            label="Daily bonus",
            icon="daily_bonus",
            note="1 UNI once a day, by the bonus service through the balance manager",
            amount=Decimal(1),
            pay=_daily_bonus,
        ),
        Reward(
            kind="withdrawal",
            label="Withdraw",
            icon="withdrawal",
            note="2.5 UNI, by the wallet through the balance manager",
            amount=Decimal("2.5"),
            pay=_withdrawal,
        ),
        Reward(
            kind="deposit",
            label="Deposit",
            icon="withdrawal",
            note="1 TON, by the wallet through the balance manager",
            amount=Decimal(1),
            pay=_deposit,
            has_button=False,
        ),
        Reward(
            kind="purchase",
            label="Buy a boost",
            icon="boost_income",
            note="0.5 TON for a boost, through the balance manager",
            amount=Decimal("0.5"),
            pay=_purchase,
            has_button=False,
        ),
        Reward(
            kind="correction",
            label="Correction",
            icon="manual",
            note="0.25 UNI less, by an administrator through the balance manager",
            amount=Decimal("0.25"),
            pay=_correction,
            has_button=False,
        ),
        Reward(
            kind="airdrop",
            label="Airdrop",
            icon="daily_bonus",
            note="3 UNI, by an administrator through the balance manager",
            amount=Decimal(3),
            pay=_airdrop,
            has_button=False,
        ),
    )
}
