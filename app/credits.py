"""Booking: every change of a balance, whoever asks for it, is made here and nowhere else."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import valid_user_id
from app.credit_statements import BALANCE_OF, CHANGE, EARLIER, LOCK, RECORD
from app.errors import (
    BalanceTooLargeError,
    CreditError,
    IdempotencyKeyReusedError,
    InsufficientFundsError,
    InvalidAmountError,
    InvalidCreditError,
    UnknownUserError,
)
from app.models import KEY_LENGTH, SOURCE_LENGTH
from app.money import MAX_BALANCE, Currency, exact

__all__ = [
    "BalanceTooLargeError",
    "Booked",
    "Credit",
    "CreditError",
    "IdempotencyKeyReusedError",
    "InsufficientFundsError",
    "InvalidAmountError",
    "InvalidCreditError",
    "UnknownUserError",
    "book",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A change of one balance that is asked for; a debit has a negative amount.

    `source` says what it is for, such as "farming". Asking twice with the same
    `idempotency_key` books once. Raises an `InvalidCreditError`.
    """

    user_id: int
    currency: Currency
    amount: Decimal
    source: str
    idempotency_key: str

    def __post_init__(self) -> None:
        valid_user_id(self.user_id)
        object.__setattr__(self, "currency", _currency(self.currency))
        object.__setattr__(self, "amount", exact(self.amount))
        if not self.amount:
            raise InvalidAmountError("the amount is 0: give one that changes the balance")
        _check_text("source", self.source, SOURCE_LENGTH)
        _check_text("idempotency_key", self.idempotency_key, KEY_LENGTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A credit as it was booked: the version it produced, and both balances after it.

    `duplicate` says that an earlier booking with the same key is what is shown.
    """

    user_id: int
    currency: Currency
    amount: Decimal
    source: str
    idempotency_key: str
    version: int
    uni_after: Decimal
    ton_after: Decimal
    created_at: datetime
    duplicate: bool


_CONTENT = tuple(field.name for field in fields(Booked) if field.name != "duplicate")
_content_of = attrgetter(*_CONTENT)


def book(session: Session, asked: Sequence[Credit], *, now: datetime | None = None) -> list[Booked]:
    """Book all the credits, in their order, within the session's transaction, or none.

    `now` is the time of booking, by default the present. Raises a `CreditError` at the first
    that is refused; the transaction must then be rolled back.
    """
    session.flush()  # whoever opens an account books in the same transaction
    connection = session.connection()
    # First the rows, always in the order of the user ids: two batches never wait for each
    # other crosswise, and whoever booked one of our keys for these users has committed.
    _lock(connection, {credit.user_id for credit in asked})
    earlier = _find(connection, [credit.idempotency_key for credit in asked])
    now = now or datetime.now(UTC)
    results = []
    for credit in asked:
        known = earlier.get(credit.idempotency_key)
        booked = _repeat(credit, known) if known else _apply(connection, credit, now)
        earlier.setdefault(credit.idempotency_key, booked)
        results.append(booked)
    return results


def _lock(connection: Connection, user_ids: Collection[int]) -> None:
    found = connection.scalars(LOCK, {"users": list(user_ids)})
    if unknown := sorted(set(user_ids).difference(found)):
        raise UnknownUserError(
            f"no account for user {', '.join(map(str, unknown))}: open one before booking"
        )


def _find(connection: Connection, keys: Iterable[str]) -> dict[str, Booked]:
    rows = connection.execute(EARLIER, {"keys": list(keys)})
    return {row.idempotency_key: _as_booked(row) for row in rows}


def _as_booked(row: Row[Any]) -> Booked:
    content = dict(zip(_CONTENT, _content_of(row), strict=True))
    return Booked(**{**content, "currency": Currency(row.currency)}, duplicate=True)


def _repeat(credit: Credit, known: Booked) -> Booked:
    """Return what was booked with the same key, if it is what is asked for again."""
    for name in ("user_id", "currency", "amount", "source"):
        asked, booked = getattr(credit, name), getattr(known, name)
        if asked != booked:
            raise IdempotencyKeyReusedError(
                f"the key {credit.idempotency_key!r} was used before with {name} {booked}, "
                f"now with {asked}: give each booking a key of its own"
            )
    return replace(known, duplicate=True)


def _apply(connection: Connection, credit: Credit, now: datetime) -> Booked:
    asked = {"user": credit.user_id, "change": credit.amount}
    row = connection.execute(CHANGE[credit.currency], asked).one_or_none()
    if row is None:
        raise _refusal(connection, credit)
    booked = Booked(
        user_id=credit.user_id,
        currency=credit.currency,
        amount=credit.amount,
        source=credit.source,
        idempotency_key=credit.idempotency_key,
        version=row.version,
        uni_after=row.uni,
        ton_after=row.ton,
        created_at=now,
        duplicate=False,
    )
    _record(connection, booked)
    return booked


def _record(connection: Connection, booked: Booked) -> None:
    content = dict(zip(_CONTENT, _content_of(booked), strict=True))
    try:
        connection.execute(RECORD, content)
    except IntegrityError as error:
        # The user's row is ours, so only a booking for another user can have come between.
        raise IdempotencyKeyReusedError(
            f"the key {booked.idempotency_key!r} was used at the same moment for another user, "
            f"now for user {booked.user_id}: give each booking a key of its own"
        ) from error


def _refusal(connection: Connection, credit: Credit) -> CreditError:
    balance = connection.scalars(BALANCE_OF[credit.currency], {"user": credit.user_id}).one()
    has = f"user {credit.user_id} has {balance} {credit.currency}"
    if credit.amount < 0:
        return InsufficientFundsError(
            f"{has} and cannot pay {-credit.amount}: take at most {balance}"
        )
    return BalanceTooLargeError(
        f"{has} and cannot get {credit.amount} more: a balance is at most {MAX_BALANCE}, "
        f"so credit at most {MAX_BALANCE - balance}"
    )


def _currency(value: str) -> Currency:
    try:
        return Currency(value)
    except ValueError:
        known = " or ".join(Currency)
        raise InvalidCreditError(f"{value!r} is not a currency: give {known}") from None


def _check_text(name: str, value: object, length: int) -> None:
    # Printable also keeps out what PostgreSQL cannot store: NUL and lone surrogates.
    if isinstance(value, str) and 0 < len(value) <= length and value.isprintable():
        return
    raise InvalidCreditError(
        f"{repr(value)[:60]} is no {name}: give a printable text of 1 to {length} characters"
    )
