"""The tables: users, balances, every transaction, what earns income, the ledger, the targets."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    Integer,
    String,
    Text,
    UniqueConstraint,
    column,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, BigInt, UtcDateTime
from app.money import MAX_BALANCE, Currency, Money
from flags.decision import BALANCE_NOTIFICATIONS

MAX_USER_ID = 2**53 - 1
"""The largest whole number that a browser holds exactly."""
SOURCE_LENGTH = 64
KEY_LENGTH = 200
CALLER_LENGTH = 100
MIGRATION_LENGTH = 32


class User(Base):
    """Somebody who uses the mini app. `telegram_id` is who they are to Telegram, if that is known.

    The two are numbers of different kinds: that one of them equals another user's other one
    means nothing.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    telegram_id: Mapped[int | None] = mapped_column(BigInt, unique=True, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


def _within_bounds(name: str) -> CheckConstraint:
    return CheckConstraint(
        column(name, Money()).between(Decimal(0), MAX_BALANCE), name=f"{name}_within_bounds"
    )


class Balance(Base):
    """What a user has now; `version` grows by one with each transaction."""

    __tablename__ = "balances"
    __table_args__ = (_within_bounds("uni"), _within_bounds("ton"))

    user_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey(User.id), primary_key=True, autoincrement=False
    )
    uni: Mapped[Decimal] = mapped_column(Money)
    ton: Mapped[Decimal] = mapped_column(Money)
    version: Mapped[int] = mapped_column(BigInt, server_default="0")


class Transaction(Base):
    """One change of a balance: the version that it produced and both balances after it."""

    __tablename__ = "transactions"
    __table_args__ = (
        UniqueConstraint("user_id", "version"),
        CheckConstraint(column("currency").in_([*Currency]), name="currency_known"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInt, ForeignKey(User.id))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[Decimal] = mapped_column(Money)
    source: Mapped[str] = mapped_column(String(SOURCE_LENGTH))
    idempotency_key: Mapped[str] = mapped_column(String(KEY_LENGTH), unique=True)
    version: Mapped[int] = mapped_column(BigInt)
    uni_after: Mapped[Decimal] = mapped_column(Money)
    ton_after: Mapped[Decimal] = mapped_column(Money)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FarmingDeposit(Base):
    """UNI that a user farms with; `daily_rate` is the fraction of `amount` earned in a day.

    `paid_until` is the time of the last tick that was paid, written with its booking; None
    before the first.
    """

    __tablename__ = "farming_deposits"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInt, ForeignKey(User.id), index=True)
    amount: Mapped[Decimal] = mapped_column(Money)
    daily_rate: Mapped[Decimal] = mapped_column(Money)
    paid_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TonBoost(Base):
    """TON that a user put into a boost; `daily_rate` is the fraction of `amount` in a day."""

    __tablename__ = "ton_boosts"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInt, ForeignKey(User.id), index=True)
    amount: Mapped[Decimal] = mapped_column(Money)
    daily_rate: Mapped[Decimal] = mapped_column(Money)


class OfMigration:
    """A row of the ledger of one migration; rows of the first one may not say so."""

    migration: Mapped[str] = mapped_column(
        String(MIGRATION_LENGTH), primary_key=True, server_default=BALANCE_NOTIFICATIONS.migration
    )


class OfEpoch(OfMigration):
    """The same of one epoch of the kill switch; what was counted before there was the column: 0."""

    epoch: Mapped[int] = mapped_column(
        BigInt, primary_key=True, autoincrement=False, server_default="0"
    )


class LedgerEpoch(Base):
    """When an epoch began in which something was counted, and whether it began with a resume."""

    __tablename__ = "ledger_epochs"

    migration: Mapped[str] = mapped_column(String(MIGRATION_LENGTH), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    begun: Mapped[datetime] = mapped_column(UtcDateTime)
    resumed: Mapped[bool] = mapped_column(Boolean)


class LedgerWriter(Base):
    """A process that hands in what its shadows found, and the newest batch that was added."""

    __tablename__ = "ledger_writers"

    writer: Mapped[str] = mapped_column(String(200), primary_key=True)
    batch: Mapped[int] = mapped_column(BigInt)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LedgerCounter(OfEpoch, Base):
    """How often something happened to the calls of one caller, served by one side."""

    __tablename__ = "ledger_counters"

    caller: Mapped[str] = mapped_column(String(CALLER_LENGTH), primary_key=True)
    side: Mapped[str] = mapped_column(String(32), primary_key=True)
    comparison: Mapped[str] = mapped_column(String(16), primary_key=True)
    what: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(BigInt)


class LedgerGroup(OfEpoch, Base):
    """Divergences with one fingerprint; `known` is empty unless they are known."""

    __tablename__ = "ledger_groups"

    comparison: Mapped[str] = mapped_column(String(16), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(32), primary_key=True)
    known: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(BigInt)
    first_seen: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen: Mapped[datetime] = mapped_column(UtcDateTime)
    differences: Mapped[list[str]] = mapped_column(JSON)


class LedgerCaller(OfEpoch, Base):
    """How many of a group's divergences a caller took part in."""

    __tablename__ = "ledger_callers"

    comparison: Mapped[str] = mapped_column(String(16), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(32), primary_key=True)
    known: Mapped[str] = mapped_column(String(64), primary_key=True)
    caller: Mapped[str] = mapped_column(String(CALLER_LENGTH), primary_key=True)
    count: Mapped[int] = mapped_column(BigInt)


class LedgerSample(OfEpoch, Base):
    """One of a group's first divergences, redacted, as JSON."""

    __tablename__ = "ledger_samples"

    comparison: Mapped[str] = mapped_column(String(16), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(32), primary_key=True)
    known: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)


class FlagTarget(Base):
    """What one flag is meant to be: see `flags.targets`."""

    __tablename__ = "flag_targets"

    flag: Mapped[str] = mapped_column(String(100), primary_key=True)
    standing: Mapped[dict[str, Any]] = mapped_column(JSON)


class ShadowReplay(Base):
    """A divergence with all its inputs, real user ids among them: see the README on access."""

    __tablename__ = "shadow_replays"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(32), index=True)
    share: Mapped[str] = mapped_column(String(8))
    draw: Mapped[float] = mapped_column(Double)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    text: Mapped[str] = mapped_column(Text)


class ShadowChore(Base):
    """What one worker does for all, and when it was taken on last."""

    __tablename__ = "shadow_chores"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)


class KeptLatch(Base):
    """The latch of the kill switch: `text` is what its file would hold."""

    __tablename__ = "latch"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInt)
    engaged: Mapped[bool] = mapped_column(Boolean)
    text: Mapped[str] = mapped_column(Text)


class KnownWorker(Base):
    """What a worker last said of itself, and when by the clock of the database."""

    __tablename__ = "workers"

    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    pid: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    record: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GuardRow(Base):
    """How far the guard of one migration is: see `shim.guard.record`."""

    __tablename__ = "guard"

    migration: Mapped[str] = mapped_column(String(MIGRATION_LENGTH), primary_key=True)
    version: Mapped[int] = mapped_column(BigInt)
    text: Mapped[str] = mapped_column(Text)
    judged_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DepartedPage(Base):
    """A page whose socket ended: what it showed then, until it is back."""

    __tablename__ = "departed_pages"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(BigInt, index=True)
    version: Mapped[int] = mapped_column(BigInt)
    left_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class HeldLease(Base):
    """Who may do what only one process does, until when by the clock of the database."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
