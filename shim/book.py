"""Who is connected, as the facade was told: what each call's snapshot is taken from."""

import itertools
import threading
from collections.abc import Iterable, Iterator

from msgspec import Struct, structs

from shim.connections import CanonicalView, LegacyView, Saw, Serves
from shim.ports import Connection, WatchedConnection
from shim.shadow.journal import Journal
from shim.sides import Path, Side

_KEY = "connections"
_LEGACY_SIDE = {
    Path.CONNECTION_AWARE: Side.CONNECTION_AWARE,
    Path.USER_ID_ONLY: Side.USER_ID_ONLY,
}


class Entry(Struct, frozen=True, eq=False):
    """The registrations of a connection by one path, with the views handed out for it."""

    id: str
    path: Path
    connection: Connection
    legacy: LegacyView
    canonical: CanonicalView
    times: int = 1
    """How often it was registered: legacy sends to it as often."""


class ConnectionState(Struct, frozen=True):
    """A connection as it was at the time of a call."""

    id: str
    path: Path
    is_open: bool
    failed: bool
    base_version: int | None
    times: int = 1
    """How often it is registered."""


class ConnectionBook:
    """Entries by user, in the order of their first registration; repeats are counted.

    Each user's entries and states are tuples that are replaced, never changed. States are
    written down anew by whoever changes one, before the change returns, and what they replace
    goes into the journal: those who call look nothing up.
    """

    def __init__(self, saw: Saw, *, may_send: Serves, journal: Journal | None = None) -> None:
        self._saw = saw
        self._journal = journal or Journal()
        self._may_send = may_send
        self._lock = threading.Lock()
        self._entries: dict[int, tuple[Entry, ...]] = {}
        self._states: dict[int, tuple[ConnectionState, ...]] = {}

    def add(self, path: Path, user_id: int, connection: WatchedConnection) -> Entry:
        """Note a registration; a connection has one view per side, however often it comes."""
        with self._lock:
            known = self._entries.get(user_id, ())
            same = [entry for entry in known if entry.connection is connection]
            canonical = same[0].canonical if same else self._canonical_view(user_id, connection)
            legacy = next((entry.legacy for entry in same if entry.path is path), None)
            if legacy is None:
                legacy = LegacyView(
                    _LEGACY_SIDE[path], user_id, connection, saw=self._saw, changed=self.renew
                )
            before = next((one for one in same if one.path is path), None)
            times = 1 if before is None else before.times + 1
            entry = Entry(connection.id, path, connection, legacy, canonical, times)
            self._entries[user_id] = (
                (*known, entry) if before is None else _replaced(known, before, entry)
            )
        if not same:
            # Not under the lock: a connection holds its own one while it tells of a change.
            connection.watch(canonical.on_change)
        self.renew(user_id)
        return entry

    def remove(self, user_id: int, connection: WatchedConnection) -> tuple[list[Entry], bool]:
        """Take one registration per path away; return them, and whether none is left."""
        with self._lock:
            rest = self._entries.get(user_id, ())
            removed = [entry for entry in rest if entry.connection is connection]
            for entry in removed:
                once_less = structs.replace(entry, times=entry.times - 1)
                rest = _replaced(rest, entry, *((once_less,) if once_less.times else ()))
            if rest:
                self._entries[user_id] = rest
            else:
                self._entries.pop(user_id, None)
        last = not any(entry.connection is connection for entry in rest)
        if removed and last:
            connection.unwatch(removed[0].canonical.on_change)
        self.renew(user_id)
        return removed, last

    def states(self, user_id: int) -> tuple[ConnectionState, ...]:
        """Return the user's connections as they are now."""
        return self._states.get(user_id, ())

    def states_as_of(self, changes: int, user_id: int) -> tuple[ConnectionState, ...]:
        """Return the user's connections after so many changes. Raises ForgottenError."""
        states: tuple[ConnectionState, ...] = self._journal.as_of(
            changes, (_KEY, user_id), self.states(user_id)
        )
        return states

    def renew(self, user_id: int) -> None:
        """Write down the user's connections as they are, after one of them has changed.

        They are read under the lock: of two changes at once, the later one sees both.
        """
        with self._lock:
            entries = self._entries.get(user_id)
            self._journal.replace((_KEY, user_id), self.states(user_id))
            if entries is None:
                self._states.pop(user_id, None)
            else:
                self._states[user_id] = tuple(map(_state_of, entries))

    def take_held_back(self, user_id: int) -> int:
        """Return how many frames were held back from the user's connections, and begin anew."""
        held_back = 0
        for view in {
            id(entry.canonical): entry.canonical for entry in self.entries(user_id)
        }.values():
            held_back, view.held_back = held_back + view.held_back, 0
        return held_back

    def entries(self, user_id: int) -> tuple[Entry, ...]:
        """Return the user's registrations, in order."""
        return self._entries.get(user_id, ())

    def _canonical_view(self, user_id: int, connection: Connection) -> CanonicalView:
        return CanonicalView(
            user_id, connection, saw=self._saw, changed=self.renew, may_send=self._may_send
        )


def each_time(states: Iterable[ConnectionState]) -> Iterator[ConnectionState]:
    """Return each state as often as its connection is registered."""
    return itertools.chain.from_iterable(itertools.repeat(state, state.times) for state in states)


def _replaced(entries: tuple[Entry, ...], old: Entry, *new: Entry) -> tuple[Entry, ...]:
    at = entries.index(old)
    return (*entries[:at], *new, *entries[at + 1 :])


def _state_of(entry: Entry) -> ConnectionState:
    connection = entry.connection
    failed = entry.legacy.failed or entry.canonical.failed
    return ConnectionState(
        entry.id,
        entry.path,
        connection.is_open,
        failed,
        connection.base_version,
        entry.times,
    )
