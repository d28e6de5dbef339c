"""What a booking asks the database, each statement built once.

Building a statement costs several times what running it does, in this process; so none is built
for a booking, and none goes through the models. Executing them takes a plain connection.
"""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import Column, Table, bindparam, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from app.models import Balance, Transaction
from app.money import MAX_BALANCE, Currency, Money

_balances: Table = Balance.metadata.tables[Balance.__tablename__]
_transactions: Table = Transaction.metadata.tables[Transaction.__tablename__]
_OF_USER = _balances.c.user_id == bindparam("user")
_COLUMNS: Mapping[Currency, Column[Decimal]] = {
    Currency.UNI: _balances.c.uni,
    Currency.TON: _balances.c.ton,
}

LOCK = (
    select(_balances.c.user_id)
    .where(_balances.c.user_id.in_(bindparam("users", expanding=True)))
    .order_by(_balances.c.user_id)
    .with_for_update()
)
"""Locks the rows of `users`, in the order of their ids, and returns those that there are."""

EARLIER = select(_transactions).where(
    _transactions.c.idempotency_key.in_(bindparam("keys", expanding=True))
)
"""Returns the transactions that were booked under one of `keys`."""

RECORD = _transactions.insert().inline()
"""Writes a transaction, and asks for no number of it."""


def _change(column: Column[Decimal]) -> ReturningUpdate[tuple[Decimal, Decimal, int]]:
    after = column + bindparam("change", type_=Money())
    return (
        update(_balances)
        .where(_OF_USER, after.between(Decimal(0), MAX_BALANCE))
        .values({column: after, _balances.c.version: _balances.c.version + 1})
        .returning(_balances.c.uni, _balances.c.ton, _balances.c.version)
    )


CHANGE = {currency: _change(column) for currency, column in _COLUMNS.items()}
"""Adds `change` to a balance of `user`, if that stays within bounds, and returns all of it."""

BALANCE_OF = {currency: select(column).where(_OF_USER) for currency, column in _COLUMNS.items()}
"""Returns a balance of `user`."""
