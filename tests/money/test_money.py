"""Money: what is an amount, and that neither database loses a millionth of it."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import StatementError

from app.accounts import open_accounts
from app.database import Database
from app.errors import CreditError, InvalidAmountError
from app.models import FarmingDeposit
from app.money import MAX_AMOUNT, MAX_BALANCE, MILLIONTH, Currency, exact, parse_amount, positive

amounts = st.decimals(-MAX_AMOUNT, MAX_AMOUNT, places=6)
one_database = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def store(database: Database, stored: list[Decimal]) -> None:
    """Put exactly these amounts into one column of money."""
    with database.transaction() as session:
        open_accounts(session, [7])
        session.execute(delete(FarmingDeposit))
        session.execute(
            insert(FarmingDeposit),
            [{"user_id": 7, "amount": amount, "daily_rate": Decimal(0)} for amount in stored],
        )


@settings(deadline=None)
@given(amounts)
def test_every_amount_survives_its_own_text(amount: Decimal) -> None:
    """Writing an amount down and reading it back gives the same amount with six places."""
    parsed = parse_amount(f"{amount:f}")
    assert parsed == amount
    assert parsed.as_tuple().exponent == -6


@settings(deadline=None)
@given(st.decimals(0, MAX_BALANCE, places=6) | st.decimals(MAX_BALANCE - 1, MAX_BALANCE, places=6))
@example(MAX_BALANCE - MILLIONTH)
def test_every_balance_survives_the_number_of_a_browser(amount: Decimal) -> None:
    """Up to the greatest balance a binary double still tells every millionth from the next."""
    assert f"{float(amount):.6f}" == f"{amount:.6f}"


def test_above_the_greatest_balance_a_browser_loses_millionths() -> None:
    """So the bound is not lower than it must be: right above it amounts come back changed."""
    above = [MAX_BALANCE + number * MILLIONTH for number in range(1, 1001)]
    changed = sum(f"{float(amount):.6f}" != f"{amount:.6f}" for amount in above)
    assert changed > 400


@pytest.mark.parametrize(
    "text", ["", " ", "1,5", "1.", ".5", "1e3", " 1", "1 ", "1_000", "٣", "0x10", "NaN", "Infinity"]
)
def test_a_text_that_is_no_decimal_is_refused(text: str) -> None:
    """Whatever is not plain digits with at most one point is refused, and shown."""
    with pytest.raises(InvalidAmountError, match="is not an amount: give a decimal") as caught:
        parse_amount(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("value", [1.5, 1, True, None, b"1", float("nan")])
def test_what_is_no_decimal_is_refused(value: object) -> None:
    """A float, above all, is no amount: it may already have lost something."""
    with pytest.raises(InvalidAmountError, match=f"{type(value).__name__}, not a Decimal"):
        parse_amount(value)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_refused(text: str) -> None:
    """Neither infinity nor a NaN is an amount."""
    with pytest.raises(InvalidAmountError, match="not a finite amount"):
        exact(Decimal(text))


@pytest.mark.parametrize("text", ["0.0000001", "1.0000005", "-0.1234567", "1e-30", "1E-999999"])
def test_over_six_places_are_refused(text: str) -> None:
    """Nothing is rounded in silence."""
    with pytest.raises(InvalidAmountError, match="more than six decimal places"):
        exact(Decimal(text))


@pytest.mark.parametrize("text", ["1000000000000", "-1000000000000", "1E+999999", "9" * 500])
def test_what_the_column_cannot_hold_is_refused(text: str) -> None:
    """An amount beyond NUMERIC(18,6) is out of range, and a long one is shown cut."""
    with pytest.raises(InvalidAmountError, match="out of range: give an amount from -9") as caught:
        exact(Decimal(text))
    assert len(str(caught.value)) < 200


def test_zeros_after_the_sixth_place_lose_nothing() -> None:
    """1.50000000 is 1.5, and minus zero is zero."""
    assert str(parse_amount("1.50000000")) == "1.500000"
    assert str(exact(Decimal("-0"))) == "0.000000"


@pytest.mark.parametrize("text", ["0", "-1", "-0.000001"])
def test_positive_refuses_what_is_not_above_zero(text: str) -> None:
    """An amount that must be above zero is refused by its value."""
    with pytest.raises(CreditError, match=rf"{text}.* is not above zero"):
        positive(text)
    assert positive("0.000001") == MILLIONTH


def test_there_are_two_currencies() -> None:
    """The words are those of the wire and of the database."""
    assert [*Currency] == ["UNI", "TON"]


@one_database
@given(amount=amounts)
def test_the_database_gives_back_what_it_got(database: Database, amount: Decimal) -> None:
    """Every amount of the type's range comes back equal, with six places."""
    store(database, [amount])
    with database.reading() as session:
        read = session.scalars(select(FarmingDeposit.amount)).one()
    assert str(read) == str(amount + 0)


@one_database
@given(some=st.lists(amounts, min_size=1, max_size=8))
def test_sums_and_comparisons_in_sql_are_exact(database: Database, some: list[Decimal]) -> None:
    """SQL's sum, maximum, difference and order are those of exact arithmetic."""
    store(database, some)
    amount = FarmingDeposit.amount
    with database.reading() as session:
        total, largest = session.execute(select(func.sum(amount), func.max(amount))).one()
        less = session.scalars(select(amount - MILLIONTH).where(amount == some[0])).first()
        ordered = list(session.scalars(select(amount).order_by(amount)))
        above = session.scalar(select(func.count()).where(amount > some[0]))
    assert total == sum(some)
    assert largest == max(some)
    assert less == some[0] - MILLIONTH
    assert ordered == sorted(some)
    assert above == sum(one > some[0] for one in some)


@pytest.mark.parametrize("value", [1.5, 1, "1", Decimal("0.0000001"), Decimal("NaN")])
def test_the_column_refuses_what_is_no_amount(database: Database, value: object) -> None:
    """What is not an exact amount never reaches a column of money."""
    with pytest.raises(StatementError) as caught:
        store(database, [value])
    assert isinstance(caught.value.orig, InvalidAmountError)
