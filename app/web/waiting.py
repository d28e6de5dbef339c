"""Connections that wait for the same thing, and for how long each may."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Waiter = TypeVar("Waiter", bound=Hashable)


class Waiting(Generic[Waiter]):
    """Those who wait, each for at most `patience_s`; who has waited longest comes first."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since: dict[Waiter, float] = {}

    def __len__(self) -> int:
        return len(self._since)

    def add(self, waiter: Waiter, now: float) -> None:
        """Let it wait from now on; one that waits already begins anew."""
        self._since.pop(waiter, None)
        self._since[waiter] = now

    def discard(self, waiter: Waiter) -> None:
        """Let it wait no longer."""
        self._since.pop(waiter, None)

    def first(self) -> Waiter | None:
        """Return who has waited longest."""
        return next(iter(self._since), None)

    def overdue(self, now: float, most_s: float | None = None) -> list[Waiter]:
        """Return who has waited for too long: as set, or for `most_s` if that is less."""
        patience_s = self._patience_s if most_s is None else min(self._patience_s, most_s)
        found = []
        for waiter, since in self._since.items():
            if now - since < patience_s:
                break
            found.append(waiter)
        return found
