"""What pages showed whose socket ended, until they are back."""

import sqlalchemy as sa
from alembic import op

revision = "m0011"
down_revision = "m0010"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "departed_pages",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("user_id", BIG, nullable=False),
        sa.Column("version", BIG, nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_departed_pages"),
    )
    op.create_index("ix_departed_pages_user_id", "departed_pages", ["user_id"])
    op.create_index("ix_departed_pages_left_at", "departed_pages", ["left_at"])


def downgrade() -> None:
    op.drop_table("departed_pages")
