"""A lease on one task among the processes of all hosts: a row with an end.

Not an advisory lock, which a connection holds for as long as it is open: a leader that hangs,
or whose host is cut off, would keep it, and poolers in between hand connections around. A row
that its holder must renew is free six seconds after the holder last could, whatever became of
it, by the database's clock alone. If that one was set back meanwhile, the row ends later than
anybody could have written it now: then it is free as well, and a holder that lives renews it.
"""

import os
import secrets
from datetime import timedelta

from sqlalchemy import delete, func, or_
from sqlalchemy.dialects.postgresql import insert

from app.adapters.shared_sql import SharedSql
from app.errors import DatabaseUnavailable
from app.models import HeldLease

LASTS_S = 6.0


class SqlLease:
    """Held by at most one process of all hosts, and lost when it is not renewed in time."""

    lasts_s = LASTS_S

    def __init__(self, sql: SharedSql, *, name: str, host: str) -> None:
        self._sql = sql
        self._name = name
        self._host = host
        self._holder = ""

    def acquire(self) -> bool:
        """Take or renew the lease; True if it is held now. Raises OSError."""
        if not self._holder.startswith(f"{self._host} {os.getpid()} "):
            self._holder = f"{self._host} {os.getpid()} {secrets.token_hex(8)}"
        values = {
            "holder": self._holder,
            "expires_at": func.clock_timestamp() + timedelta(seconds=LASTS_S),
        }
        now = func.clock_timestamp()
        free = or_(
            HeldLease.holder == self._holder,
            HeldLease.expires_at < now,
            HeldLease.expires_at > now + timedelta(seconds=2 * LASTS_S),
        )
        taken = (
            insert(HeldLease)
            .values(name=self._name, **values)
            .on_conflict_do_update(index_elements=["name"], set_=values, where=free)
            .returning(HeldLease.holder)
        )
        try:
            with self._sql.transaction() as connection:
                return connection.scalar(taken) is not None
        except DatabaseUnavailable as error:
            raise OSError(f"the lease {self._name} cannot be had: {error}") from error

    def release(self) -> None:
        """Let go of the lease; if the database is away, it ends by itself."""
        mine = delete(HeldLease).where(
            HeldLease.name == self._name, HeldLease.holder == self._holder
        )
        try:
            with self._sql.transaction() as connection:
                connection.execute(mine)
        except DatabaseUnavailable:
            pass
        self._sql.close()
