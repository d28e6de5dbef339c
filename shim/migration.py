"""The migration at run time: the live sides, the routing table in force, and a flip."""

import time
from collections.abc import Callable

import structlog
from msgspec import Struct

from flags.latch import Latch
from flags.state import FlagState
from flags.user_id import InvalidUserIdError, user_id_of
from shim.book import ConnectionBook, ConnectionState
from shim.gate import Gate
from shim.legacy.connection_aware import ConnectionAwareService
from shim.legacy.ports import Balance
from shim.legacy.user_id_only import UserIdOnlyService
from shim.ports import BalanceManager, CanonicalService, Connection, NewHint
from shim.routing import RoutingTable
from shim.shadow.counts import MOST_CALLERS, OTHERS
from shim.shadow.events import LiveEffect
from shim.shadow.queue import EventQueue
from shim.sides import Path, Side

_log = structlog.get_logger("shim")

DRAIN_TIMEOUT = 1.0
"""Seconds that a flip waits for canonical calls in flight."""
READ_TIMEOUT = 0.05
"""Seconds that the losing canonical may take to read what it still has to say."""


class CallContext(Struct, frozen=True):
    """What a shadow must see as it was at the time of the call.

    A struct, as is all that is built on the callers' path: see `shim.shadow.events`.
    """

    connections: tuple[ConnectionState, ...]
    cached: Balance | None

    @classmethod
    def of(cls, snapshot: object) -> "CallContext":
        """Return a call's snapshot as what it is. Raises TypeError for anything else."""
        if not isinstance(snapshot, cls):
            raise TypeError(f"a call has no snapshot but {snapshot!r}: hand over `context`'s")
        return snapshot


class Tally:
    """Calls by who served them, of one path. CPython adds to a slot without switching threads."""

    __slots__ = ("canonical", "invalid", "legacy", "sampled")

    def __init__(self) -> None:
        self.canonical = 0
        self.legacy = 0
        self.invalid = 0
        self.sampled = 0
        """Calls of either side that shadows are shown."""

    def snapshot(self) -> dict[str, int]:
        """Return plain data."""
        return {
            "legacy": self.legacy,
            "canonical": self.canonical,
            "invalid_user_id": self.invalid,
        }


class CallerTally:
    """Calls by who served them, of one caller, that were not sampled though others are."""

    __slots__ = ("caller", "canonical", "legacy")

    def __init__(self, caller: object) -> None:
        self.caller = caller
        self.canonical = 0
        self.legacy = 0


class Migration:
    """Holds the live sides together; `table` is replaced whole at a flip."""

    def __init__(
        self,
        *,
        flags: FlagState,
        latch: Latch,
        new_hint: NewHint,
        manager: BalanceManager,
        queue: EventQueue,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._new_hint = new_hint
        self._manager = manager
        self.queue = queue
        self.monotonic = monotonic
        self.table = self._settled = RoutingTable(flags, latch, new_hint)
        self.gate = Gate()
        self.book = ConnectionBook(self._saw)
        self.tallies = {path: Tally() for path in Path}
        self.unobserved = 0
        """Calls and frames that could not be noted for the shadows."""
        self._reported: set[str] = set()
        self.unsampled: dict[int, CallerTally] = {}
        """By the id of the caller's code object, whose hash would be worked out anew each time.

        The tally holds the object, so that no other one gets that id.
        """
        self.connection_aware: ConnectionAwareService
        self.user_id_only: UserIdOnlyService
        self.canonical: CanonicalService

    def attach(
        self,
        *,
        connection_aware: ConnectionAwareService,
        user_id_only: UserIdOnlyService,
        canonical: CanonicalService,
    ) -> None:
        """Hand over the live sides; the canonical was built with `serves` of this migration."""
        self.connection_aware = connection_aware
        self.user_id_only = user_id_only
        self.canonical = canonical

    def serves(self, user_id: int) -> bool:
        """Whether the canonical serves this user at this moment."""
        return self.table.serves(user_id)

    def context(self, user_id: int) -> CallContext:
        """Take the snapshot that a shadow of this user's call needs."""
        return CallContext(self.book.states(user_id), self._manager.cached_balance(user_id))

    def apply(self, flags: FlagState, latch: Latch) -> None:
        """Flip to these flags and this latch; when it returns, the losing side is silent.

        New calls follow the new table at once. Then the calls inside the canonical are
        waited for, and the windows of whoever lost a user are flushed. One thread flips.
        What raises here is to be called again: it starts from the last flip that was done.
        """
        old = self._settled
        new = self.table = RoutingTable(flags, latch, self._new_hint)
        if not self.gate.drain(timeout=DRAIN_TIMEOUT):
            _log.warning("canonical_call_outlasts_flip", waited=DRAIN_TIMEOUT)
        self.canonical.relinquish(
            lambda user_id: old.serves(user_id) and not new.serves(user_id),
            read_timeout=READ_TIMEOUT,
        )
        for user in self.connection_aware.pending_users():
            user_id = as_user_id(user)
            if user_id is not None and new.serves(user_id) and not old.serves(user_id):
                self.connection_aware.flush_user(user)  # type: ignore[arg-type]
        self._settled = new

    def is_idle(self, user_id: int) -> bool:
        """Whether no live side has anything pending for this user.

        The user-id-only service sends within the call and so has nothing pending, ever.
        """
        return not (self.connection_aware.is_pending(user_id) or self.canonical.is_pending(user_id))

    def begin_unsampled(self, caller: object) -> CallerTally:
        """Return the tally of a caller that is not in `unsampled` yet, or that of the others."""
        if len(self.unsampled) >= MOST_CALLERS:
            caller = OTHERS
        return self.unsampled.setdefault(id(caller), CallerTally(caller))

    def report_invalid(self, path: Path, value: object) -> None:
        """Count a call whose user id is none, and log it once per kind of value."""
        self.tallies[path].invalid += 1
        kind = f"{path}:{type(value).__name__}"
        if kind not in self._reported and len(self._reported) < 100:
            self._reported.add(kind)
            _log.warning("invalid_user_id", path=path, kind=type(value).__name__)

    def report_unobserved(self, error: Exception) -> None:
        """Count a call or frame that could not be noted, and log the first one."""
        self.unobserved += 1
        if self.unobserved == 1:
            _log.error("observation_failed", error=f"{type(error).__name__}: {error}")

    def _saw(
        self, side: Side, user_id: int, connection: Connection, frame: object, shown: object
    ) -> None:
        try:
            if self.table.route(user_id).shadows:
                effect = LiveEffect(self.monotonic(), side, user_id, connection.id, frame, shown)
                self.queue.offer(effect)
        except Exception as error:  # noqa: BLE001 - a frame that left is not to be taken for broken
            self.report_unobserved(error)


def as_user_id(value: object) -> int | None:
    """Return the user id that `value` is, None if it is none."""
    try:
        return user_id_of(value)
    except InvalidUserIdError:
        return None
