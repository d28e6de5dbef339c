"""A process that books: `python -m tests.money.credit_process URL USER TIMES`.

It books 0.000001 UNI for the user so many times, each in a transaction of its own, and each
under a key that the other processes use as well: all together book each of them once. After
each it books the same amount of TON under a key of its own.
"""

import os
import sys
from decimal import Decimal
from pathlib import Path

from app.credits import Credit, book
from app.database import Database
from app.money import MILLIONTH, Currency


def main(url: str, user_id: int, times: int) -> None:
    """Book as the module says."""
    database = Database(url, instance_path=Path())
    for number in range(times):
        _book(database, user_id, Currency.UNI, f"shared:{user_id}:{number}", MILLIONTH)
        _book(database, user_id, Currency.TON, f"own:{os.getpid()}:{number}", MILLIONTH)
    database.dispose()


def _book(database: Database, user_id: int, currency: Currency, key: str, amount: Decimal) -> None:
    credit = Credit(
        user_id=user_id, currency=currency, amount=amount, source="farming", idempotency_key=key
    )
    with database.transaction(wait_s=30) as session:
        book(session, [credit])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
