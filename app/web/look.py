"""What the look page shows: the stage, and each user's balance, bucket and server."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.parts import Parts
from app.web.readings import (
    Account,
    Movement,
    first_accounts,
    movements_since,
    users_with_a_boost,
)
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.definition import FlagDefinition
from flags.kill_switch import Latch
from flags.stage import is_verified

MOST_USERS = 12
HISTORY = timedelta(seconds=75)
"""A little more than the minute that the page draws."""


@dataclass(frozen=True, slots=True)
class LookUser:
    """One user; `steps` are (unix milliseconds, UNI balance) of the last minute, oldest first.

    `bucket` is 1..100, None while there is no flag to be bucketed for.
    """

    id: int
    uni: Decimal
    ton: Decimal
    version: int
    side: str
    reason: str
    bucket: int | None
    has_boost: bool
    steps: tuple[tuple[int, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Look:
    """The whole page at `now`, in unix milliseconds; percentages are 0..100."""

    now: int
    stage: str
    verified: bool
    canonical_percent: int
    shadow_percent: int
    latch: Latch
    users: tuple[LookUser, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the same as JSON's types; amounts are text, so that they stay exact."""
        return _json(asdict(self))


def look_at(parts: Parts, *, now: datetime) -> Look:
    """Read everything that the look page shows. Raises `DatabaseUnavailable`."""
    state = parts.provider.state
    canonical, shadow = state.definition(CANONICAL_FLAG), state.definition(SHADOW_FLAG)
    stage = parts.stage()
    users = _users(parts, canonical, now)
    return Look(
        now=_milliseconds(now),
        stage=stage,
        verified=is_verified(stage, shadow),
        canonical_percent=_percent(canonical),
        shadow_percent=_percent(shadow),
        latch=parts.kill_switch.latch,
        users=tuple(sorted(users, key=lambda user: (user.bucket or 0, user.id))),
    )


def _users(parts: Parts, canonical: FlagDefinition | None, now: datetime) -> list[LookUser]:
    with parts.database.reading() as session:
        accounts = first_accounts(session, MOST_USERS)
        ids = [account.id for account in accounts]
        movements = movements_since(session, ids, now - HISTORY)
        boosted = users_with_a_boost(session, ids)
    return [
        _user(account, movements[account.id], parts.describe_user(account.id), canonical, boosted)
        for account in accounts
    ]


def _user(
    account: Account,
    movements: list[Movement],
    described: Mapping[str, Any],
    canonical: FlagDefinition | None,
    boosted: set[int],
) -> LookUser:
    return LookUser(
        id=account.id,
        uni=account.uni,
        ton=account.ton,
        version=account.version,
        side=described["side"],
        reason=described["reason"],
        bucket=None if canonical is None else canonical.bucket(account.id),
        has_boost=account.id in boosted,
        steps=tuple((_milliseconds(each.at), each.uni_after) for each in movements),
    )


def _percent(definition: FlagDefinition | None) -> int:
    """Return the percentage that is reached, 0 for a flag that is off or missing."""
    return definition.percentage if definition is not None and definition.enabled else 0


def _milliseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:.6f}"
    return value.isoformat() if isinstance(value, datetime) else value
