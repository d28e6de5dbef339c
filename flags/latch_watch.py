"""A latch store that may be slow or away, looked at on a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from flags.latch import Latch, LatchStore, LatchStoreError, Placed

LOOK_S = 0.5
"""Seconds between two looks at a store that announces nothing."""
PAUSE_S = 0.2
"""Seconds until a store that failed is tried again."""
LATE_S = 1.0
"""Seconds that a look may take before the store counts as one that does not answer."""
STOP_S = 1.0


class FarStore(LatchStore, Protocol):
    """A store on a server. `read` and `put` may be called from any thread, and may hang."""

    def wait(self, stopping: threading.Event, *, seconds: float) -> None:
        """Return when a change was announced, or after `seconds`, or soon after `stopping`.

        One thread waits. Raises `LatchStoreError`.
        """

    def close(self) -> None:
        """Let go of connections; called by the thread that waits, at its end."""


class PutOutcome(StrEnum):
    """What became of a latch that was to be put into a store."""

    WRITTEN = "written"
    TIMED_OUT = "timed out"
    """It may still be written; running workers bring it there, too."""
    UNREACHABLE = "unreachable"
    NOT_KEPT = "not kept"
    """The store answered, and holds less than it was given."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What became of a latch in one store, after how long, and what the store said."""

    store: str
    outcome: PutOutcome
    milliseconds: float
    detail: str = ""
    placed: Placed | None = None


class WatchedStore:
    """The last reading of a far store, for those who must not wait for it.

    The thread copies the highest latch that it was told of to a store that holds less.
    """

    def __init__(
        self,
        store: FarStore,
        *,
        look_s: float = LOOK_S,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self._store = store
        self._look_s = look_s
        self._monotonic = monotonic or time.monotonic
        self._changed: Callable[[], None] = _nobody
        self._stopping = threading.Event()
        self._looked = threading.Event()
        self._thread: threading.Thread | None = None
        self._reading: Latch | None = None
        self._wanted: Latch | None = None
        self._problem: str | None = None
        self._busy_since: float | None = None

    @property
    def name(self) -> str:
        """What to call the store in messages."""
        return self._store.name

    def attach(self, changed: Callable[[], None]) -> None:
        """Call `changed` on the watching thread as soon as another latch was read."""
        self._changed = changed

    def start(self) -> None:
        """Begin to look, unless that has begun in this process."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopping.clear()
        self._looked.clear()
        self._thread = threading.Thread(target=self._run, name=f"latch in {self.name}", daemon=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        """End the thread soon."""
        self._stopping.set()

    def stop(self) -> None:
        """End the thread; one that hangs in its store is left behind."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def wait_for_first_look(self, *, seconds: float) -> None:
        """Return when the store was looked at once, at the latest after `seconds`."""
        self._looked.wait(max(0.0, seconds))

    def read(self) -> Latch | None:
        """Return the last reading; never waits. Raises `LatchStoreError` without a recent one."""
        busy_since = self._busy_since
        if busy_since is not None and self._monotonic() - busy_since > LATE_S:
            raise LatchStoreError(f"{self.name} does not answer: see whether it is overloaded")
        if self._problem is not None:
            raise LatchStoreError(self._problem)
        if not self._looked.is_set():
            raise LatchStoreError(f"{self.name} was not read yet")
        return self._reading

    def want(self, latch: Latch) -> None:
        """Have the thread put `latch` into the store if it holds less."""
        if latch.outranks(self._wanted):
            self._wanted = latch

    def put(self, latch: Latch) -> Placed:
        """Put `latch` at once, on the caller's thread. See `LatchStore`."""
        placed = self._store.put(latch)
        if placed.latch.outranks(self._reading):
            self._reading = placed.latch
        return placed

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._look()
            try:
                self._store.wait(self._stopping, seconds=self._look_s)
            except LatchStoreError:
                self._stopping.wait(PAUSE_S)  # the look that follows says what is wrong
        self._store.close()

    def _look(self) -> None:
        """Read once, copy if need be, and tell whoever follows."""
        self._busy_since = self._monotonic()
        try:
            reading = self._store.read()
            if self._wanted is not None and self._wanted.outranks(reading):
                reading = self._store.put(self._wanted).latch
        except LatchStoreError as error:
            news, self._problem = self._problem is None, str(error)
        else:
            news = self._problem is not None or reading != self._reading
            self._reading, self._problem = reading, None
        self._busy_since = None
        self._looked.set()
        if news:
            self._changed()


def begin_to_put(
    stores: Sequence[WatchedStore], latch: Latch
) -> Callable[[float], list[Placement]]:
    """Begin to put `latch` into all stores at once; return what waits for them.

    That takes the seconds that it waits at most, and says what became of the latch. What has
    not come back by then goes on.
    """
    began = time.monotonic()
    found: dict[str, Placement] = {}

    def put(store: WatchedStore) -> None:
        found[store.name] = put_one(store, latch)

    threads = [threading.Thread(target=put, args=(store,), daemon=True) for store in stores]
    for thread in threads:
        thread.start()

    def wait(seconds: float) -> list[Placement]:
        for thread in threads:
            thread.join(max(0.0, began + seconds - time.monotonic()))
        return [found.get(store.name) or _late(store, seconds) for store in stores]

    return wait


def _late(store: WatchedStore, seconds: float) -> Placement:
    return Placement(
        store.name, PutOutcome.TIMED_OUT, seconds * 1000, f"no answer within {seconds:g} s"
    )


def put_one(store: LatchStore, latch: Latch) -> Placement:
    """Put `latch` into one store, and say what became of it."""
    began = time.monotonic()
    placed, outcome, detail = None, PutOutcome.WRITTEN, ""
    try:
        placed = store.put(latch)
        if latch.outranks(placed.latch):
            outcome, detail = PutOutcome.NOT_KEPT, f"it holds epoch {placed.latch.epoch}"
            placed = None
    except LatchStoreError as error:
        outcome, detail = PutOutcome.UNREACHABLE, str(error)
    return Placement(store.name, outcome, (time.monotonic() - began) * 1000, detail, placed)


def _nobody() -> None:
    """Stand in for who follows, until somebody does."""
