"""What the guard leaves to the worker that runs it next."""

import sqlalchemy as sa
from alembic import op

revision = "m0007"
down_revision = "m0006"

big_int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "guard",
        sa.Column("migration", sa.String(32), nullable=False),
        sa.Column("version", big_int, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("migration", name="pk_guard"),
    )


def downgrade() -> None:
    op.drop_table("guard")
