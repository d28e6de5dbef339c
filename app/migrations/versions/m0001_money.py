"""Users, balances, transactions, and what earns income."""

import sqlalchemy as sa
from alembic import op

revision = "m0001"
down_revision = None

MAX_BALANCE = 9_000_000_000

big_int = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
money = sa.Numeric(18, 6).with_variant(sa.Integer(), "sqlite")
instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", big_int, autoincrement=False, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
    )
    op.create_table(
        "balances",
        sa.Column("user_id", big_int, autoincrement=False, nullable=False),
        sa.Column("uni", money, nullable=False),
        sa.Column("ton", money, nullable=False),
        sa.Column("version", big_int, server_default="0", nullable=False),
        _within_bounds("uni"),
        _within_bounds("ton"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_balances_user_id"),
        sa.PrimaryKeyConstraint("user_id", name="pk_balances"),
    )
    op.create_table(
        "transactions",
        sa.Column("id", big_int, nullable=False),
        sa.Column("user_id", big_int, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", money, nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(200), nullable=False),
        sa.Column("version", big_int, nullable=False),
        sa.Column("uni_after", money, nullable=False),
        sa.Column("ton_after", money, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.CheckConstraint(
            "currency IN ('UNI', 'TON')", name=op.f("ck_transactions_currency_known")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_transactions_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_transactions"),
        sa.UniqueConstraint("idempotency_key", name="uq_transactions_idempotency_key"),
        sa.UniqueConstraint("user_id", "version", name="uq_transactions_user_id_version"),
    )
    _income_table("farming_deposits")
    _income_table("ton_boosts")


def downgrade() -> None:
    for table in ("ton_boosts", "farming_deposits", "transactions", "balances", "users"):
        op.drop_table(table)


def _within_bounds(column: str) -> sa.CheckConstraint:
    unit = 1_000_000 if op.get_context().dialect.name == "sqlite" else 1
    return sa.CheckConstraint(
        f"{column} BETWEEN 0 AND {MAX_BALANCE * unit}",
        name=op.f(f"ck_balances_{column}_within_bounds"),
    )


def _income_table(name: str) -> None:
    op.create_table(
        name,
        sa.Column("id", big_int, nullable=False),
        sa.Column("user_id", big_int, nullable=False),
        sa.Column("amount", money, nullable=False),
        sa.Column("daily_rate", money, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{name}_user_id"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )
    op.create_index(f"ix_{name}_user_id", name, ["user_id"])
