"""What all shadows share: a side built a second time, on a virtual clock and with doubles.

A shadow lives as long as its thread and serves the episodes of all users, as the live one
does: a fault that needs two users, or a second call, must be able to show.
"""

import itertools
from collections.abc import Iterable
from contextvars import Context, copy_context
from datetime import datetime

from structlog.contextvars import bind_contextvars

from shim.balance.doubles import ConnectionDouble
from shim.book import ConnectionState
from shim.shadow.clock import VirtualClock
from shim.shadow.effects import Effect
from shim.sides import Side

_NUMBERS = itertools.count(1)
"""Of the doubles of a process: a connection's id is unique in it, as the port promises."""


class Shadow:
    """What all shadows share: a clock, and doubles and effects by user."""

    def __init__(self, name: Side, *, start: float) -> None:
        self.name: str = name
        self._clock = VirtualClock(start=start)
        self._doubles: dict[int, list[ConnectionDouble]] = {}
        self._effects: dict[int, list[Effect]] = {}

    @property
    def moment(self) -> float:
        """What the shadow's clock shows, in seconds."""
        return self._clock.monotonic()

    def advance_to(self, moment: float) -> None:
        """Let the timers fire up to `moment`."""
        self._clock.advance_to(moment)

    def utc_at(self, moment: float) -> datetime:
        """Return the time of day that the shadow's clock had at a moment."""
        return self._clock.utc_at(moment)

    def doubles(self, subject: int) -> list[ConnectionDouble]:
        """Return the doubles of a user whose episode is open."""
        return self._doubles.get(subject, [])

    def _double(
        self, subject: int, recipient: str, *, is_open: bool = True, failed: bool = False
    ) -> ConnectionDouble:
        """Return a double whose frames are noted under `recipient`; its id is its own."""

        def record(payload: object) -> None:
            # Looked up each time: what is sent to a double that was taken away, to a
            # connection that is gone, must show in the user's next episode.
            effects = self._effects.setdefault(subject, [])
            effects.append(Effect("send", self.name, recipient, payload, self._clock.monotonic()))

        double = ConnectionDouble(
            connection_id=f"double-{next(_NUMBERS)}",
            is_open=is_open,
            failed=failed,
            record=record,
            stands_for=recipient,
        )
        self._doubles.setdefault(subject, []).append(double)
        return double

    def _double_of(self, subject: int, state: ConnectionState) -> ConnectionDouble:
        return self._double(subject, state.id, is_open=state.is_open, failed=state.failed)

    def _forget(self, subject: int) -> tuple[list[ConnectionDouble], list[Effect]]:
        return self._doubles.pop(subject, []), self._effects.pop(subject, [])


def said_by_shadow() -> Context:
    """Return a context whose log lines are marked, so that they are dropped: nothing happened.

    Enter it again each time: to bind the mark anew would take 6 us of the shadows' share.
    """
    context = copy_context()
    context.run(bind_contextvars, said_by_shadow=True)
    return context


def each_once(states: Iterable[ConnectionState]) -> list[ConnectionState]:
    """Return each connection once, however many paths it is registered with."""
    return list({state.id: state for state in states}.values())
