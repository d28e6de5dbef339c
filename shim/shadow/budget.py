"""The share of one processor core that shadows may use."""


class CpuBudget:
    """A token bucket of processor seconds.

    Once it is empty no new work should begin until half is back; what is under way may
    overdraw it by as much as it holds.

    `share` is a fraction of one core, `burst` the seconds of wall time whose allowance
    can be saved up.
    """

    def __init__(self, share: float, *, burst: float = 2.0) -> None:
        self._share = share
        self._most = share * burst
        self._left = self._most
        self._seen: float | None = None
        self.exhausted = False
        """Whether no new work should begin."""
        self.overdrawn = False
        """Whether what is under way must stop as well."""

    def spend(self, cpu: float, *, now: float) -> None:
        """Account for `cpu` processor seconds used until `now` (monotonic seconds)."""
        if self._seen is not None:
            self._left = min(self._most, self._left + self._share * max(now - self._seen, 0.0))
        self._seen = now
        self._left -= cpu
        if self._left <= 0:
            self.exhausted = True
        elif self._left >= self._most / 2:
            self.exhausted = self.overdrawn = False
        if self._left <= -self._most:
            self.overdrawn = True
