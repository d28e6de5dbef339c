"""The truth about balances, in SQL, on connections that cannot write."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import JSON, Select, String, and_, bindparam, cast, func, select
from sqlalchemy.orm import Session

from app.columns import BigInt
from app.database import ReadOnlyDatabase
from app.errors import DatabaseUnavailable, InvalidAmountError
from app.models import Balance, Transaction
from app.money import exact
from app.notifications.ports import BookedTransaction, TruthUnavailable, UserTruth
from app.plain_query import PlainQuery

_BALANCE = (Balance.user_id, Balance.version, Balance.uni, Balance.ton)
_TRANSACTION = tuple(getattr(Transaction, field.name) for field in fields(BookedTransaction))


class SqlTruthReader:
    """A `TruthReader` that asks the database each time. May be used from any thread."""

    def __init__(self, database: ReadOnlyDatabase) -> None:
        self._database = database
        self._newer = PlainQuery(_query(database.dialect.name), database.dialect)

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, UserTruth]:
        """Return the truth of each user that exists, by one query. See `TruthReader`.

        `timeout` is in seconds. Raises `TruthUnavailable`.
        """
        if not since:
            return {}
        try:
            rows = self._database.plain_rows(self._newer, wait_s=timeout, since=json.dumps(since))
        except DatabaseUnavailable as error:
            raise TruthUnavailable(f"balances could not be read: {error}") from error
        return _gather(rows)

    def versions(self, users: Sequence[int], *, timeout: float | None = None) -> dict[int, int]:
        """Return the version of each user that exists, by one query.

        `timeout` is in seconds. Raises `TruthUnavailable`.
        """
        try:
            with self._database.reading(wait_s=timeout) as session:
                query = _versions_query(session.get_bind().dialect.name)
                rows = session.execute(query, {"users": json.dumps(list(users))})
                return {row.user_id: row.version for row in rows}
        except DatabaseUnavailable as error:
            raise TruthUnavailable(f"versions could not be read: {error}") from error

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Return the newest version whose balances were these; None if there is none.

        Version 0 is an account with nothing booked. Raises `TruthUnavailable`.
        """
        try:
            uni, ton = exact(uni), exact(ton)
        except InvalidAmountError:
            return None  # what is no amount of ours was nobody's balance
        try:
            with self._database.reading() as session:
                return _newest(session, user_id, uni, ton)
        except DatabaseUnavailable as error:
            raise TruthUnavailable(
                f"the versions of user {user_id} could not be read: {error}"
            ) from error


@cache
def _query(dialect: str) -> Select[Any]:
    """One row for each user and newer transaction; one without a transaction if there is none.

    The users and their versions go in as one JSON object, whatever their number, so that the
    statement is always the same. Without a version nothing is newer: SQL compares with NULL.
    """
    since = bindparam("since", type_=String)
    if dialect == "sqlite":
        pairs = func.json_each(since).table_valued("key", "value")
    else:
        pairs = func.json_each_text(cast(since, JSON)).table_valued("key", "value")
    newer = and_(
        Transaction.user_id == Balance.user_id, Transaction.version > cast(pairs.c.value, BigInt)
    )
    return (
        select(*_BALANCE, *_TRANSACTION)
        .select_from(pairs)
        .join(Balance, Balance.user_id == cast(pairs.c.key, BigInt))
        .outerjoin(Transaction, newer)
        .order_by(Balance.user_id, Transaction.version)
    )


@cache
def _versions_query(dialect: str) -> Select[Any]:
    """One row for each user of a JSON list, whatever their number."""
    users = bindparam("users", type_=String)
    if dialect == "sqlite":
        chosen = func.json_each(users).table_valued("value")
    else:
        chosen = func.json_array_elements_text(cast(users, JSON)).table_valued("value")
    return select(Balance.user_id, Balance.version).join(
        chosen, Balance.user_id == cast(chosen.c.value, BigInt)
    )


def _gather(rows: Iterable[Sequence[Any]]) -> dict[int, UserTruth]:
    width = len(_BALANCE)
    balances: dict[int, Sequence[Any]] = {}
    newer: dict[int, list[BookedTransaction]] = {}
    for row in rows:
        user_id = row[0]
        balances.setdefault(user_id, row[:width])
        transactions = newer.setdefault(user_id, [])
        if row[width] is not None:
            transactions.append(BookedTransaction(*row[width:]))
    return {
        user_id: UserTruth(*balance, transactions=tuple(newer[user_id]))
        for user_id, balance in balances.items()
    }


def _newest(session: Session, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
    version = session.scalar(
        select(func.max(Transaction.version)).where(
            Transaction.user_id == user_id,
            Transaction.uni_after == uni,
            Transaction.ton_after == ton,
        )
    )
    if version is None and not uni and not ton and session.get(Balance, user_id):
        return 0
    return version
