"""Money: exact decimals with six places, in Python and in both databases."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Dialect, Integer, Numeric
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.errors import InvalidAmountError

PLACES = 6
MILLIONTH = Decimal(1).scaleb(-PLACES)
MAX_AMOUNT = Decimal("999999999999.999999")
"""What NUMERIC(18,6) holds, either side of zero."""
MAX_BALANCE = Decimal(2**33)
"""8,589,934,592: above it the binary float of a browser no longer holds six decimals."""

_DECIMAL_TEXT = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_HOW = "give a decimal with at most six places, such as 12.5"


class Currency(StrEnum):
    """The two currencies that are farmed."""

    UNI = "UNI"
    TON = "TON"


def parse_amount(value: str | Decimal) -> Decimal:
    """Return the amount that a text or a Decimal stands for, quantised to six places.

    Raises `InvalidAmountError` for anything that is not exactly such an amount.
    """
    if isinstance(value, str):
        if not _DECIMAL_TEXT.fullmatch(value):
            raise InvalidAmountError(f"{_shown(value)} is not an amount: {_HOW}")
        value = Decimal(value)
    return exact(value)


def positive(value: str | Decimal) -> Decimal:
    """Return the amount like `parse_amount`, and refuse what is not above zero."""
    amount = parse_amount(value)
    if amount <= 0:
        raise InvalidAmountError(f"{amount} is not above zero: give an amount above zero")
    return amount


def exact(value: Decimal) -> Decimal:
    """Return the Decimal quantised to six places; raise `InvalidAmountError` if that loses any."""
    if not isinstance(value, Decimal):
        kind = type(value).__name__
        raise InvalidAmountError(
            f"{_shown(value)} is a {kind}, not a Decimal, and may not be exact: {_HOW}"
        )
    if not value.is_finite():
        raise InvalidAmountError(f"{value} is not a finite amount: {_HOW}")
    if abs(value) > MAX_AMOUNT:
        raise InvalidAmountError(
            f"{_shown(value)} is out of range: give an amount from -{MAX_AMOUNT} to {MAX_AMOUNT}"
        )
    quantised = value.quantize(MILLIONTH)
    if quantised != value:
        raise InvalidAmountError(f"{_shown(value)} has more than six decimal places: {_HOW}")
    return quantised + 0  # minus zero becomes zero


class Money(TypeDecorator[Decimal]):
    """Always a Decimal with six places in Python.

    NUMERIC(18,6) on PostgreSQL; on SQLite, whose NUMERIC is a binary float, an INTEGER of
    millionths. Sums, differences and comparisons are therefore exact in SQL on both;
    products are not defined on it.
    """

    impl = Numeric(18, PLACES)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of the database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Integer())
        return dialect.type_descriptor(Numeric(18, PLACES))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | int | None:
        """Check what goes to the database, and scale it for SQLite."""
        if value is None:
            return None
        amount = exact(value)
        return int(amount.scaleb(PLACES)) if dialect.name == "sqlite" else amount

    def process_literal_param(self, value: Decimal | None, dialect: Dialect) -> str:
        """Write the amount into the text of a statement, as constraints need it."""
        return str(self.process_bind_param(value, dialect))

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Turn what the database answers, a sum included, back into a Decimal."""
        if value is None:
            return None
        amount = Decimal(value)
        return (amount.scaleb(-PLACES) if dialect.name == "sqlite" else amount).quantize(MILLIONTH)


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
