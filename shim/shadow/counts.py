"""Counters with every denominator, of one process since its start."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from shim.shadow.activity import MARK, Activities, by_activity
from shim.shadow.callers import module_of
from shim.shadow.events import LiveCall
from shim.shadow.latency import Latencies
from shim.shadow.result import WITH_NOISE, Comparison, NotCompared, Outcome, Result

EVERYBODY = "*"
"""The caller under which everything is counted once, whoever called."""
OTHERS = "others"
"""The caller under which those are counted who come after the first `MOST_CALLERS`."""
MOST_CALLERS = 200
HARM = "harm:"
"""Begins what divergences are counted as that a binding calls a harm."""


class Cell(NamedTuple):
    """One counter: whose calls, served by which side, in which comparison (or none), and what.

    `caller` is a module, `EVERYBODY`, `OTHERS`, or the class of how busy the subject is.
    `comparison` is "noise of" one where legacy was compared with itself.
    `what` is `routed`, `sampled`, `dropped:REASON`, an outcome, `not_compared:REASON`, or
    `harm:HARM`.
    """

    caller: str
    side: str
    comparison: str
    what: str


@dataclass(slots=True)
class Counts:
    """Written by the shadow thread alone, so a plain counter does; readers take a snapshot."""

    calls: int = 0
    """Calls that were sampled and taken up."""
    episodes: int = 0
    forced: int = 0
    """Episodes closed with work pending."""
    stale_legacy: int = 0
    """Legacy frames sent although older than what the page is known to show."""
    dropped: Counter[NotCompared] = field(default_factory=Counter)
    """Sampled calls that never became part of an episode, by reason."""
    faults: Counter[str] = field(default_factory=Counter)
    """What comparing and publishing raised, by which of its steps."""
    outcomes: Counter[tuple[Comparison, Outcome]] = field(default_factory=Counter)
    reasons: Counter[tuple[Comparison, NotCompared]] = field(default_factory=Counter)
    noise: Counter[tuple[Comparison, Outcome]] = field(default_factory=Counter)
    """The outcomes of legacy compared with itself, with their own denominators."""
    noise_reasons: Counter[tuple[Comparison, NotCompared]] = field(default_factory=Counter)
    latency: Latencies = field(default_factory=Latencies)
    """How long the calls of all episodes took, on either side."""
    raised: Counter[str] = field(default_factory=Counter)
    """How many of them raised, by side."""
    activities: Activities = field(default_factory=Activities)
    """How busy each subject is; its class is counted as a caller is."""
    _cells: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    _callers: set[str] = field(default_factory=set)

    @property
    def cells(self) -> dict[Cell, int]:
        """The same per caller and side. An episode of several callers counts once for each."""
        return {Cell(*cell): n for cell, n in self._cells.copy().items()}

    def take_up(self, call: LiveCall) -> None:
        """Count a call that became part of an episode."""
        self.calls += 1
        self._tally(self._names(call), call.serving, "", "sampled")

    def drop(self, call: LiveCall, reason: NotCompared) -> None:
        """Count a call that did not."""
        self.dropped[reason] += 1
        self._tally(self._names(call), call.serving, "", f"dropped:{reason}")

    def lose(self, lost: Mapping[tuple[int, str], int], *, at: float) -> None:
        """Note how busy those are whose calls found the queue full, by subject and side."""
        for (subject, side), count in lost.items():
            self.activities.note(subject, at, count)
            cell = (self.activities.name_of(subject), side, "", f"dropped:{NotCompared.QUEUE_FULL}")
            self._cells[cell] = self._cells.get(cell, 0) + count

    def add(self, result: Result, *, callers: Iterable[str] = (), side: str = "") -> None:
        """Count one result of an episode, with who called in it (each once) and who served."""
        outcomes, reasons = self._sums(noise=result.noise)
        outcomes[result.comparison, result.outcome] += 1
        # Plain text and tuples: an enum's hash and a named tuple are made in Python code,
        # which is felt where every call and episode is counted.
        what = result.outcome._value_
        if result.reason is not None:
            reasons[result.comparison, result.reason] += 1
            what = f"{what}:{result.reason._value_}"
        self._tally(callers, side, str(result.name), what)

    def ran(self, side: str, seconds: float, *, raised: bool) -> None:
        """Count a call of an episode that is over."""
        self.latency.add(side, seconds)
        if raised:
            self.raised[side] += 1

    def harm(self, result: Result, harm: str, *, side: str) -> None:
        """Count what a divergence did that needs no statistics, with who served."""
        self._tally((), side, str(result.name), f"{HARM}{harm}")

    def snapshot(self) -> dict[str, object]:
        """Return plain data: each comparison with its own denominator."""
        return {
            "calls": self.calls,
            "episodes": self.episodes,
            "forced": self.forced,
            "stale_legacy": self.stale_legacy,
            "dropped": {str(reason): n for reason, n in list(self.dropped.items())},
            "faults": dict(self.faults),
            "latency": self.latency.snapshot(),
            "activity": by_activity(self._cells.copy()),
            "comparisons": {str(comparison): self._of(comparison) for comparison in Comparison},
            "noise": {
                str(comparison): self._of(comparison, noise=True) for comparison in WITH_NOISE
            },
        }

    def _sums(
        self, *, noise: bool
    ) -> tuple[
        Counter[tuple[Comparison, Outcome]],
        Counter[tuple[Comparison, NotCompared]],
    ]:
        return (self.noise, self.noise_reasons) if noise else (self.outcomes, self.reasons)

    def _tally(self, callers: Iterable[str], side: str, comparison: str, what: str) -> None:
        cells = self._cells
        for caller in (EVERYBODY, *callers):
            cell = (self._name(caller), side, comparison, what)
            cells[cell] = cells.get(cell, 0) + 1

    def _names(self, call: LiveCall) -> tuple[str, str]:
        self.activities.note(call.subject, call.started)
        return module_of(call.caller), self.activities.name_of(call.subject)

    def _name(self, caller: str) -> str:
        if caller not in self._callers and caller != EVERYBODY and not caller.startswith(MARK):
            if len(self._callers) >= MOST_CALLERS:
                return OTHERS
            self._callers.add(caller)
        return caller

    def _of(self, comparison: Comparison, *, noise: bool = False) -> dict[str, object]:
        outcomes, reasons = self._sums(noise=noise)
        numbers = {outcome: outcomes[comparison, outcome] for outcome in Outcome}
        return {
            "compared": sum(numbers.values()) - numbers[Outcome.NOT_COMPARED],
            **{str(outcome): n for outcome, n in numbers.items()},
            "reasons": {
                str(reason): n
                for (which, reason), n in list(reasons.items())
                if which is comparison
            },
        }
