"""Counters with every denominator, of one process since its start.

What is counted belongs to the period in which its episode was served, whenever it is counted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from shim.shadow.activity import MARK, Activities, by_activity
from shim.shadow.callers import module_of
from shim.shadow.events import LiveCall
from shim.shadow.latency import Latencies
from shim.shadow.period import Period, period_of
from shim.shadow.queue import Lost
from shim.shadow.result import WITH_NOISE, Comparison, NotCompared, Outcome, Result

EVERYBODY = "*"
"""The caller under which everything is counted once, whoever called."""
OTHERS = "others"
"""The caller under which those are counted who come after the first `MOST_CALLERS`."""
MOST_CALLERS = 200
HARM = "harm:"
"""Begins what divergences are counted as that a binding calls a harm."""
MOST_PERIODS = 64
"""Periods that a process tells apart; older ones are in its sums alone."""


class Cell(NamedTuple):
    """One counter: whose calls, served by which side, in which comparison (or none), and what.

    `caller` is a module, `EVERYBODY`, `OTHERS`, or the class of how busy the subject is.
    `comparison` is "noise of" one where legacy was compared with itself.
    `what` is `routed`, `sampled`, `dropped:REASON`, an outcome, `not_compared:REASON`, or
    `harm:HARM`. `epoch` is the kill switch's when the episode was served.
    """

    caller: str
    side: str
    comparison: str
    what: str
    epoch: int = 0


@dataclass(slots=True)
class Numbers:
    """What was counted, of one period or of all of them."""

    calls: int = 0
    """Calls that were sampled and taken up."""
    episodes: int = 0
    forced: int = 0
    """Episodes closed with work pending."""
    stale_legacy: int = 0
    """Legacy frames sent although older than what the page is known to show."""
    dropped: Counter[NotCompared] = field(default_factory=Counter)
    """Sampled calls that never became part of an episode, by reason."""
    outcomes: Counter[tuple[Comparison, Outcome]] = field(default_factory=Counter)
    reasons: Counter[tuple[Comparison, NotCompared]] = field(default_factory=Counter)
    noise: Counter[tuple[Comparison, Outcome]] = field(default_factory=Counter)
    """The outcomes of legacy compared with itself, with their own denominators."""
    noise_reasons: Counter[tuple[Comparison, NotCompared]] = field(default_factory=Counter)
    latency: Latencies = field(default_factory=Latencies)
    """How long the calls of all episodes took, on either side."""
    raised: Counter[str] = field(default_factory=Counter)
    """How many of them raised, by side."""
    cells: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """The same per caller and side. An episode of several callers counts once for each."""

    def add(self, other: "Numbers") -> None:
        """Add what another one counted, which may go on counting meanwhile."""
        self.calls += other.calls
        self.episodes += other.episodes
        self.forced += other.forced
        self.stale_legacy += other.stale_legacy
        self.dropped.update(other.dropped.copy())
        self.outcomes.update(other.outcomes.copy())
        self.reasons.update(other.reasons.copy())
        self.noise.update(other.noise.copy())
        self.noise_reasons.update(other.noise_reasons.copy())
        self.latency.update(other.latency)
        self.raised.update(other.raised.copy())
        self.cells.update(other.cells.copy())

    def snapshot(self) -> dict[str, object]:
        """Return plain data: each comparison with its own denominator."""
        return {
            "calls": self.calls,
            "episodes": self.episodes,
            "forced": self.forced,
            "stale_legacy": self.stale_legacy,
            "dropped": {str(reason): n for reason, n in self.dropped.copy().items()},
            "latency": self.latency.snapshot(),
            "activity": by_activity(self.cells.copy()),
            "comparisons": {str(comparison): self._of(comparison) for comparison in Comparison},
            "noise": {
                str(comparison): self._of(comparison, noise=True) for comparison in WITH_NOISE
            },
        }

    def _of(self, comparison: Comparison, *, noise: bool = False) -> dict[str, object]:
        outcomes = self.noise if noise else self.outcomes
        reasons = self.noise_reasons if noise else self.reasons
        numbers = {outcome: outcomes[comparison, outcome] for outcome in Outcome}
        return {
            "compared": sum(numbers.values()) - numbers[Outcome.NOT_COMPARED],
            **{str(outcome): n for outcome, n in numbers.items()},
            "reasons": {
                str(reason): n
                for (which, reason), n in reasons.copy().items()
                if which is comparison
            },
        }


class Counts:
    """Written by the shadow thread alone, so plain counters do; readers take a snapshot."""

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        """What comparing and publishing raised, by which of its steps."""
        self.activities = Activities()
        """How busy each subject is; its class is counted as a caller is."""
        self._periods: dict[Period, Numbers] = {}
        self._older = Numbers()
        """The sums of the periods that are told apart no more."""
        self._callers: set[str] = set()

    @property
    def periods(self) -> dict[Period, Numbers]:
        """What was counted in each period, the one that began last at the end."""
        return self._periods.copy()

    @property
    def sums(self) -> Numbers:
        """What was counted in all of them since the start."""
        sums = Numbers()
        for numbers in self._all:
            sums.add(numbers)
        return sums

    @property
    def calls(self) -> int:
        """Calls of all periods that were taken up."""
        return sum(numbers.calls for numbers in self._all)

    @property
    def episodes(self) -> int:
        """Episodes of all periods."""
        return sum(numbers.episodes for numbers in self._all)

    @property
    def forced(self) -> int:
        """Episodes of all periods that were closed with work pending."""
        return sum(numbers.forced for numbers in self._all)

    @property
    def stale_legacy(self) -> int:
        """Legacy frames of all periods that were older than what the page showed."""
        return sum(numbers.stale_legacy for numbers in self._all)

    @property
    def dropped(self) -> Counter[NotCompared]:
        """Calls of all periods that never became part of an episode."""
        return self.sums.dropped

    @property
    def outcomes(self) -> Counter[tuple[Comparison, Outcome]]:
        """The outcomes of all periods."""
        return self.sums.outcomes

    @property
    def reasons(self) -> Counter[tuple[Comparison, NotCompared]]:
        """Why comparisons of all periods were not made."""
        return self.sums.reasons

    @property
    def noise(self) -> Counter[tuple[Comparison, Outcome]]:
        """The outcomes of legacy compared with itself, of all periods."""
        return self.sums.noise

    @property
    def noise_reasons(self) -> Counter[tuple[Comparison, NotCompared]]:
        """Why legacy could not be compared with itself, of all periods."""
        return self.sums.noise_reasons

    @property
    def latency(self) -> Latencies:
        """How long the calls of all periods took."""
        return self.sums.latency

    @property
    def cells(self) -> dict[Cell, int]:
        """The counters of the periods that are told apart, each under its epoch."""
        found: Counter[Cell] = Counter()
        for period, numbers in self._periods.copy().items():
            for cell, count in numbers.cells.copy().items():
                found[Cell(*cell, period.epoch)] += count
        return dict(found)

    def take_up(self, call: LiveCall) -> None:
        """Count a call that became part of an episode."""
        numbers = self._of(call.decision)
        numbers.calls += 1
        self._tally(numbers, self._names(call), call.serving, "", "sampled")

    def drop(self, call: LiveCall, reason: NotCompared) -> None:
        """Count a call that did not."""
        numbers = self._of(call.decision)
        numbers.dropped[reason] += 1
        self._tally(numbers, self._names(call), call.serving, "", f"dropped:{reason}")

    def lose(self, lost: Mapping[Lost, int], *, at: float) -> None:
        """Note how busy those are whose calls found the queue full."""
        what = f"dropped:{NotCompared.QUEUE_FULL}"
        for (subject, side, period), count in lost.items():
            self.activities.note(subject, at, count)
            self.of(period).cells[self.activities.name_of(subject), side, "", what] += count

    def begin_episode(self, call: LiveCall) -> None:
        """Count an episode that this call opens."""
        self._of(call.decision).episodes += 1

    def force(self, call: LiveCall) -> None:
        """Count an episode, opened by this call, that is closed with work pending."""
        self._of(call.decision).forced += 1

    def go_stale(self, call: LiveCall) -> None:
        """Count a legacy frame, of an episode that this call opened, that is out of date."""
        self._of(call.decision).stale_legacy += 1

    def add(self, result: Result, call: LiveCall, *, callers: Iterable[str] = ()) -> None:
        """Count one result of an episode: the call that opened it, who called (each once)."""
        numbers = self._of(call.decision)
        outcomes = numbers.noise if result.noise else numbers.outcomes
        outcomes[result.comparison, result.outcome] += 1
        # Plain text and tuples: an enum's hash and a named tuple are made in Python code,
        # which is felt where every call and episode is counted.
        what = result.outcome._value_
        if result.reason is not None:
            reasons = numbers.noise_reasons if result.noise else numbers.reasons
            reasons[result.comparison, result.reason] += 1
            what = f"{what}:{result.reason._value_}"
        self._tally(numbers, callers, call.serving, str(result.name), what)

    def ran(self, call: LiveCall, side: str, seconds: float, *, raised: bool) -> None:
        """Count a call of an episode that is over, which this call opened."""
        numbers = self._of(call.decision)
        numbers.latency.add(side, seconds)
        if raised:
            numbers.raised[side] += 1

    def harm(self, result: Result, harm: str, call: LiveCall) -> None:
        """Count what a divergence did that needs no statistics; the call opened its episode."""
        numbers = self._of(call.decision)
        self._tally(numbers, (), call.serving, str(result.name), f"{HARM}{harm}")

    def snapshot(self) -> dict[str, object]:
        """Return the sums of all periods as plain data."""
        return {**self.sums.snapshot(), "faults": dict(self.faults)}

    def of(self, period: Period) -> Numbers:
        """Return the numbers of a period, which begins here if it is new."""
        numbers = self._periods.get(period)
        if numbers is None:
            numbers = self._periods[period] = Numbers()
            if len(self._periods) > MOST_PERIODS:
                self._older.add(self._periods.pop(next(iter(self._periods))))
        return numbers

    @property
    def _all(self) -> tuple[Numbers, ...]:
        return (self._older, *self._periods.copy().values())

    def _of(self, decision: object) -> Numbers:
        return self.of(period_of(decision))

    def _tally(
        self,
        numbers: Numbers,
        callers: Iterable[str],
        side: str,
        comparison: str,
        what: str,
    ) -> None:
        cells = numbers.cells
        for caller in (EVERYBODY, *callers):
            cells[self._name(caller), side, comparison, what] += 1

    def _names(self, call: LiveCall) -> tuple[str, str]:
        self.activities.note(call.subject, call.started)
        return module_of(call.caller), self.activities.name_of(call.subject)

    def _name(self, caller: str) -> str:
        if caller not in self._callers and caller != EVERYBODY and not caller.startswith(MARK):
            if len(self._callers) >= MOST_CALLERS:
                return OTHERS
            self._callers.add(caller)
        return caller
