"""The ledger by epoch of the kill switch, so that evidence is judged from a resume on."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "m0008"
down_revision = "m0007"

KEYS = {
    "ledger_counters": ("migration", "caller", "side", "comparison", "what"),
    "ledger_groups": ("migration", "comparison", "fingerprint", "known"),
    "ledger_callers": ("migration", "comparison", "fingerprint", "known", "caller"),
    "ledger_samples": ("migration", "comparison", "fingerprint", "known", "number"),
}
big_int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for table, key in KEYS.items():
        with op.batch_alter_table(table, recreate="auto") as batch:
            batch.add_column(sa.Column("epoch", big_int, server_default="0", nullable=False))
            _key_by(batch, table, (*key, "epoch"))
    op.create_table(
        "ledger_epochs",
        sa.Column("migration", sa.String(32), nullable=False),
        sa.Column("epoch", big_int, nullable=False),
        sa.Column("begun", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resumed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("migration", "epoch", name="pk_ledger_epochs"),
    )


def downgrade() -> None:
    op.drop_table("ledger_epochs")
    for table, key in KEYS.items():
        op.execute(sa.text(f"DELETE FROM {table} WHERE epoch <> 0"))  # noqa: S608 - it is written above
        with op.batch_alter_table(table, recreate="auto") as batch:
            _key_by(batch, table, key)
            batch.drop_column("epoch")


def _key_by(batch: BatchOperations, table: str, columns: Sequence[str]) -> None:
    batch.drop_constraint(f"pk_{table}", type_="primary")
    batch.create_primary_key(f"pk_{table}", list(columns))
