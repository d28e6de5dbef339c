"""What several hosts share: the kill switch, the workers there are, and leases."""

import sqlalchemy as sa
from alembic import op

revision = "m0006"
down_revision = "m0005"

big_int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "latch",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("epoch", big_int, nullable=False),
        sa.Column("engaged", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_latch"),
    )
    op.create_table(
        "workers",
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", big_int, autoincrement=False, nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("seen_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("host", "pid", name="pk_workers"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def downgrade() -> None:
    for table in ("leases", "workers", "latch"):
        op.drop_table(table)
