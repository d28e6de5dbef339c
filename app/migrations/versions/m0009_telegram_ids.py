"""Which Telegram account a user is."""

import sqlalchemy as sa
from alembic import op

revision = "m0009"
down_revision = "m0008"

big_int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("users", sa.Column("telegram_id", big_int, nullable=True))
    op.create_index("ix_users_telegram_id", "users", ["telegram_id"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_users_telegram_id", "users")
    op.drop_column("users", "telegram_id")
