"""Brings connections up to the truth: one read for many users, then a frame for each connection."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import structlog

from app.notifications.changes import correction, frame_since, steps
from app.notifications.counters import Counters
from app.notifications.departed import Departed
from app.notifications.messages import BalanceFrame, shown_balance
from app.notifications.ports import Clock, Connection, Departures, Serves, TruthReader, UserTruth
from app.notifications.registry import Registry

_log = structlog.get_logger(__name__)

Drop = Callable[[int, Connection], None]
"""Told of a connection that is dead."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A connection that waits for the truth, and the version that its page knows.

    `heard` are the balances, UNI and TON, that another service showed since, None if none did
    or that is known to be the same.
    """

    user_id: int
    connection: Connection
    since: int | None
    overheard: str | None
    heard: tuple[Decimal, Decimal] | None

    def is_misled(self, truth: UserTruth) -> bool:
        """Whether the page was told what there is, and shows another balance all the same."""
        return (
            self.heard is not None
            and self.since in (None, truth.version)
            and self.heard != (truth.uni, truth.ton)
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """The truth as it was read, and the connections that it was read for."""

    readers: tuple[Reader, ...]
    truths: dict[int, UserTruth]


@dataclass(frozen=True, slots=True)
class HandedOut:
    """Users who were sent nothing, though their window closed.

    `unserved` are another service's at this moment; `overtaken` heard something from
    another service since the read, whose place must be known first.
    """

    unserved: set[int]
    overtaken: set[int]


class Delivery:
    """Reads and hands out. Holds no state of its own but counters."""

    def __init__(
        self, *, truth: TruthReader, clock: Clock, serves: Serves, registry: Registry, drop: Drop
    ) -> None:
        self._truth = truth
        self._clock = clock
        self._serves = serves
        self._registry = registry
        self._drop = drop
        self.departures: Departures = Departed(monotonic=clock.monotonic)
        self.counters = Counters()

    def read(
        self, users: Iterable[int], *, timeout: float | None, hinted: Collection[int] = ()
    ) -> Reading:
        """Read the truth of those users who have an open connection, in one read.

        Users without one cost nothing. Of a page of which nobody knows what it shows it is taken
        that it lacks the newest change if its user was `hinted` at. Raises TruthUnavailable.
        """
        readers = self._with_known(
            self._reader(user_id, connection)
            for user_id in users
            for connection in self._registry.of(user_id)
            if self._is_alive(user_id, connection)
        )
        since: dict[int, int | None] = {}
        for reader in readers:
            known = since.get(reader.user_id)
            if known is None or (reader.since is not None and reader.since < known):
                since[reader.user_id] = reader.since
        if not since:
            return Reading(readers, {})
        truths = self._truth.read(since, timeout=timeout)
        return self._with_newest(Reading(readers, truths), since, hinted, timeout)

    def _with_known(self, readers: Iterable[Reader]) -> tuple[Reader, ...]:
        """Let new pages take the place of those whose socket ended."""
        readers = tuple(readers)
        new = Counter(reader.user_id for reader in readers if reader.since is None)
        back = self.departures.take(new) if new else {}
        if not back:
            return readers
        for reader in readers:
            if reader.since is None and (versions := back.get(reader.user_id)):
                reader.connection.known = versions.pop(0)
        return tuple(
            replace(reader, since=reader.connection.known) if reader.since is None else reader
            for reader in readers
        )

    def _with_newest(
        self,
        reading: Reading,
        since: Mapping[int, int | None],
        hinted: Collection[int],
        timeout: float | None,
    ) -> Reading:
        """Let pages of which nobody knows what they show lack the newest change."""
        new = {
            reader.user_id: max(truth.version - 1, 0)
            for reader in reading.readers
            if reader.since is None
            and reader.user_id in hinted
            and (truth := reading.truths.get(reader.user_id)) is not None
        }
        if not new:
            return reading
        unread: dict[int, int | None] = {
            user_id: version
            for user_id, version in new.items()
            if (read := since[user_id]) is None or read > version
        }
        truths = reading.truths | (self._truth.read(unread, timeout=timeout) if unread else {})
        readers = tuple(
            replace(reader, since=new[reader.user_id])
            if reader.since is None and reader.user_id in new
            else reader
            for reader in reading.readers
        )
        return Reading(readers, truths)

    def hand_out(self, reading: Reading, *, granted: Collection[int] = ()) -> HandedOut:
        """Offer each connection what is new to it.

        Only users whom the canonical serves are sent to, and those `granted`. Of the others'
        connections it is only noted what their pages show.
        """
        at = self._clock.utc_now()
        unserved: set[int] = set()
        overtaken: set[int] = set()
        frames_of = _Frames(at)
        for reader in reading.readers:
            user_id, connection = reader.user_id, reader.connection
            truth = reading.truths.get(user_id)
            if truth is None or not self._registry.holds(user_id, connection):
                continue
            if user_id not in granted and not self._serves(user_id):
                unserved.add(user_id)
                _note(connection, truth)
            elif connection.overheard is not reader.overheard:
                overtaken.add(user_id)
            elif frames := frames_of(truth, reader.since):
                for frame in frames:
                    self._offer(reader, frame)
            elif reader.heard is not None and reader.is_misled(truth):
                self._offer(reader, correction(truth, reader.since, reader.heard, at))
            else:
                _note_shown(reader, truth)
        return HandedOut(unserved, overtaken)

    def remember(self, user_id: int, connection: Connection) -> None:
        """Remember what a page shows whose socket ended, if that is known and it may be back.

        What was not begun to be sent is taken back before: the page does not show it.
        """
        connection.withdraw()
        shown, overheard = connection.base_version, connection.overheard
        if shown is None:
            shown = connection.known
        is_known = overheard is None or overheard is connection.settled
        if connection.comes_back and shown is not None and is_known:
            self.departures.add(user_id, shown)

    def send(self, user_id: int, text: str) -> None:
        """Send one text to every connection of the user."""
        for connection in self._registry.of(user_id):
            if self._is_alive(user_id, connection):
                try:
                    connection.send(text)
                except Exception as error:  # noqa: BLE001 - whatever it raised, the next is served
                    self._lose(user_id, connection, error)

    def _offer(self, reader: Reader, frame: BalanceFrame) -> None:
        self.counters.offers += 1
        try:
            reader.connection.offer(frame)
        except Exception as error:  # noqa: BLE001 - whatever it raised, the next one is served
            self.counters.offers_failed += 1
            self._lose(reader.user_id, reader.connection, error)

    def _lose(self, user_id: int, connection: Connection, error: Exception) -> None:
        _log.info("connection_dropped", connection=connection.id, error=str(error))
        self._drop(user_id, connection)

    def _is_alive(self, user_id: int, connection: Connection) -> bool:
        if connection.is_open:
            return True
        self._drop(user_id, connection)
        return False

    def _reader(self, user_id: int, connection: Connection) -> Reader:
        overheard = connection.overheard
        since, heard = connection.base_version, None
        if since is None:
            since = connection.known
        if overheard is not None and overheard is not connection.settled:
            heard = shown_balance(overheard)
            placed = None if heard is None else self._truth.place(user_id, *heard)
            if since is None or (placed is not None and placed > since):
                since = placed
        return Reader(user_id, connection, since, overheard, heard)


class _Frames:
    """What connections are to be shown: the very same frames for equal pages of a user."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._asked: tuple[UserTruth, int | None] | None = None
        self._frames: tuple[BalanceFrame, ...] = ()

    def __call__(self, truth: UserTruth, since: int | None) -> tuple[BalanceFrame, ...]:
        asked = self._asked
        if asked is None or asked[0] is not truth or asked[1] != since:
            self._asked = (truth, since)
            frames = (frame_since(*step, self._at) for step in steps(truth, since))
            self._frames = tuple(frame for frame in frames if frame is not None)
        return self._frames


def _note(connection: Connection, truth: UserTruth) -> None:
    """Remember what a page shows that is not ours to update: what it knew, or what there is now."""
    if connection.base_version is None:
        known = truth.version if connection.known is None else connection.known
        connection.base_version = min(known, truth.version)


def _note_shown(reader: Reader, truth: UserTruth) -> None:
    """Remember that a page shows what there is, so that nobody has to find that out again."""
    connection = reader.connection
    shown = connection.base_version
    if shown is None or shown < truth.version:
        connection.base_version = truth.version
    connection.settled = reader.overheard
