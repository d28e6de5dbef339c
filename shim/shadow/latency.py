"""How long the calls of each side took, as a histogram that is cheap to keep and to add up."""

from collections import Counter


class Latencies:
    """Counts calls by side and by the power of two of microseconds that they stayed below."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[int]] = {}

    def add(self, side: str, seconds: float) -> None:
        """Count one call."""
        below = 1 << max(int(seconds * 1e6), 0).bit_length()
        self._counts.setdefault(side, Counter())[below] += 1

    def snapshot(self) -> dict[str, dict[str, int]]:
        """Return for each side how many calls stayed below so many microseconds, by class."""
        return {
            side: {str(below): n for below, n in sorted(counts.copy().items())}
            for side, counts in self._counts.copy().items()
        }
