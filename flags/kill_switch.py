"""The kill switch: everybody to legacy at once, and so it stays until a person resumes."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from flags.latch import NEVER_ENGAGED, Latch, LatchStore, LatchStoreError
from flags.latch_watch import Placement, WatchedStore, begin_to_put, put_one

PATIENCE_S = 1.0
"""Seconds that far stores have to take a latch, and for their first reading."""

_log = structlog.get_logger(__name__)


class KillSwitch:
    """One latch over any number of stores.

    The highest epoch that can be read anywhere wins, at equal epochs the engaged one, and
    it is copied to the stores that lack it. Nothing but `release` lets go of it: not an
    empty store, not one that cannot be read. When something cannot be read and nothing was
    ever known, it is engaged.

    `stores` are near: files, read and written on the caller's thread. Nothing waits for a
    far one but the first look, `engage` and `release`, and these not for long.

    `latch` is an attribute, so that asking costs nothing; `poll` renews it. `problems` are
    the stores that failed at the last look. `placed_at` is the unix time in seconds at
    which others could first see what this process last engaged or released, `placements`
    what each store did with it, and `replaced` the latch that held before. `kept` tells
    whether a store had the latch at the last look: what only memory has ends with the process.
    """

    def __init__(
        self,
        stores: Sequence[LatchStore],
        *,
        far: Sequence[WatchedStore] = (),
        utc_now: Callable[[], datetime] | None = None,
    ) -> None:
        self._stores = tuple(stores)
        self._far = tuple(far)
        self._watching = self._far_seen = False
        self._utc_now = utc_now or _utc_now
        self._lock = threading.Lock()
        self._known: Latch | None = None
        self.problems: tuple[str, ...] = ()
        self.placements: tuple[Placement, ...] = ()
        self.placed_at = 0.0
        self.kept = False
        self.latch = self.replaced = _held("the kill switch was not read yet", self._utc_now())

    def attach(self, changed: Callable[[], None]) -> None:
        """Call `changed` when a far store has news, so that nobody waits for the next poll."""
        for store in self._far:
            store.attach(changed)

    @property
    def held(self) -> bool:
        """Whether it is engaged for want of knowledge: nobody asked for that."""
        return self.latch.engaged and self.latch != self._known

    def poll(self) -> bool:
        """Look at every store once. Return whether `latch` changed. Never raises.

        The first look waits for the far stores, at most a second; later ones take what
        their threads have read.
        """
        self._watch()
        with self._lock:
            before = self.latch
            self._look()
            if self.latch == before:
                return False
            _log.info("latch_changed", **_described(self.latch))
            return True

    def stop(self) -> None:
        """End the threads that look at far stores; the next `poll` begins anew."""
        for store in self._far:
            store.ask_to_stop()
        for store in self._far:
            store.stop()
        self._watching = False

    def engage(self, *, who: str, why: str, patience_s: float = PATIENCE_S) -> Latch:
        """Send everybody to legacy, under a new epoch, and return the latch.

        This process follows at once, the near stores are written, and at the same time all far
        ones, which have `patience_s` seconds. `LatchStoreError` is raised when no
        store took it, since other processes cannot know.
        """
        with self._lock:
            self._look()
            self.replaced = self.latch
            latch = self._next(True, who, why)
            self._adopt(latch)
        self._place(latch, near_first=True, patience_s=patience_s)
        while self.latch.outranks(latch):  # somebody changed it in between: this came later
            latch = self._next(True, who, why)
            self._place(latch, near_first=True, patience_s=patience_s)
        return self.latch

    def trip(self, *, at: int, who: str, why: str, patience_s: float = PATIENCE_S) -> Latch | None:
        """Engage, but only if the latch is still open at the epoch `at`; return the new latch.

        None: it was engaged already, somebody resumed since, or another process that did the same
        at this moment was first. Raises `LatchStoreError` as `engage` does; this process follows
        all the same.
        """
        with self._lock:
            self._look()
            if self.latch.engaged or self.latch.epoch != at:
                return None
            self.replaced = self.latch
            latch = self._next(True, who, why)
            self._adopt(latch)
        self._place(latch, near_first=True, patience_s=patience_s)
        kept = [each.placed.latch for each in self.placements if each.placed is not None]
        return latch if kept[-1] == latch else None  # the last one is what most processes share

    def release(self, *, who: str, why: str) -> Latch:
        """Let the flags decide again, under a new epoch, and return the latch that holds.

        That is an engaged one when somebody engaged at the same time: look at it. Raises
        `LatchStoreError`, with nothing changed, when no store can be written.
        """
        self._watch()
        with self._lock:
            self._look()
            self.replaced = self.latch
            latch = self._next(False, who, why)
        self._place(latch, near_first=False, patience_s=PATIENCE_S)
        return self.latch

    def _watch(self) -> None:
        """Have the far stores looked at, and give them a moment for the first time."""
        if self._watching:
            return
        self._watching = True
        deadline = time.monotonic() + PATIENCE_S
        for store in self._far:
            store.start()
        for store in self._far:
            store.wait_for_first_look(seconds=deadline - time.monotonic())

    def _look(self) -> None:
        """Follow the highest latch of all stores, and copy it to those that lack it."""
        near, problems = _readings(self._stores)
        far, far_problems = _readings(self._far if self._watching else ())
        problems += far_problems
        for reading in (*near.values(), *far.values()):
            if reading is not None:
                self._adopt(reading)
        self._far_seen = self._far_seen or bool(far)
        self.kept = self._known is not None and self._known in far.values()
        if self._known is not None:
            holding, failed = _copied(self._known, near)
            self.kept = self.kept or holding > 0
            problems += failed
            for store in self._far:
                store.want(self._known)
        self._settle(problems)
        self._report(problems)

    def _settle(self, problems: Sequence[str]) -> None:
        """Follow what is known; without enough knowledge to let anybody go, hold.

        Not enough is silence in which a store failed, and a file alone where others could
        have rolled back since it was written: a process that starts must have read at least
        one of its far stores.
        """
        blind = bool(self._far) and self._watching and not self._far_seen
        if self._known is None and not problems:
            self.latch = NEVER_ENGAGED
            if self._far and self._watching:
                # Written down, so that a start with one server away is none without a word.
                self._known = NEVER_ENGAGED
        elif self._known is None or (blind and not self._known.engaged):
            held = _held("; ".join(problems), self._utc_now())
            if replace(held, when=self.latch.when) != self.latch:
                self.latch = held
        else:
            self.latch = self._known

    def _adopt(self, latch: Latch) -> None:
        """Follow `latch` if it outranks what is known."""
        if latch.outranks(self._known):
            self._known = self.latch = latch

    def _next(self, engaged: bool, who: str, why: str) -> Latch:
        """Return the latch that follows all that is known.

        A store that cannot be read may have held any epoch, and other processes may still
        follow it; a far one may be out of reach now, and changed elsewhere. The seconds
        since 1970 are above every epoch that was counted by ones, and the later of two
        changes that did not know of each other has more of them.
        """
        now = self._utc_now()
        epoch = self._known.epoch + 1 if self._known else 1
        if self.problems or self._far:
            epoch = max(epoch, int(now.timestamp()))
        return Latch(epoch, engaged, who, now, why)

    def _place(self, latch: Latch, *, near_first: bool, patience_s: float) -> None:
        """Put `latch` into every store and follow what is kept there. One store is enough.

        An engaged one is written to the files while far stores are at it on threads of their
        own. A released one goes to the far stores first: should one of them be engaged anew, no
        file lets go.
        """
        wait_for_far = begin_to_put(self._far, latch)
        near = self._place_near(latch) if near_first else []
        far = wait_for_far(patience_s)
        self._follow(far)
        if not near_first and not self.latch.outranks(latch):
            near = self._place_near(latch)
        self.placements = (*near, *far)
        placed = [each.placed for each in self.placements if each.placed is not None]
        if not placed:
            said = "; ".join(each.detail for each in self.placements)
            raise LatchStoreError(said or "the kill switch has no store")
        self.placed_at = min(each.at for each in placed)
        self.kept = any(each.latch == self.latch for each in placed)

    def _place_near(self, latch: Latch) -> list[Placement]:
        """Put `latch` into the files, and follow what they keep."""
        placements = [put_one(store, latch) for store in self._stores]
        self._follow(placements)
        return placements

    def _follow(self, placements: Sequence[Placement]) -> None:
        with self._lock:
            for each in placements:
                if each.placed is not None:
                    self._adopt(each.placed.latch)

    def _report(self, problems: Sequence[str]) -> None:
        """Log each problem once for as long as it lasts."""
        for problem in problems:
            if problem not in self.problems:
                _log.error("latch_store_failed", problem=problem, **_described(self.latch))
        self.problems = tuple(problems)


def _readings(
    stores: Sequence[LatchStore],
) -> tuple[dict[LatchStore, Latch | None], list[str]]:
    """Return what each store holds that could be read, and what is wrong with the others."""
    readings: dict[LatchStore, Latch | None] = {}
    problems = []
    for store in stores:
        try:
            readings[store] = store.read()
        except LatchStoreError as error:
            problems.append(str(error))
    return readings, problems


def _copied(latch: Latch, readings: Mapping[LatchStore, Latch | None]) -> tuple[int, list[str]]:
    """Put `latch` where something lower, or nothing, was read.

    Return how many stores have it now, and what went wrong with the others.
    """
    holding, problems = len(readings), []
    for store, reading in readings.items():
        if latch.outranks(reading):
            try:
                store.put(latch)
            except LatchStoreError as error:
                holding -= 1
                problems.append(str(error))
    return holding, problems


def _held(why: str, when: datetime) -> Latch:
    """Return the latch of a kill switch that knows nothing: engaged, and saying why."""
    return Latch(0, True, "kill switch", when, f"held on legacy: {why}")


def _described(latch: Latch) -> dict[str, object]:
    """Return a latch for the log."""
    return {"epoch": latch.epoch, "engaged": latch.engaged, "who": latch.who, "why": latch.why}


def _utc_now() -> datetime:
    return datetime.now(UTC)
