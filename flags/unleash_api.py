"""What operators need of Unleash's admin API, for whoever speaks HTTP with it."""

from dataclasses import dataclass
from typing import Any, Protocol


class UnleashError(Exception):
    """Unleash did not do what it was asked to: the message says why and what to do."""


class UnleashRefusedError(UnleashError):
    """It was not done: Unleash said so, or was never reached. `status` is HTTP's, 0 if none."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class UnleashUnknownError(UnleashError):
    """Whether it was done is not known, and it may still be: no answer came."""


@dataclass(frozen=True, slots=True)
class FlagThere:
    """A flag of one environment as Unleash keeps it."""

    enabled: bool
    strategies: tuple[dict[str, Any], ...]


class UnleashApi(Protocol):
    """Reads and changes flags in one project and environment. Raises `UnleashError`."""

    def flag(self, name: str) -> FlagThere | None:
        """Return a flag, None if there is none, or it is archived."""

    def add_flag(self, name: str, *, description: str) -> None:
        """Make a flag that is off and has no strategy."""

    def add_strategy(self, flag: str, strategy: dict[str, Any]) -> None:
        """Add a strategy."""

    def replace_strategy(self, flag: str, identity: str, strategy: dict[str, Any]) -> None:
        """Replace a strategy."""

    def remove_strategy(self, flag: str, identity: str) -> None:
        """Remove a strategy; one that is gone is removed."""

    def switch(self, flag: str, *, on: bool) -> None:
        """Switch a flag on or off."""

    def newest_event(self, flag: str) -> int:
        """Return the number of the newest event of a flag, which is a revision."""
