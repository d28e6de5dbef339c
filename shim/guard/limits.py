"""What the guard tolerates. Every limit has a name, which its messages repeat."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shim.guard.evidence import Harm


class GuardLimitsError(ValueError):
    """A limit that cannot be kept: the message says which and why."""


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """How much is too much. Raises GuardLimitsError.

    `alpha` is the chance of one false trip by divergences in a whole rollout, `tolerated` the
    share of comparisons that may diverge unexplained. `harms` are how many of each harm are
    borne. `errors` is by how much the share of calls that raise may be higher on the canonical
    side, `sends` the share of its sends that may fail, `slowdown` by what factor its 99th
    percentile may be above legacy's, `floor_us` the microseconds below which nothing is slow.
    Shares of fewer than `least` calls are not judged.
    """

    alpha: float = 0.001
    tolerated: float = 0.0001
    harms: Mapping[Harm, int] = field(default_factory=lambda: dict.fromkeys(Harm, 0))
    errors: float = 0.01
    sends: float = 0.05
    slowdown: float = 8.0
    floor_us: int = 10_000
    least: int = 200

    def __post_init__(self) -> None:
        self._check_share("alpha", self.alpha)
        self._check_share("tolerated", self.tolerated, below=0.5)
        self._check_share("errors", self.errors)
        self._check_share("sends", self.sends)
        if not self.slowdown > 1.0:
            raise GuardLimitsError(f"slowdown is {self.slowdown}: give a factor above 1")
        for name, number in (("floor_us", self.floor_us), ("least", self.least)):
            if number < 1:
                raise GuardLimitsError(f"{name} is {number}: give a whole number of at least 1")
        for harm, most in self.harms.items():
            if most < 0:
                raise GuardLimitsError(f"{harm} is {most}: give how many are borne, 0 for none")

    def _check_share(self, name: str, value: float, *, below: float = 1.0) -> None:
        if not 0.0 < value < below:
            raise GuardLimitsError(f"{name} is {value}: give a number between 0 and {below:g}")
