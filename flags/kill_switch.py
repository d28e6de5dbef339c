"""The kill switch: everybody to legacy at once, and so it stays until a person resumes."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from flags.latch import NEVER_ENGAGED, Latch, LatchStore, LatchStoreError

_log = structlog.get_logger(__name__)


class KillSwitch:
    """One latch over any number of stores.

    The highest epoch that can be read anywhere wins, at equal epochs the engaged one, and
    it is copied to the stores that lack it. Nothing but `release` lets go of it: not an
    empty store, not one that cannot be read. When something cannot be read and nothing was
    ever known, it is engaged.

    `latch` is an attribute, so that asking costs nothing; `poll` renews it. `problems` are
    the stores that failed at the last look. `placed_at` is the unix time in seconds at
    which others could first see what this process last engaged or released.
    """

    def __init__(
        self, stores: Sequence[LatchStore], *, utc_now: Callable[[], datetime] | None = None
    ) -> None:
        self._stores = tuple(stores)
        self._utc_now = utc_now or _utc_now
        self._lock = threading.Lock()
        self._known: Latch | None = None
        self.problems: tuple[str, ...] = ()
        self.placed_at = 0.0
        self.latch = _held("the kill switch was not read yet", self._utc_now())

    def poll(self) -> bool:
        """Read every store once. Return whether `latch` changed. Never raises."""
        with self._lock:
            before = self.latch
            self._look()
            if self.latch == before:
                return False
            _log.info("latch_changed", **_described(self.latch))
            return True

    def engage(self, *, who: str, why: str) -> Latch:
        """Send everybody to legacy, under a new epoch, and return the latch.

        This process follows at once, even when no store can be written; then
        `LatchStoreError` is raised, since other processes cannot know.
        """
        with self._lock:
            self._look()
            self._adopt(self._next(True, who, why))
            self._place(self.latch)
            while not self.latch.engaged:  # somebody released in between: this came later
                self._place(self._next(True, who, why))
            return self.latch

    def release(self, *, who: str, why: str) -> Latch:
        """Let the flags decide again, under a new epoch, and return the latch that holds.

        That is an engaged one when somebody engaged at the same time: look at it. Raises
        `LatchStoreError`, with nothing changed, when no store can be written.
        """
        with self._lock:
            self._look()
            self._place(self._next(False, who, why))
            return self.latch

    def _look(self) -> None:
        """Follow the highest latch of all stores, and copy it to those that lack it."""
        readings: list[tuple[LatchStore, Latch | None]] = []
        problems: list[str] = []
        for store in self._stores:
            try:
                readings.append((store, store.read()))
            except LatchStoreError as error:
                problems.append(str(error))
        for _, reading in readings:
            if reading is not None:
                self._adopt(reading)
        if self._known is None:
            self._know_nothing(problems)
        else:
            problems += _copied(self._known, readings)
        self._report(problems)

    def _know_nothing(self, problems: Sequence[str]) -> None:
        """Follow the stores' silence: never engaged if they are empty, held if they failed."""
        if not problems:
            self.latch = NEVER_ENGAGED
            return
        held = _held("; ".join(problems), self._utc_now())
        if replace(held, when=self.latch.when) != self.latch:
            self.latch = held

    def _adopt(self, latch: Latch) -> None:
        """Follow `latch` if it outranks what is known."""
        if latch.outranks(self._known):
            self._known = self.latch = latch

    def _next(self, engaged: bool, who: str, why: str) -> Latch:
        """Return the latch that follows all that is known.

        A store that cannot be read may have held any epoch, and other processes may still
        follow it. The seconds since 1970 are above every epoch that was counted by ones.
        """
        now = self._utc_now()
        epoch = self._known.epoch + 1 if self._known else 1
        return Latch(
            max(epoch, int(now.timestamp())) if self.problems else epoch, engaged, who, now, why
        )

    def _place(self, latch: Latch) -> None:
        """Put `latch` into every store and follow what is kept there. One store is enough."""
        placed = []
        problems = []
        for store in self._stores:
            try:
                placed.append(store.put(latch))
            except LatchStoreError as error:
                problems.append(str(error))
        if not placed:
            raise LatchStoreError("; ".join(problems) or "the kill switch has no store")
        self.placed_at = min(each.at for each in placed)
        for each in placed:
            self._adopt(each.latch)

    def _report(self, problems: Sequence[str]) -> None:
        """Log each problem once for as long as it lasts."""
        for problem in problems:
            if problem not in self.problems:
                _log.error("latch_store_failed", problem=problem, **_described(self.latch))
        self.problems = tuple(problems)


def _copied(latch: Latch, readings: Sequence[tuple[LatchStore, Latch | None]]) -> list[str]:
    """Put `latch` where something lower, or nothing, was read; return what went wrong."""
    problems = []
    for store, reading in readings:
        if latch.outranks(reading):
            try:
                store.put(latch)
            except LatchStoreError as error:
                problems.append(str(error))
    return problems


def _held(why: str, when: datetime) -> Latch:
    """Return the latch of a kill switch that knows nothing: engaged, and saying why."""
    return Latch(0, True, "kill switch", when, f"held on legacy: {why}")


def _described(latch: Latch) -> dict[str, object]:
    """Return a latch for the log."""
    return {"epoch": latch.epoch, "engaged": latch.engaged, "who": latch.who, "why": latch.why}


def _utc_now() -> datetime:
    return datetime.now(UTC)
