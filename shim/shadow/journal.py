"""What was replaced lately, so that it can be said later what held at the time of a call.

A snapshot that is taken by the caller costs it lookups in memory that nobody touched for a while,
a hundred times a lookup's usual time. So a call only notes how many changes there had been, and
whoever makes a change, which is seldom, notes what it replaces.
"""

import threading
from bisect import bisect_left
from collections.abc import Hashable
from operator import itemgetter
from typing import Any

MOST = 5_000
"""Changes after which older ones begin to be forgotten; twice as many are known at most.

Calls are taken up within milliseconds, and given up after a second.
"""

_Generation = dict[Hashable, list[tuple[int, Any]]]


class ForgottenError(LookupError):
    """What held then is not known any more: too much changed since."""


class Journal:
    """Values by key, each with the number of the change that replaced it."""

    def __init__(self, *, most: int = MOST) -> None:
        self.changes = 0
        """How many changes there were; costs one look."""
        self._most = most
        self._lock = threading.Lock()
        # Replaced whole, so that who reads sees both generations as they belong together.
        self._known: tuple[int, _Generation, _Generation] = (0, {}, {})
        self._begun = 0

    def replace(self, key: Hashable, value: object) -> None:
        """Note what a key is about to lose. Whoever changes it does so afterwards."""
        with self._lock:
            _, before, recent = self._known
            if self.changes - self._begun >= self._most:
                before, recent = recent, {}
                self._known, self._begun = (self._begun, before, recent), self.changes
            recent.setdefault(key, []).append((self.changes, value))
            self.changes += 1

    def as_of(self, changes: int, key: Hashable, now: Any) -> Any:
        """Return what a key had after so many changes; `now` is what was found just before.

        Raises ForgottenError.
        """
        known_from, *generations = self._known
        if changes < known_from:
            raise ForgottenError(f"{self.changes - changes} changes ago: {key!r} was forgotten")
        for generation in generations:
            replaced = generation.get(key, [])
            at = bisect_left(replaced, changes, key=itemgetter(0))
            if at < len(replaced):
                return replaced[at][1]
        return now
