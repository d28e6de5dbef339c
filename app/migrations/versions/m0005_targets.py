"""What the flags of a server are meant to be."""

import sqlalchemy as sa
from alembic import op

revision = "m0005"
down_revision = "m0004"


def upgrade() -> None:
    op.create_table(
        "flag_targets",
        sa.Column("flag", sa.String(100), nullable=False),
        sa.Column("standing", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("flag", name="pk_flag_targets"),
    )


def downgrade() -> None:
    op.drop_table("flag_targets")
