"""A reward that the look page asks for: read, checked, booked, and answered in a sentence."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.credits import Booked
from app.errors import CreditError, InvalidAmountError, InvalidCreditError, UnknownUserError
from app.money import positive
from app.parts import Parts
from app.web.rewards import REWARDS, Reward
from app.web.words import SOURCE_NAMES
from flags.user_id import InvalidUserIdError, user_id_of

SHAPE = 'send JSON such as {"user": 74, "kind": "farming"}'


class OrderRefused(Exception):
    """Nothing was booked: the message says why and what to do, `status` is HTTP's."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(f"{message[:1].upper()}{message[1:]}.")
        self.status = status


@dataclass(frozen=True, slots=True)
class Order:
    """A reward for a user; the amount is above zero unless the caller works out its own."""

    user_id: int
    reward: Reward
    amount: Decimal


def read_order(body: dict[str, Any]) -> Order:
    """Return the order that a JSON body stands for. Raises `OrderRefused` with status 400."""
    for field in ("user", "kind"):
        if field not in body:
            raise OrderRefused(f'the field "{field}" is missing: {SHAPE}', status=400)
    try:
        user_id = user_id_of(body["user"])
    except InvalidUserIdError as error:
        raise OrderRefused(str(error), status=400) from error
    reward = _reward(body["kind"])
    return Order(user_id, reward, _amount(body, reward))


def book_order(parts: Parts, order: Order) -> dict[str, Any]:
    """Book it through its caller and say what was booked.

    Raises `OrderRefused`: 404 for an unknown user, 409 for a balance or a caller that does
    not allow it; and `DatabaseUnavailable`.
    """
    try:
        booked = order.reward.pay(parts, order.user_id, order.amount)
    except UnknownUserError as error:
        raise OrderRefused(str(error), status=404) from error
    except InvalidCreditError as error:
        raise OrderRefused(str(error), status=400) from error
    except CreditError as error:
        raise OrderRefused(str(error), status=409) from error
    return {
        "message": _sentence(booked),
        "user": booked.user_id,
        "amount": f"{booked.amount:.6f}",
        "currency": booked.currency,
        "source": booked.source,
        "version": booked.version,
        "duplicate": booked.duplicate,
    }


def _reward(kind: Any) -> Reward:
    if isinstance(kind, str) and kind in REWARDS:
        return REWARDS[kind]
    known = ", ".join(REWARDS)
    raise OrderRefused(f"{kind!a:.60} is not a kind of reward: give one of {known}", status=400)


def _amount(body: dict[str, Any], reward: Reward) -> Decimal:
    if "amount" not in body:
        return reward.amount
    if not reward.amount:
        raise OrderRefused(
            f'the caller of "{reward.kind}" works its amount out itself: leave "amount" away',
            status=400,
        )
    text = body["amount"]
    if not isinstance(text, str):
        raise OrderRefused(
            f'the amount {text!a:.60} is not text, and a JSON number may not be exact: send "12.5"',
            status=400,
        )
    try:
        return positive(text)
    except InvalidAmountError as error:
        raise OrderRefused(str(error), status=400) from error


def _sentence(booked: Booked) -> str:
    what = SOURCE_NAMES.get(booked.source, booked.source)
    if booked.duplicate:
        return f"{what} of user {booked.user_id} was booked before: nothing was booked again."
    return f"Booked {what} {booked.amount:+.6f} {booked.currency} for user {booked.user_id}."
