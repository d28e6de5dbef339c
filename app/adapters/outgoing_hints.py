"""Users whose hint waits to be published: each once, and not without end."""

import threading
from itertools import islice

LIMIT = 50_000


class OutgoingHints:
    """A bounded set in the order of arrival. Safe to call from any thread; nothing blocks."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: dict[int, None] = {}
        self.dropped = 0
        """Hints that found the set full; the sweep makes up for them."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, user_id: int) -> None:
        """Add a user; one that waits already waits once."""
        with self._lock:
            if user_id in self._waiting or len(self._waiting) < self._limit:
                self._waiting[user_id] = None
            else:
                self.dropped += 1

    def take(self, most: int) -> list[int]:
        """Take out those who have waited longest."""
        with self._lock:
            users = list(islice(self._waiting, most))
            for user_id in users:
                del self._waiting[user_id]
        return users

    def put_back(self, users: list[int]) -> None:
        """Add users again that could not be published."""
        for user_id in users:
            self.add(user_id)
