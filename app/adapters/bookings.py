"""What was booked, for whoever judges the canonical: read apart from what the canonical reads.

The canonical's own reader is part of what is compared, so nothing of it is used here. This one
asks the table of transactions alone, by statements of its own, through the plain driver.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import PoolProxiedConnection

from app.database import ReadOnlyDatabase
from app.errors import DatabaseUnavailable
from app.notifications.ports import BookedTransaction, TruthUnavailable, UserTruth

_SELECT = (
    "SELECT user_id, version, currency, amount, source, uni_after, ton_after, created_at"
    " FROM transactions WHERE"
)
_FROM = "(user_id = ? AND version >= ?)"
_NEWEST = "(user_id = ? AND version = (SELECT max(version) FROM transactions WHERE user_id = ?))"
_PLACE = (
    "SELECT version FROM transactions WHERE user_id = ? AND uni_after = ? AND ton_after = ?"
    " ORDER BY version DESC LIMIT 1"
)
_ACCOUNT = "SELECT user_id FROM balances WHERE user_id = ?"
_PLACES = 6
_MAX_WHOLE = 10 ** (18 - _PLACES)


class SqlBookings:
    """Answers as a `TruthReader` does, from the transactions. May be used from any thread.

    What a user has is what the newest transaction left; an account without one has nothing.
    """

    def __init__(self, database: ReadOnlyDatabase) -> None:
        self._database = database
        self._scaled = database.dialect.name == "sqlite"

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, UserTruth]:
        """Return the truth of each user that exists. See `TruthReader`; raises TruthUnavailable."""
        if not since:
            return {}
        found = self._booked(since, timeout)
        missing = [user_id for user_id in since if user_id not in found]
        if missing:
            # Nothing was booked for them, or nothing from the version on that was asked for.
            found |= self._booked(dict.fromkeys(missing), timeout)
            for user_id in missing:
                if user_id not in found and self._rows(_ACCOUNT, [user_id], timeout):
                    found[user_id] = UserTruth(user_id, 0, Decimal(0), Decimal(0), ())
        return found

    def _booked(
        self, since: Mapping[int, int | None], timeout: float | None
    ) -> dict[int, UserTruth]:
        """Return the truth of those of whom a transaction is found."""
        rows = self._transactions(since, timeout)
        return {
            user_id: _truth(user_id, list(group), since[user_id])
            for user_id, group in groupby(rows, key=lambda row: row[0])
        }

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Return the newest version that left these balances, None if none did.

        Version 0 is an account with nothing booked. Raises `TruthUnavailable`.
        """
        if not (_fits(uni) and _fits(ton)):
            return None
        rows = self._rows(_PLACE, [user_id, self._stored(uni), self._stored(ton)], None)
        if rows:
            return int(rows[0][0])
        return 0 if not uni and not ton and self._rows(_ACCOUNT, [user_id], None) else None

    def _transactions(
        self, since: Mapping[int, int | None], timeout: float | None
    ) -> list[tuple[Any, ...]]:
        """Return the rows from the version asked for on, that one and at least the newest included.

        By user and version, their amounts as Decimals.
        """
        wanted = [_NEWEST if version is None else _FROM for version in since.values()]
        given: list[int] = []
        for user_id, version in since.items():
            given += (user_id, user_id if version is None else version)
        text = " ".join((_SELECT, " OR ".join(wanted)))
        rows = [self._converted(row) for row in self._rows(text, given, timeout)]
        return sorted(rows, key=lambda row: row[:2])

    def _converted(self, row: Sequence[Any]) -> tuple[Any, ...]:
        user_id, version, currency, amount, source, uni, ton, at = row
        if self._scaled:
            amount, uni, ton = (Decimal(each).scaleb(-_PLACES) for each in (amount, uni, ton))
            at = datetime.fromisoformat(at).replace(tzinfo=UTC)
        return user_id, version, currency, amount, source, uni, ton, at

    def _stored(self, amount: Decimal) -> Decimal | int:
        return int(amount.scaleb(_PLACES)) if self._scaled else amount

    def _rows(
        self, text: str, given: Sequence[object], timeout: float | None
    ) -> list[Sequence[Any]]:
        statement = _Statement(text if self._scaled else text.replace("?", "%s"), given)
        try:
            return self._database.plain_rows(statement, wait_s=timeout)
        except DatabaseUnavailable as error:
            raise TruthUnavailable(f"what was booked could not be read: {error}") from error


class _Statement:
    """A statement with its parameters, run by the driver as it is."""

    def __init__(self, text: str, given: Sequence[object]) -> None:
        self._text = text
        self._given = given

    def rows(
        self, connection: PoolProxiedConnection, _: Mapping[str, object]
    ) -> list[Sequence[Any]]:
        """Return what the statement selects."""
        cursor = connection.cursor()
        try:
            cursor.execute(self._text, self._given)
            return list(cursor.fetchall())
        finally:
            cursor.close()


def _truth(user_id: int, rows: Sequence[tuple[Any, ...]], since: int | None) -> UserTruth:
    _, version, *_, uni, ton, _ = rows[-1]
    newer = () if since is None else (row[1:] for row in rows if row[1] > since)
    return UserTruth(user_id, version, uni, ton, tuple(BookedTransaction(*row) for row in newer))


def _fits(amount: Decimal) -> bool:
    """Whether it is an amount that a balance can be: nothing else was ever booked."""
    return (
        amount.is_finite()
        and abs(amount) < _MAX_WHOLE
        and amount == amount.quantize(Decimal(1).scaleb(-_PLACES))
    )
