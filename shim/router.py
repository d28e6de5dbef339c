"""What every migration has at run time: the routing table in force, its counts, and a flip."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from flags.decision import FlagPair
from flags.latch import Latch
from flags.state import FlagState
from flags.user_id import InvalidUserIdError, user_id_of
from shim.gate import Gate
from shim.ports import NewHint
from shim.routed_totals import RoutedTotals
from shim.routing import RoutingTable
from shim.shadow.counts import MOST_CALLERS, OTHERS
from shim.shadow.events import LiveCall
from shim.shadow.journal import Journal
from shim.shadow.queue import EventQueue
from shim.tally import CallerTally, Tally

_log = structlog.get_logger("shim")

DRAIN_TIMEOUT = 1.0
"""Seconds that a flip waits for canonical calls in flight."""


class Flips(Protocol):
    """What follows flags and latch."""

    def apply(self, flags: FlagState, latch: Latch) -> None:
        """Flip to these; what raises is called again."""


@dataclass(frozen=True, slots=True)
class FlipsAll:
    """Flips several migrations; one that fails keeps no other from it."""

    routers: tuple[Flips, ...]

    def apply(self, flags: FlagState, latch: Latch) -> None:
        """Flip each of them. Raises what the first that failed raised, once all had their turn."""
        failed: list[Exception] = []
        for router in self.routers:
            try:
                router.apply(flags, latch)
            except Exception as error:  # noqa: BLE001 - raised below
                failed.append(error)
        if failed:
            raise failed[0]


class Router:
    """Routes the calls of one migration; `table` is replaced whole at a flip.

    `canonical` is the live canonical side, whatever a binding calls on it. A binding whose
    sides act after a call has returned says in `relieve` how the losing one ends.
    """

    canonical: Any

    def __init__(
        self,
        pair: FlagPair,
        *,
        flags: FlagState,
        latch: Latch,
        queue: EventQueue,
        paths: Iterable[str],
        new_hint: NewHint = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pair = pair
        self._new_hint = new_hint
        self.queue = queue
        queue.recall = self.recall
        self.journal = Journal()
        """Where whatever a call's snapshot is made of is noted when it changes."""
        self.monotonic = monotonic
        self.table = self._settled = RoutingTable(pair, flags, latch, new_hint)
        self.gate = Gate()
        self.tallies = {path: Tally() for path in paths}
        self.unobserved = 0
        """Calls and effects that could not be noted for the shadows."""
        self._reported: set[str] = set()
        self.unsampled: dict[int, CallerTally] = {}
        """By the id of the caller's code object, whose hash would be worked out anew each time.

        The tally holds the object, so that no other one gets that id.
        """
        self.routed = RoutedTotals(self.tallies, self.unsampled)

    def serves(self, user_id: int) -> bool:
        """Whether the canonical serves this user at this moment."""
        return self.table.serves(user_id)

    def recall(self, call: LiveCall) -> None:
        """Put into a call what its shadow must see as it was then; see `journal`.

        Called on the shadows' thread, when the call is taken up.
        """
        call.context = None

    def relieve(self, old: RoutingTable, new: RoutingTable) -> None:
        """Make the side that lost users finish for them, before a flip is over."""

    def apply(self, flags: FlagState, latch: Latch) -> None:
        """Flip to these flags and this latch; when it returns, the losing side is silent.

        New calls follow the new table at once. Then the calls inside the canonical are
        waited for, and whoever lost a user finishes. One thread flips. What raises here is
        to be called again: it starts from the last flip that was done.
        """
        old = self._settled
        new = self.table = RoutingTable(self.pair, flags, latch, self._new_hint)
        if not self.gate.drain(timeout=DRAIN_TIMEOUT):
            _log.warning("canonical_call_outlasts_flip", waited=DRAIN_TIMEOUT)
        self.relieve(old, new)
        self.routed.look(old.period)
        self._settled = new

    def look(self) -> None:
        """Count what was routed since the last look, under the flip that was done last."""
        self.routed.look(self._settled.period)

    def begin_unsampled(self, caller: object) -> CallerTally:
        """Return the tally of a caller that is not in `unsampled` yet, or that of the others."""
        if len(self.unsampled) >= MOST_CALLERS:
            caller = OTHERS
        return self.unsampled.setdefault(id(caller), CallerTally(caller))

    def report_invalid(self, path: str, value: object) -> None:
        """Count a call whose user id is none, and log it once per kind of value."""
        self.tallies[path].invalid += 1
        kind = f"{path}:{type(value).__name__}"
        if kind not in self._reported and len(self._reported) < 100:
            self._reported.add(kind)
            _log.warning("invalid_user_id", path=path, kind=type(value).__name__)

    def report_unobserved(self, error: Exception) -> None:
        """Count a call or effect that could not be noted, and log the first one."""
        self.unobserved += 1
        if self.unobserved == 1:
            _log.error("observation_failed", error=f"{type(error).__name__}: {error}")


def as_user_id(value: object) -> int | None:
    """Return the user id that `value` is, None if it is none."""
    try:
        return user_id_of(value)
    except InvalidUserIdError:
        return None
