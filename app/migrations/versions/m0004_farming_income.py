"""Until when a deposit was paid, and a ledger that tells migrations apart."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "m0004"
down_revision = "m0003"

FIRST = "balance-notifications"
"""The one migration that there was."""
KEYS = {
    "ledger_counters": ("caller", "side", "comparison", "what"),
    "ledger_groups": ("comparison", "fingerprint", "known"),
    "ledger_callers": ("comparison", "fingerprint", "known", "caller"),
    "ledger_samples": ("comparison", "fingerprint", "known", "number"),
}


def upgrade() -> None:
    op.add_column("farming_deposits", sa.Column("paid_until", sa.DateTime(timezone=True)))
    for table, key in KEYS.items():
        with op.batch_alter_table(table, recreate="auto") as batch:
            batch.add_column(
                sa.Column("migration", sa.String(32), server_default=FIRST, nullable=False)
            )
            _key_by(batch, table, ("migration", *key))


def downgrade() -> None:
    for table, key in KEYS.items():
        op.execute(sa.text(f"DELETE FROM {table} WHERE migration <> '{FIRST}'"))  # noqa: S608 - both are written above
        with op.batch_alter_table(table, recreate="auto") as batch:
            _key_by(batch, table, key)
            batch.drop_column("migration")
    with op.batch_alter_table("farming_deposits") as batch:
        batch.drop_column("paid_until")


def _key_by(batch: BatchOperations, table: str, columns: Sequence[str]) -> None:
    batch.drop_constraint(f"pk_{table}", type_="primary")
    batch.create_primary_key(f"pk_{table}", list(columns))
