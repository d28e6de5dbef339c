"""The bounded hand-over from callers' threads to the shadow thread."""

from collections import deque
from collections.abc import Callable

from shim.shadow.callers import module_of
from shim.shadow.events import Event, LiveCall, Note
from shim.shadow.period import Period, period_of

Lost = tuple[int, str, Period]
"""Whose call found the queue full: subject, serving side, and in which period."""
DroppedCalls = tuple[str, str, Period]
"""The same by the calling module in the place of the subject."""


def _read(event: Event | Note) -> Event:
    return LiveCall.of(event) if isinstance(event, list) else event


def _recall_nothing(_: LiveCall) -> None:
    """Leave a call as it is."""


class EventQueue:
    """Appends never block and never wake a thread: waking alone costs 8 us; readers poll.

    What finds the queue full is dropped and counted, and its subject is remembered, so
    that no episode with a hole in it is ever compared.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.waiting: deque[Event | Note] = deque()
        """What was handed over, oldest first; whoever appends looks at `limit` before."""
        self._holed: set[int] = set()
        self.dropped = 0
        """Events that found the queue full."""
        self.dropped_calls: dict[DroppedCalls, int] = {}
        """The calls among them."""
        self._lost: dict[Lost, int] = {}
        self.recall: Callable[[LiveCall], None] = _recall_nothing
        """Puts into a call that is taken what its shadow must see as it was."""
        self.taken = 0
        """Events that a reader took."""

    def __len__(self) -> int:
        return len(self.waiting)

    def offer(self, event: Event) -> None:
        """Hand over one event, or drop it and count it."""
        if len(self.waiting) < self.limit:
            self.waiting.append(event)
        else:
            self.drop(event)

    def drop(self, event: Event) -> None:
        """Count an event that found the queue full."""
        # Atomic enough: CPython switches threads at calls and backward jumps only.
        self.dropped += 1
        self._holed.add(event.subject)
        if isinstance(event, LiveCall):
            period = period_of(event.decision)
            who = module_of(event.caller), event.serving, period
            self.dropped_calls[who] = self.dropped_calls.get(who, 0) + 1
            whose = event.subject, event.serving, period
            self._lost[whose] = self._lost.get(whose, 0) + 1

    def take(self, most: int) -> list[Event]:
        """Return up to `most` events, oldest first."""
        events = self.waiting
        taken = [_read(events.popleft()) for _ in range(min(most, len(events)))]
        self.taken += len(taken)
        for event in taken:
            if isinstance(event, LiveCall):
                self.recall(event)
        return taken

    def take_lost(self) -> dict[Lost, int]:
        """Return the calls that were dropped since the last time."""
        lost, self._lost = self._lost, {}
        return lost

    def take_holed(self) -> set[int]:
        """Return the subjects of which an event was dropped since the last time."""
        holed = set()
        while self._holed:
            holed.add(self._holed.pop())
        return holed
