"""Counters with every denominator, of one process since its start."""

from collections import Counter
from dataclasses import dataclass, field

from shim.shadow.latency import Latencies
from shim.shadow.result import Comparison, NotCompared, Outcome, Result


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
    outcomes: Counter[tuple[Comparison, Outcome]] = field(default_factory=Counter)
    reasons: Counter[tuple[Comparison, NotCompared]] = field(default_factory=Counter)
    latency: Latencies = field(default_factory=Latencies)
    """How long the calls of all episodes took, on either side."""

    def add(self, result: Result) -> None:
        """Count one result."""
        self.outcomes[result.comparison, result.outcome] += 1
        if result.reason is not None:
            self.reasons[result.comparison, result.reason] += 1

    def snapshot(self) -> dict[str, object]:
        """Return plain data: each comparison with its own denominator."""
        return {
            "calls": self.calls,
            "episodes": self.episodes,
            "forced": self.forced,
            "stale_legacy": self.stale_legacy,
            "dropped": {str(reason): n for reason, n in list(self.dropped.items())},
            "latency": self.latency.snapshot(),
            "comparisons": {str(comparison): self._of(comparison) for comparison in Comparison},
        }

    def _of(self, comparison: Comparison) -> dict[str, object]:
        numbers = {outcome: self.outcomes[comparison, outcome] for outcome in Outcome}
        return {
            "compared": sum(numbers.values()) - numbers[Outcome.NOT_COMPARED],
            **{str(outcome): n for outcome, n in numbers.items()},
            "reasons": {
                str(reason): n
                for (which, reason), n in list(self.reasons.items())
                if which is comparison
            },
        }
