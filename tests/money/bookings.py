"""Short words for the tests: credits, accounts, and what the database says of a user."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from sqlalchemy import func, select

from app.accounts import open_accounts
from app.credits import Booked, Credit, book
from app.database import Database
from app.models import Balance, Transaction
from app.money import Currency

_keys = count(1)


def credit(user_id: int, amount: str | Decimal, **other: object) -> Credit:
    """Return a credit of UNI with a key of its own, unless other parts are given."""
    parts = {
        "currency": Currency.UNI,
        "source": "mission",
        "idempotency_key": f"test:{next(_keys)}",
    }
    return Credit(user_id=user_id, amount=Decimal(amount), **{**parts, **other})


def make_users(database: Database, *user_ids: int) -> None:
    """Open an account for each user."""
    with database.transaction() as session:
        open_accounts(session, user_ids)


def book_now(database: Database, *credits_asked: Credit) -> list[Booked]:
    """Book the credits in one transaction."""
    with database.transaction() as session:
        return book(session, credits_asked)


@dataclass(frozen=True, slots=True)
class Account:
    """A user's row, and what SQL makes of the user's transactions."""

    uni: Decimal
    ton: Decimal
    version: int
    uni_booked: Decimal
    ton_booked: Decimal
    versions: list[int]


def account(database: Database, user_id: int) -> Account:
    """Return what the database holds about a user."""
    booked = func.coalesce(func.sum(Transaction.amount), Decimal(0))
    of_user = Transaction.user_id == user_id
    with database.reading() as session:
        balance = session.get_one(Balance, user_id)
        sums = {
            currency: session.scalar(
                select(booked).where(of_user, Transaction.currency == currency)
            )
            for currency in Currency
        }
        ordered = select(Transaction.version).where(of_user).order_by(Transaction.version)
        return Account(
            uni=balance.uni,
            ton=balance.ton,
            version=balance.version,
            uni_booked=sums[Currency.UNI],
            ton_booked=sums[Currency.TON],
            versions=list(session.scalars(ordered)),
        )


def assert_books_balance(database: Database, user_id: int) -> None:
    """Balances are the sums of the transactions, whose versions grow by one without a gap."""
    found = account(database, user_id)
    assert (found.uni, found.ton) == (found.uni_booked, found.ton_booked)
    assert found.versions == list(range(1, found.version + 1))
