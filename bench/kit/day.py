"""The time of day of a trial: shortly before midnight, so that the traffic crosses it."""

import sys
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

BEFORE_MIDNIGHT_S = 4.0
_OURS = ("app.", "shim.", "flags.")


class _Kind(type):
    """Takes every datetime for an instance: what `now` returns is an ordinary one."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


class _Shifted(datetime, metaclass=_Kind):
    """Stands in for the class `datetime` in the modules of the application."""

    offset = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """Return the time of day that it is taken to be."""
        return datetime.now(tz) + cls.offset


def set_before_midnight() -> None:
    """Let it be a few seconds before midnight, UTC, for all modules that are loaded."""
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    set_by((midnight - now).total_seconds() - BEFORE_MIDNIGHT_S)


def set_by(seconds: float) -> None:
    """Let it be so many seconds later than it is, for all modules that are loaded."""
    _Shifted.offset = timedelta(seconds=seconds)
    _replace(datetime, _Shifted)


def offset_s() -> float:
    """Return how many seconds later it is taken to be."""
    return _Shifted.offset.total_seconds()


def set_back() -> None:
    """Let it be what time it is."""
    _Shifted.offset = timedelta(0)
    _replace(_Shifted, datetime)


def _replace(one: type, other: type) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith(_OURS) and vars(module).get("datetime") is one:
            module.datetime = other  # type: ignore[attr-defined]


def unix() -> float:
    """Return the time of day that it is taken to be, in unix seconds."""
    return time.time() + _Shifted.offset.total_seconds()
