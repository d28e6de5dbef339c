"""Booking: what is booked, what is refused, and how each refusal is worded."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts import open_accounts
from app.credits import (
    BalanceTooLargeError,
    Credit,
    CreditError,
    IdempotencyKeyReusedError,
    InsufficientFundsError,
    InvalidAmountError,
    InvalidCreditError,
    UnknownUserError,
    book,
)
from app.database import Database
from app.money import MAX_BALANCE, MILLIONTH, Currency
from tests.money.bookings import account, assert_books_balance, book_now, credit, make_users


def test_a_credit_is_booked_with_the_version_and_both_balances_after_it(
    database: Database,
) -> None:
    """A booking answers with all that its transaction row holds."""
    make_users(database, 7)
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    asked = [credit(7, "1.5"), credit(7, "0.25", currency=Currency.TON, source="boost_income")]
    with database.transaction() as session:
        first, second = book(session, asked, now=at)
    assert (first.version, first.uni_after, first.ton_after) == (1, Decimal("1.5"), 0)
    assert (second.version, second.uni_after, second.ton_after) == (
        *(2, Decimal("1.5"), Decimal("0.25")),
    )
    assert (second.source, second.currency, second.created_at) == ("boost_income", "TON", at)
    assert not first.duplicate
    assert_books_balance(database, 7)


def test_the_same_key_twice_books_once(database: Database) -> None:
    """A repeated booking answers with the first one, its time included, marked as a duplicate."""
    make_users(database, 7)
    asked = credit(7, "1.5")
    [first] = book_now(database, asked)
    book_now(database, credit(7, "10"))
    [again] = book_now(database, asked)
    assert again == replace(first, duplicate=True)
    assert account(database, 7).uni == Decimal("11.5")


def test_the_same_key_twice_in_one_call_books_once(database: Database) -> None:
    """Duplicates are found among the credits of a single transaction as well."""
    make_users(database, 7)
    asked = credit(7, "1.5")
    first, again = book_now(database, asked, asked)
    assert again == replace(first, duplicate=True)
    assert account(database, 7).version == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"user_id": 8}, "user_id 7, now with 8"),
        ({"currency": Currency.TON}, "currency UNI, now with TON"),
        ({"amount": Decimal(2)}, r"amount 1\.500000, now with 2\.000000"),
        ({"source": "manual"}, "source mission, now with manual"),
    ],
    ids=["user", "currency", "amount", "source"],
)
def test_a_key_used_for_something_else_is_refused(
    database: Database, change: dict[str, object], words: str
) -> None:
    """One key cannot stand for two bookings; the message names what differs."""
    make_users(database, 7, 8)
    asked = credit(7, "1.5")
    book_now(database, asked)
    with pytest.raises(IdempotencyKeyReusedError, match=f"{asked.idempotency_key}' .*{words}"):
        book_now(database, replace(asked, **change))
    assert account(database, 8).version == 0


def test_a_debit_to_zero_is_booked_and_below_zero_refused(database: Database) -> None:
    """All of a balance can be spent, and not a millionth more."""
    make_users(database, 7)
    book_now(database, credit(7, "1.5"))
    with pytest.raises(
        InsufficientFundsError,
        match=r"user 7 has 1\.500000 UNI and cannot pay 1\.500001: take at most 1\.500000",
    ):
        book_now(database, credit(7, "-1.500001"))
    book_now(database, credit(7, "-1.5", source="withdrawal"))
    assert account(database, 7).uni == 0
    assert_books_balance(database, 7)


def test_a_balance_grows_to_the_largest_and_not_beyond(database: Database) -> None:
    """Above 2^33 a browser no longer holds six decimals: refused, with the rest."""
    make_users(database, 7)
    book_now(database, credit(7, MAX_BALANCE - 1), credit(7, MAX_BALANCE, currency="TON"))
    with pytest.raises(BalanceTooLargeError, match=r"credit at most 1\.000000"):
        book_now(database, credit(7, 1 + MILLIONTH))
    book_now(database, credit(7, 1))
    assert account(database, 7).uni == MAX_BALANCE


def test_unknown_users_are_refused_by_number(database: Database) -> None:
    """Nothing is booked for a user without an account, and all such users are named."""
    make_users(database, 7)
    with pytest.raises(UnknownUserError, match="no account for user 8, 9: open one"):
        book_now(database, credit(7, 1), credit(9, 1), credit(8, 1))
    assert account(database, 7).version == 0


def test_one_refused_credit_undoes_all_of_its_transaction(database: Database) -> None:
    """A booking that fails half-way books nothing."""
    make_users(database, 7, 8)
    with pytest.raises(InsufficientFundsError):
        book_now(database, credit(7, 1), credit(8, 1), credit(7, -5))
    assert account(database, 7).version == account(database, 8).version == 0


@pytest.mark.parametrize(
    ("parts", "error", "words"),
    [
        ({"amount": 1.5}, InvalidAmountError, "1.5 is a float, not a Decimal"),
        ({"amount": Decimal("NaN")}, InvalidAmountError, "NaN is not a finite amount"),
        ({"amount": Decimal("1e-7")}, InvalidAmountError, "more than six decimal places"),
        ({"amount": Decimal("1e12")}, InvalidAmountError, "out of range"),
        ({"amount": Decimal("-0")}, InvalidAmountError, "the amount is 0"),
        ({"user_id": "7"}, InvalidCreditError, "'7' is not a user id: give a whole number"),
        ({"user_id": True}, InvalidCreditError, "True is not a user id"),
        ({"user_id": 7.0}, InvalidCreditError, "7.0 is not a user id"),
        ({"user_id": None}, InvalidCreditError, "None is not a user id"),
        ({"user_id": 0}, InvalidCreditError, "0 is not a user id"),
        ({"user_id": 2**53}, InvalidCreditError, "from 1 to 9007199254740991"),
        ({"currency": "EUR"}, InvalidCreditError, "'EUR' is not a currency: give UNI or TON"),
        ({"currency": None}, InvalidCreditError, "None is not a currency"),
        ({"source": ""}, InvalidCreditError, "'' is no source: give a printable text"),
        ({"source": "\ud800"}, InvalidCreditError, "is no source"),
        ({"source": "a\0b"}, InvalidCreditError, "is no source"),
        ({"source": "a" * 65}, InvalidCreditError, "1 to 64 characters"),
        ({"idempotency_key": ""}, InvalidCreditError, "'' is no idempotency_key"),
        ({"idempotency_key": 5}, InvalidCreditError, "5 is no idempotency_key"),
        ({"idempotency_key": "k" * 201}, InvalidCreditError, "1 to 200 characters"),
    ],
)
def test_a_credit_that_can_never_be_booked_is_refused_when_it_is_made(
    parts: dict[str, object], error: type[CreditError], words: str
) -> None:
    """Each part of a credit is checked before it gets near a database; the value is shown."""
    good = {
        "user_id": 7,
        "currency": Currency.UNI,
        "amount": Decimal(1),
        "source": "mission",
        "idempotency_key": "key",
    }
    with pytest.raises(error) as caught:
        Credit(**{**good, **parts})
    assert words in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_currency_by_its_name_is_the_currency() -> None:
    """Callers that hold the word of the wire may use it."""
    assert credit(7, 1, currency="TON").currency is Currency.TON


def test_accounts_are_opened_once(database: Database) -> None:
    """Opening an account again keeps its balance and answers that it is not new."""
    make_users(database, 7)
    book_now(database, credit(7, 5))
    with database.transaction() as session:
        assert open_accounts(session, [8, 7, 8]) == [8]
    assert account(database, 7).uni == 5
    with pytest.raises(InvalidCreditError, match="'9' is not a user id"):
        open_accounts(session, ["9"])


def test_booking_nothing_is_no_error(database: Database) -> None:
    """No credits, no bookings."""
    assert book_now(database) == []


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(Currency),
            st.one_of(
                st.decimals("-20", "20", places=6),
                st.decimals(-MAX_BALANCE, MAX_BALANCE, places=6),
            ).filter(bool),
            st.integers(0, 5),
        ),
        max_size=12,
    )
)
def test_the_books_balance_whatever_is_asked(
    database: Database, steps: list[tuple[Currency, Decimal, int]]
) -> None:
    """After any row of credits, debits and repeats the books are those of exact arithmetic.

    What the model refuses the database refuses under the same name, and nothing else.
    """
    user_id = _a_new_user(database)
    model = dict.fromkeys(Currency, Decimal(0))
    keys: dict[str, tuple[Currency, Decimal]] = {}
    for currency, amount, number in steps:
        key = f"{user_id}:{number}"
        after = model[currency] + amount
        expected: type[CreditError] | None = None
        if key in keys:
            expected = None if keys[key] == (currency, amount) else IdempotencyKeyReusedError
        elif after < 0:
            expected = InsufficientFundsError
        elif after > MAX_BALANCE:
            expected = BalanceTooLargeError
        else:
            keys[key] = (currency, amount)
            model[currency] = after
        asked = credit(user_id, amount, currency=currency, idempotency_key=key)
        if expected is None:
            book_now(database, asked)
        else:
            with pytest.raises(expected):
                book_now(database, asked)
    found = account(database, user_id)
    assert (found.uni, found.ton, found.version) == (model["UNI"], model["TON"], len(keys))
    assert_books_balance(database, user_id)


def _a_new_user(database: Database) -> int:
    """Return a user of its own for each example, as examples share a database."""
    with database.transaction() as session:
        candidate = 1
        while not open_accounts(session, [candidate]):
            candidate += 1
    return candidate
