"""What pages showed whose socket ended: the same page is back in seconds, on another socket.

A page does not say what it shows, so a new socket of the same user takes the place of one that
ended. A page that was opened anew meanwhile cannot be told from it: it may be told of a change
that it has read already, which is a real one, and the newest.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

BACK_WITHIN_S = 300.0
"""A page comes back 5 s after its socket has ended, and tries again for as long as it must."""
MOST_USERS = 20_000
"""Users who are remembered: as many as a worker has sockets at most, by default."""
MOST_PAGES = 16
"""Pages of one user."""


class Departed:
    """`Departures` of this process alone. Safe to call from any thread."""

    def __init__(self, *, monotonic: Callable[[], float], most: int = MOST_USERS) -> None:
        self._monotonic = monotonic
        self._most = most
        self._lock = threading.Lock()
        self._pages: OrderedDict[int, list[tuple[float, int]]] = OrderedDict()

    def add(self, user_id: int, version: int) -> None:
        """Remember what a page showed when its socket ended."""
        with self._lock:
            pages = self._pages.setdefault(user_id, [])
            self._pages.move_to_end(user_id)
            pages.append((self._monotonic() + BACK_WITHIN_S, version))
            del pages[:-MOST_PAGES]
            self._forget_oldest()

    def take(self, users: Mapping[int, int]) -> dict[int, list[int]]:
        """Return what pages of these users showed that may be back now."""
        now = self._monotonic()
        back = {}
        with self._lock:
            for user_id, most in users.items():
                pages = [page for page in self._pages.pop(user_id, ()) if page[0] > now]
                pages.sort(key=lambda page: page[1])
                if pages[most:]:
                    self._pages[user_id] = pages[most:]
                if pages[:most]:
                    back[user_id] = [version for _, version in pages[:most]]
        return back

    def _forget_oldest(self) -> None:
        now = self._monotonic()
        while self._pages:
            user_id = next(iter(self._pages))
            if len(self._pages) <= self._most and self._pages[user_id][-1][0] > now:
                return
            del self._pages[user_id]
