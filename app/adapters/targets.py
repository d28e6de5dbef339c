"""The authorised targets in SQL: one row for each flag, the same for all hosts."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.database import Database
from app.errors import DatabaseUnavailable
from app.models import FlagTarget
from flags.targets import (
    Edit,
    Standing,
    StandingEdits,
    TargetsError,
    standing_from_json,
    standing_json,
)

WAIT_S = 1.0
"""How long the thread that asks for flags waits for a lock, or a command does."""


class SqlTargets(StandingEdits):
    """`AuthorisedTargets` on SQLite and PostgreSQL. May be used from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, flag: str) -> Standing:
        """Return what is known of the flag. Raises `TargetsError`."""
        try:
            with self._database.reading(wait_s=WAIT_S) as session:
                row = session.get(FlagTarget, flag)
                return Standing() if row is None else standing_from_json(flag, row.standing)
        except (DatabaseUnavailable, ValueError) as error:
            raise _failure("read", error) from error

    def _change(self, flag: str, edit: Edit) -> None:
        try:
            try:
                self._change_once(flag, edit)
            except IntegrityError:  # another process made the row in between
                self._change_once(flag, edit)
        except (DatabaseUnavailable, ValueError, IntegrityError) as error:
            raise _failure("written", error) from error

    def _change_once(self, flag: str, edit: Edit) -> None:
        with self._database.transaction(wait_s=WAIT_S) as session:
            chosen = select(FlagTarget).where(FlagTarget.flag == flag).with_for_update()
            row = session.scalars(chosen).one_or_none()
            before = Standing() if row is None else standing_from_json(flag, row.standing)
            after = edit(before)
            if row is None:
                session.add(FlagTarget(flag=flag, standing=standing_json(after)))
            elif after != before:
                row.standing = standing_json(after)


def _failure(done: str, error: Exception) -> TargetsError:
    return TargetsError(f"the authorised targets cannot be {done}: {error}")
