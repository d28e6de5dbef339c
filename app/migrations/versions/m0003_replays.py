"""Divergences that can be run again, and what one worker does for all."""

import sqlalchemy as sa
from alembic import op

revision = "m0003"
down_revision = "m0002"

instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "shadow_replays",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("share", sa.String(8), nullable=False),
        sa.Column("draw", sa.Double(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shadow_replays"),
    )
    op.create_index("ix_shadow_replays_fingerprint", "shadow_replays", ["fingerprint"])
    op.create_index("ix_shadow_replays_at", "shadow_replays", ["at"])
    op.create_table(
        "shadow_chores",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("taken_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_shadow_chores"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Real user ids are in it: whoever else may read it is named by its owner.
        op.execute("REVOKE ALL ON shadow_replays FROM PUBLIC")


def downgrade() -> None:
    op.drop_table("shadow_chores")
    op.drop_table("shadow_replays")
