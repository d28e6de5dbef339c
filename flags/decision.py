"""A decision is data: its value, why it fell that way, who says so, and on which state."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class FlagPair:
    """The two flags of one migration: whom the canonical serves, and whose calls are compared.

    They bucket users apart, each within its own name, so that one says nothing of the other.
    """

    migration: str

    @property
    def canonical(self) -> str:
        """The flag that says whom the canonical serves."""
        return f"{self.migration}-canonical"

    @property
    def shadow(self) -> str:
        """The flag that says whose calls are compared."""
        return f"{self.migration}-shadow"


BALANCE_NOTIFICATIONS = FlagPair("balance-notifications")
FARMING_INCOME = FlagPair("farming-income")
MIGRATIONS = (BALANCE_NOTIFICATIONS, FARMING_INCOME)
CANONICAL_FLAG, SHADOW_FLAG = BALANCE_NOTIFICATIONS.canonical, BALANCE_NOTIFICATIONS.shadow
FLAG_NAMES = tuple(flag for pair in MIGRATIONS for flag in (pair.canonical, pair.shadow))


class Reason(StrEnum):
    """Why a decision has the value it has."""

    ROLLOUT = "rollout"
    """The user's bucket is within the percentage."""
    COHORT = "cohort"
    """The user is named in a user-id constraint."""
    NOT_REACHED = "not_reached"
    """The user's bucket is above the percentage."""
    OFF = "off"
    """The flag is switched off."""
    MISSING = "missing"
    """The state holds no such flag: never made, or archived."""
    NOT_LOADED = "not_loaded"
    """No state was ever loaded: legacy serves."""
    ERROR = "error"
    """The engine could not answer: legacy serves."""


@dataclass(frozen=True, slots=True)
class FlagContext:
    """What a flag is asked about: a normalised user id (1 to 2**53 - 1)."""

    user_id: int


class Freshness:
    """When a flag state was last found to be what its source holds.

    Shared by the state and all decisions that were made on it, so that a remembered decision
    knows how old it is.
    """

    __slots__ = ("_at", "_monotonic")

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._at: float | None = None

    def confirm(self, *, age_s: float = 0.0) -> None:
        """Note that the source held this state `age_s` seconds ago."""
        self._at = self._monotonic() - age_s

    @property
    def age_s(self) -> float | None:
        """Seconds since then, None if it never was."""
        return None if self._at is None else max(0.0, self._monotonic() - self._at)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of one flag for one context.

    `bucket` is 1..100, None when no bucket was looked at. `flag_version` is the
    revision of the flag state that answered, `source` the provider's name, `stale`
    whether the provider has since failed to load a newer state. `seen` knows the age of
    that state.
    """

    value: bool
    reason: Reason
    source: str
    bucket: int | None
    flag_version: int
    stale: bool = False
    seen: Freshness = field(default_factory=Freshness, compare=False, repr=False)
