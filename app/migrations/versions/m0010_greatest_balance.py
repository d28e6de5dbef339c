"""A balance is at most 2^33, which a browser's number still holds to six decimals."""

import sqlalchemy as sa
from alembic import op

from app.errors import DatabaseUnavailable

revision = "m0010"
down_revision = "m0009"

BEFORE = 9_000_000_000
NOW = 8_589_934_592
COLUMNS = ("uni", "ton")


def upgrade() -> None:
    _refuse_greater()
    _bound(NOW)


def downgrade() -> None:
    _bound(BEFORE)


def _unit() -> int:
    return 1_000_000 if op.get_context().dialect.name == "sqlite" else 1


def _refuse_greater() -> None:
    balances = sa.table("balances", *(sa.column(name) for name in ("user_id", *COLUMNS)))
    greater = sa.or_(*(balances.c[name] > NOW * _unit() for name in COLUMNS))
    users = op.get_bind().scalars(sa.select(balances.c.user_id).where(greater).limit(5)).all()
    if users:
        raise DatabaseUnavailable(
            f"user {', '.join(map(str, users))} has more than {NOW}, the greatest balance from "
            "this version on: book what is above it elsewhere with the version before, then "
            "start this one"
        )


def _bound(most: int) -> None:
    with op.batch_alter_table("balances") as batch:
        for name in COLUMNS:
            constraint = op.f(f"ck_balances_{name}_within_bounds")
            batch.drop_constraint(constraint, type_="check")
            batch.create_check_constraint(constraint, f"{name} BETWEEN 0 AND {most * _unit()}")
