"""What the steps around a shadow raise: counted, said once for each step, and survived."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum

import structlog

from shim.shadow.counts import Counts
from shim.shadow.differences import Difference
from shim.shadow.known import Excuse
from shim.shadow.result import Comparison

_log = structlog.get_logger("shim")


class Fault(StrEnum):
    """Which step raised, and what that costs."""

    SETTLING = "settling"
    """A shadow cannot say whether it is idle: its episode is broken."""
    JUDGING = "judging"
    """The binding made no structures: the episodes that were closed together are broken."""
    COMPARING = "comparing"
    """Two structures could not be compared: that comparison is broken."""
    EXCUSING = "excusing"
    """What is known could not be asked: the divergence counts as a new one."""
    PUBLISHING = "publishing"
    """A divergence was counted, and has no line and no place in the ledger."""


class Faults:
    """Belongs to the thread of one experiment. `is_over` tells that the thread was given up."""

    def __init__(self, counts: Counts, *, is_over: Callable[[], bool]) -> None:
        self._counts = counts
        self._is_over = is_over
        self._told: set[Fault] = set()

    @contextmanager
    def noted(self, fault: Fault) -> Iterator[None]:
        """Let a step fail alone; what it would have returned is for the caller to replace."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - binding, comparer or publisher
            self.note(fault, error)

    def excusing(self, excuse: Excuse) -> Excuse:
        """Return what asks what is known; if nobody can say, nothing is."""

        def ask(comparison: Comparison, mark: str, found: Sequence[Difference]) -> str | None:
            with self.noted(Fault.EXCUSING):
                return excuse(comparison, mark, found)
            return None

        return ask

    def note(self, fault: Fault, error: BaseException) -> None:
        """Count what a step raised, and log the first one. Raises it if the thread is given up."""
        if self._is_over():
            raise error  # it is the thread that is asked to end
        self._counts.faults[fault] += 1
        if fault not in self._told:
            self._told.add(fault)
            _log.error("comparison_faulty", step=fault, exc_info=error)
