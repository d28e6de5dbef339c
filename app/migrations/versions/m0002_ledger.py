"""The ledger of what the shadows found."""

import sqlalchemy as sa
from alembic import op

revision = "m0002"
down_revision = "m0001"

big_int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "ledger_writers",
        sa.Column("writer", sa.String(200), nullable=False),
        sa.Column("batch", big_int, nullable=False),
        sa.Column("seen_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("writer", name="pk_ledger_writers"),
    )
    op.create_table(
        "ledger_counters",
        sa.Column("caller", sa.String(100), nullable=False),
        sa.Column("side", sa.String(32), nullable=False),
        sa.Column("comparison", sa.String(16), nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        sa.Column("count", big_int, nullable=False),
        sa.PrimaryKeyConstraint("caller", "side", "comparison", "what", name="pk_ledger_counters"),
    )
    _group_table(
        "ledger_groups",
        sa.Column("count", big_int, nullable=False),
        sa.Column("first_seen", instant, nullable=False),
        sa.Column("last_seen", instant, nullable=False),
        sa.Column("differences", sa.JSON(), nullable=False),
    )
    _group_table(
        "ledger_callers",
        sa.Column("caller", sa.String(100), nullable=False),
        sa.Column("count", big_int, nullable=False),
        key="caller",
    )
    _group_table(
        "ledger_samples",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        key="number",
    )


def downgrade() -> None:
    for table in ("samples", "callers", "groups", "counters", "writers"):
        op.drop_table(f"ledger_{table}")


def _group_table(name: str, *columns: sa.Column, key: str | None = None) -> None:
    """Make a table that is keyed by the group, and perhaps by one column more."""
    keys = ["comparison", "fingerprint", "known", *([key] if key else [])]
    op.create_table(
        name,
        sa.Column("comparison", sa.String(16), nullable=False),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("known", sa.String(64), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint(*keys, name=f"pk_{name}"),
    )
