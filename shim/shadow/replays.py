"""Which divergences are kept with all their inputs, so that they can be run again.

Of each fingerprint the first few, and a sample of the others in which each is as likely as any
other: every record draws a number, and those with the lowest stay. So what several processes
kept can be put together: the lowest of all of them are a sample of all.
"""

import heapq
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shim.shadow.episode import Episode
from shim.shadow.ledger import MOST_GROUPS
from shim.shadow.result import Result

FIRST = 5
SAMPLED = 20
LARGEST = 64 * 1024
"""Bytes of one record; a larger one is counted and not kept."""
MOST_WAITING = 8 * 1024 * 1024
"""Bytes of all records that wait to be stored."""
KEPT = timedelta(days=14)


class Share(StrEnum):
    """As which of a fingerprint's records one is kept."""

    FIRST = "first"
    SAMPLE = "sample"


class NotKept(StrEnum):
    """Why a divergence that was chosen is not kept."""

    TOO_LARGE = "too_large"
    NO_ROOM = "no_room"
    """Too many fingerprints, or too much waits to be stored."""
    UNWRITABLE = "unwritable"
    """Something in it cannot be written down."""


@dataclass(frozen=True, slots=True)
class Record:
    """One kept divergence. `draw` orders the records of a share; the lowest stay."""

    id: str
    fingerprint: str
    share: Share
    draw: float
    at: datetime
    text: str = field(repr=False)


class ReplayStoreError(Exception):
    """The records cannot be read or written now: the message says why and what to do."""


class ReplayStore(Protocol):
    """Keeps records of all processes: of each fingerprint no more than there are shares for."""

    def add(self, records: Sequence[Record]) -> int:
        """Add records; one that is there is passed over. Return for how many there was no room.

        Raises ReplayStoreError.
        """

    def find(self, prefix: str) -> Sequence[Record]:
        """Return the records whose fingerprint begins so, oldest first. Raises ReplayStoreError."""


Write = Callable[[Episode, Result, datetime], bytes]
"""The binding's: writes a divergence down with all its inputs."""


class _Sample:
    """The lowest draws of one fingerprint, lowest first, each with its time."""

    __slots__ = ("_drawn", "_oldest")

    def __init__(self) -> None:
        self._drawn: list[tuple[float, datetime]] = []
        self._oldest: datetime | None = None

    def takes(self, draw: float, now: datetime, kept: timedelta) -> bool:
        """Take a draw that is among the lowest of those that are not too old."""
        drawn = self._drawn
        if self._oldest is not None and now - self._oldest >= kept:
            drawn = [each for each in drawn if now - each[1] < kept]
        elif len(drawn) >= SAMPLED and draw >= drawn[-1][0]:
            return False
        self._drawn = heapq.nsmallest(SAMPLED, [*drawn, (draw, now)])
        self._oldest = min(at for _, at in self._drawn)
        return (draw, now) in self._drawn


class Replays:
    """Chooses on the shadow thread what is kept, and hands it to the thread that stores it."""

    def __init__(
        self,
        *,
        write: Write,
        utc_now: Callable[[], datetime],
        draw: Callable[[], float],
        new_id: Callable[[], str],
        kept: timedelta = KEPT,
    ) -> None:
        self._write = write
        self._utc_now = utc_now
        self._draw = draw
        self._new_id = new_id
        self._kept = kept
        self._lock = threading.Lock()
        self._samples: dict[str, _Sample] = {}
        self._waiting: list[Record] = []
        self._size = 0
        self.not_kept: Counter[NotKept] = Counter()

    def offer(self, episode: Episode, result: Result, number: int) -> None:
        """Keep the `number`th divergence of its fingerprint if it is one of the chosen.

        Never raises: whatever writing it down raises, it is counted.
        """
        now, mark = self._utc_now(), result.fingerprint or ""
        if number < 1:
            return
        share, draw = Share.FIRST, now.timestamp()
        if number > FIRST:
            share, draw = Share.SAMPLE, self._draw()
            if not self._is_drawn(mark, draw, now):
                return
        try:
            text = self._write(episode, result, now)
        except Exception:  # noqa: BLE001 - whatever is in an episode, comparing goes on
            self.not_kept[NotKept.UNWRITABLE] += 1
            return
        if len(text) > LARGEST:
            self.not_kept[NotKept.TOO_LARGE] += 1
            return
        self._wait(Record(self._new_id(), mark, share, draw, now, text.decode()))

    def store(self, store: ReplayStore) -> None:
        """Hand over what waits; what a store that raises did not take goes on waiting."""
        with self._lock:
            records = tuple(self._waiting)
        if not records:
            return
        left_out = store.add(records)
        with self._lock:
            if left_out:
                self.not_kept[NotKept.NO_ROOM] += left_out
            del self._waiting[: len(records)]
            self._size -= sum(len(record.text) for record in records)

    def _is_drawn(self, mark: str, draw: float, now: datetime) -> bool:
        """Tell whether a draw is among the lowest of what was drawn in the time that is kept."""
        sample = self._samples.get(mark)
        if sample is None:
            if len(self._samples) >= MOST_GROUPS:
                with self._lock:
                    self.not_kept[NotKept.NO_ROOM] += 1
                return False
            sample = self._samples[mark] = _Sample()
        return sample.takes(draw, now, self._kept)

    def _wait(self, record: Record) -> None:
        with self._lock:
            if self._size + len(record.text) > MOST_WAITING:
                self.not_kept[NotKept.NO_ROOM] += 1
                return
            self._waiting.append(record)
            self._size += len(record.text)
