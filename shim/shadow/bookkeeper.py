"""Keeps the ledger: hands what is new to the store every few seconds, on a thread of its own.

A batch that could not be handed in is kept as it is and handed in again under its number, so
that it is added once even where nobody can say whether it was. What comes in meanwhile
waits in the ledger, which is bounded. After each batch it does its chores; one that fails is
tried again at the next turn and keeps no other from being done.
"""

import threading
from collections.abc import Callable, Iterable, Mapping

import structlog

from shim.shadow.counts import Cell
from shim.shadow.ledger import GroupDelta, Ledger
from shim.shadow.ledger_store import Batch, Epoch, LedgerStore

EVERY = 5.0
"""Seconds between two batches, if nobody wants them sooner."""
LOOK_S = 0.25
"""How often is asked whether somebody does."""

_log = structlog.get_logger("shim")


class Bookkeeper:
    """`counters` returns totals since the start, which only grow; `writer` names the process.

    `epochs` returns those that they were counted in.
    `pace` says how many seconds may lie between two batches now; chores keep to `every`.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        counters: Callable[[], Mapping[Cell, int]],
        store: LedgerStore,
        writer: Callable[[], str],
        every: float = EVERY,
        chores: Mapping[str, Callable[[], None]] | None = None,
        pace: Callable[[], float] | None = None,
        epochs: Callable[[], Iterable[Epoch]] = tuple,
    ) -> None:
        self._ledger = ledger
        self._counters = counters
        self._store = store
        self._writer = writer
        self._every = every
        self._pace = pace or (lambda: every)
        self._epochs = epochs
        self._hurried = False
        self._chores = dict(chores or {})
        self._undone: dict[str, str] = {}
        self._kept: dict[Cell, int] = {}
        self._taken: tuple[GroupDelta, ...] = ()
        """Groups that are in no batch yet, for what else it takes raised."""
        self._pending: Batch | None = None
        self._number = 0
        self._failures = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem: str | None = None
        """Why the last batch is still here, None when it was kept."""

    def start(self) -> None:
        """Begin to keep, under a name that no process had before."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="shadow-ledger", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """End the thread, and keep what is left."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return  # the store hangs: it would hang us as well
            self._thread = None
        self.turn()

    def turn(self) -> None:
        """Hand in what is new, then do the chores. What raises is a problem, and tried again."""
        self._hand_in()
        for name, chore in self._chores.items():
            self._do(name, chore)

    def _hand_in(self) -> None:
        for _ in range(2):  # what waited since a failure, and what came in since then
            try:
                batch = self._next()
                if batch is not None:
                    self._store.add(batch)
            except Exception as error:  # noqa: BLE001 - nothing that any of them raises may end us
                self._report(error)
                return
            self._pending = None
            self._recovered()
            if batch is None:
                return

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the last batch, or a chore, is not done."""
        behind = () if self.problem is None else (self.problem,)
        return (*behind, *(f"{name}: {why}" for name, why in self._undone.copy().items()))

    def _do(self, name: str, chore: Callable[[], None]) -> None:
        try:
            chore()
        except Exception as error:  # noqa: BLE001 - nothing that a store raises may end us
            if name not in self._undone:
                _log.error("ledger_chore_failed", chore=name, problem=str(error))
            self._undone[name] = str(error)
        else:
            self._undone.pop(name, None)

    def hurry(self) -> None:
        """Have what is new handed in at the next look."""
        self._hurried = True

    def _run(self) -> None:
        look = min(LOOK_S, self._every)
        since_batch = since_chores = 0.0
        while not self._stopping.wait(look):
            since_batch, since_chores = since_batch + look, since_chores + look
            if since_chores >= self._every:
                since_batch = since_chores = 0.0
                self.turn()
            elif self._hurried or since_batch >= self._pace():
                self._hurried, since_batch = False, 0.0
                self._hand_in()

    def _next(self) -> Batch | None:
        """Return the batch that is pending, else a new one, None if nothing is new."""
        if self._pending is None:
            # Groups first: what is listed is counted, for it is counted before it is listed.
            self._taken += self._ledger.take()
            totals, writer = dict(self._counters()), self._writer()
            new = {cell: n - self._kept.get(cell, 0) for cell, n in totals.items()}
            new = {cell: n for cell, n in new.items() if n > 0}
            groups, self._taken = self._taken, ()
            if not new and not groups:
                return None
            named = {cell.epoch for cell in new} | {delta.key.epoch for delta in groups}
            epochs = tuple(epoch for epoch in self._epochs() if epoch.number in named)
            self._kept = totals
            self._number += 1
            self._pending = Batch(writer, self._number, new, groups, epochs)
        return self._pending

    def _report(self, error: Exception) -> None:
        """Say it once for as long as it lasts."""
        self._failures += 1
        if self.problem is None:
            _log.error("ledger_unwritable", problem=str(error))
        self.problem = f"the ledger is behind, what was counted waits in memory: {error}"

    def _recovered(self) -> None:
        if self.problem is not None:
            _log.info("ledger_writable_again", failures=self._failures)
        self.problem, self._failures = None, 0
