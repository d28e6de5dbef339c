"""The migration of balance notifications at run time: the live sides, and what a flip ends."""

import time
from collections.abc import Callable

from msgspec import Struct

from flags.decision import BALANCE_NOTIFICATIONS
from flags.latch import Latch
from flags.state import FlagState
from shim.book import ConnectionBook, ConnectionState
from shim.legacy.connection_aware import ConnectionAwareService
from shim.legacy.ports import Balance
from shim.legacy.user_id_only import UserIdOnlyService
from shim.ports import BalanceManager, CanonicalService, Connection, KeptBalance, NewHint
from shim.router import Router, as_user_id
from shim.routing import RoutingTable
from shim.shadow.events import LiveCall, LiveEffect
from shim.shadow.journal import ForgottenError
from shim.shadow.queue import EventQueue
from shim.sides import Path, Side

READ_TIMEOUT = 0.05
"""Seconds that the losing canonical may take to read what it still has to say."""
_CACHE = "cache"
LOST: tuple[tuple[ConnectionState, ...], KeptBalance | None] = ((), None)
"""The snapshot of a call of which it is not known any more how things were."""
FLIPS_KEPT = 16
"""Far more than there are while one episode is open."""


class CallContext(Struct, frozen=True):
    """What a shadow must see as it was at the time of the call."""

    connections: tuple[ConnectionState, ...]
    cached: Balance | None

    @classmethod
    def of(cls, call: LiveCall) -> "CallContext":
        """Return what a call's snapshot says. Raises TypeError if it is none of ours."""
        if not isinstance(call.context, tuple):
            raise TypeError(f"a call has no snapshot but {call.context!r}: hand over `context`'s")
        snapshot: tuple[tuple[ConnectionState, ...] | None, KeptBalance | None] = call.context
        states, kept = snapshot
        if kept is None or kept.until <= call.started:
            return cls(states or (), None)
        return cls(states or (), kept.balance)


class Migration(Router):
    """Routes balance notifications and holds their live sides together."""

    canonical: CanonicalService

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
        super().__init__(
            BALANCE_NOTIFICATIONS,
            flags=flags,
            latch=latch,
            queue=queue,
            paths=Path,
            new_hint=new_hint,
            monotonic=monotonic,
        )
        self._manager = manager
        self.book = ConnectionBook(self._saw, may_send=self._may_send, journal=self.journal)
        manager.on_replaced = self._cache_changes
        self.connection_aware: ConnectionAwareService
        self.user_id_only: UserIdOnlyService
        self._flips: tuple[tuple[float, RoutingTable, RoutingTable], ...] = ()

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

    def _may_send(self, user_id: int) -> bool:
        """Whether the canonical serves, or did until the flip that is under way."""
        return self.table.serves(user_id) or self._settled.serves(user_id)

    def recall(self, call: LiveCall) -> None:
        """Put into a call the snapshot that its shadows need: see `CallContext.of`."""
        changes, call.context = call.context, LOST
        if isinstance(changes, int):
            try:
                call.context = self._snapshot(changes, call.subject)
            except ForgottenError:
                pass  # it stays lost
            except Exception as error:  # noqa: BLE001 - one snapshot that fails spoils no other
                self.report_unobserved(error)

    def _snapshot(self, changes: int, user_id: int) -> object:
        kept = self._manager.kept(user_id)
        return (
            self.book.states_as_of(changes, user_id),
            self.journal.as_of(changes, (_CACHE, user_id), kept),
        )

    def _cache_changes(self, user_id: int, kept: KeptBalance | None) -> None:
        """Note what the manager's cache is about to lose."""
        self.journal.replace((_CACHE, user_id), kept)

    def relieve(self, old: RoutingTable, new: RoutingTable) -> None:
        """Flush the windows of whoever lost a user."""
        self._flips = (*self._flips, (self.monotonic(), old, new))[-FLIPS_KEPT:]
        self.canonical.relinquish(
            lambda user_id: old.serves(user_id) and not new.serves(user_id),
            read_timeout=READ_TIMEOUT,
        )
        for user in self.connection_aware.pending_users():
            user_id = as_user_id(user)
            if user_id is not None and new.serves(user_id) and not old.serves(user_id):
                self.connection_aware.flush_user(user)  # type: ignore[arg-type]

    def was_lost(self, user_id: int, *, since: float) -> bool:
        """Tell whether the canonical lost the user at a flip since then; it may serve again."""
        return any(
            at >= since and old.serves(user_id) and not new.serves(user_id)
            for at, old, new in self._flips
        )

    def is_idle(self, user_id: int) -> bool:
        """Whether no live side has anything pending for this user.

        The user-id-only service sends within the call and so has nothing pending, ever.
        """
        return not (self.connection_aware.is_pending(user_id) or self.canonical.is_pending(user_id))

    def _saw(
        self, side: Side, user_id: int, connection: Connection, frame: object, shown: object
    ) -> None:
        try:
            if self.table.route(user_id).shadows:
                effect = LiveEffect(self.monotonic(), side, user_id, connection.id, frame, shown)
                self.queue.offer(effect)
        except Exception as error:  # noqa: BLE001 - a frame that left is not to be taken for broken
            self.report_unobserved(error)
