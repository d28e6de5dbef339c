"""The ledger's rows from before there were two migrations, and who may see whose."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

import app.migrations.versions
from app.adapters.ledger import SqlLedgerStore
from app.database import Database
from flags.decision import FARMING_INCOME
from shim.shadow.counts import Cell
from shim.shadow.ledger_store import Batch

OLD = Cell("*", "legacy", "", "routed")
NEW = Cell("*", "canonical", "", "routed")


def turn(database: Database, revision: str, *, back: bool = False) -> None:
    """Bring the tables to a revision."""
    config = Config()
    folder = Path(next(iter(app.migrations.versions.__path__))).parent
    config.set_main_option("script_location", str(folder))
    with database.transaction() as session:
        config.attributes["connection"] = session.connection()
        (command.downgrade if back else command.upgrade)(config, revision)


def test_an_old_ledger_is_of_the_first_migration_and_going_back_keeps_it(
    database: Database,
) -> None:
    """Each store sees its own rows; a downgrade forgets what the other migration added."""
    first = SqlLedgerStore(database)
    second = SqlLedgerStore(database, migration=FARMING_INCOME.migration)
    turn(database, "m0003", back=True)
    with database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO ledger_counters (caller, side, comparison, what, count)"
                " VALUES ('*', 'legacy', '', 'routed', 5)"
            )
        )
    turn(database, "head")
    assert first.read().counters == {OLD: 5}
    assert second.read().counters == {}
    second.add(Batch("of the second", 1, {OLD: 1, NEW: 2}, ()))
    first.add(Batch("of the first", 1, {OLD: 1}, ()))
    assert first.read().counters == {OLD: 6}
    assert second.read().counters == {OLD: 1, NEW: 2}
    turn(database, "m0003", back=True)
    turn(database, "head")
    assert first.read().counters == {OLD: 6}
    assert second.read().counters == {}
