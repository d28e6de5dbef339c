"""Messages that wait to be passed on: in order, and not without end."""

import threading
from collections import deque
from dataclasses import dataclass

from app.notifications.passed_on import MOST_BYTES

LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A text for a user, and which one of this worker's it is."""

    number: int
    user_id: int
    text: str


class OutgoingMessages:
    """A bounded queue. Safe to call from any thread; nothing blocks."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: deque[Outgoing] = deque()
        self._number = 0
        self.dropped = 0
        """Messages that were too long, or found the queue full: no sweep makes up for them."""

    def add(self, user_id: int, text: str) -> None:
        """Add a message."""
        fits = len(text.encode("utf-8", "replace")) <= MOST_BYTES
        with self._lock:
            if fits and len(self._waiting) < self._limit:
                self._number += 1
                self._waiting.append(Outgoing(self._number, user_id, text))
            else:
                self.dropped += 1

    def first(self) -> Outgoing | None:
        """Return the one that has waited longest, None if none waits; it goes on waiting."""
        with self._lock:
            return self._waiting[0] if self._waiting else None

    def done(self) -> None:
        """Let go of the one that has waited longest."""
        with self._lock:
            self._waiting.popleft()
