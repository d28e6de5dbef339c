"""How many calls were routed, by period.

Callers' threads add to tallies that only grow and know no period, for each call would feel it.
So what is new in the tallies is put under the period in force whenever somebody looks, and each
flip looks first. A call that is routed during a flip may count in the period before.
"""

import threading
from collections import Counter
from collections.abc import Mapping

from shim.shadow.callers import module_of
from shim.shadow.counts import EVERYBODY, Cell
from shim.shadow.period import Period
from shim.sides import Side
from shim.tally import CallerTally, Tally

PathCounts = dict[str, dict[str, int]]
"""By path, what `Tally.snapshot` says."""
_Seen = tuple[str, str, str]
"""A path and empty, or empty and a caller's module; then what was counted."""


class RoutedTotals:
    """May be asked from any thread."""

    def __init__(self, tallies: Mapping[str, Tally], unsampled: Mapping[int, CallerTally]) -> None:
        self._tallies = tallies
        self._unsampled = unsampled
        self._lock = threading.Lock()
        self._seen: Counter[_Seen] = Counter()
        self._found: dict[Period, Counter[_Seen]] = {}

    @property
    def periods(self) -> tuple[Period, ...]:
        """Those in which something was looked for."""
        return tuple(self._found.copy())

    def look(self, period: Period) -> None:
        """Put under this period whatever is new."""
        with self._lock:
            now = self._read()
            new = now - self._seen
            self._seen = now
            self._found.setdefault(period, Counter()).update(new)

    def by_path(self, period: Period) -> PathCounts:
        """Return what was routed in a period."""
        with self._lock:
            found = self._found.get(period, Counter()).copy()
        empty = Tally().snapshot()
        told: PathCounts = {path: dict(empty) for path in self._tallies}
        for (path, _, what), count in found.items():
            if path:
                told[path][what] = count
        return told

    def cells(self) -> Counter[Cell]:
        """Return the same as counters: of everybody, and of callers that were not sampled."""
        with self._lock:
            found = {period: counts.copy() for period, counts in self._found.items()}
        cells: Counter[Cell] = Counter()
        for period, counts in found.items():
            for (path, caller, what), count in counts.items():
                side = Side.CANONICAL if what == Side.CANONICAL else Side.LEGACY
                kind = what if what == "invalid_user_id" else "routed"
                cells[Cell(EVERYBODY if path else caller, side, "", kind, period.epoch)] += count
        return cells

    def _read(self) -> Counter[_Seen]:
        now: Counter[_Seen] = Counter()
        for path, tally in self._tallies.items():
            for what, count in tally.snapshot().items():
                now[path, "", what] += count
        for each in tuple(self._unsampled.values()):
            module = module_of(each.caller)
            now["", module, Side.LEGACY.value] += each.legacy
            now["", module, Side.CANONICAL.value] += each.canonical
        return now
