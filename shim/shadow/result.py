"""Two observations compared: matched, mismatched, known, or not compared and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from shim.shadow.differences import Difference


class Comparison(StrEnum):
    """The three questions that an episode answers, counted apart."""

    REACH = "reach"
    """What production really did against the candidate implementation: who got anything."""
    TRUTH = "truth"
    """The candidate implementation against the system of record. Nothing excuses this one."""
    SAYING = "saying"
    """The candidate implementation against a counterfactual: would it have said the same."""


WITH_NOISE = (Comparison.REACH, Comparison.SAYING)
"""Comparisons that a legacy side can be put to with itself; of the truth it knows nothing."""


def noise_of(comparison: str) -> str:
    """Return the name under which the noise floor of a comparison is counted."""
    return f"noise of {comparison}"


class Outcome(StrEnum):
    """What became of one comparison of one episode."""

    MATCHED = "matched"
    MISMATCHED = "mismatched"
    KNOWN = "known"
    NOT_COMPARED = "not_compared"


class NotCompared(StrEnum):
    """Why a comparison was not made."""

    RACED = "raced"
    """The state moved under the comparison."""
    FLIPPED = "flipped"
    """Another side took over within the episode."""
    FORCED = "forced"
    """A side still had work pending when the episode's time was up."""
    TIMED_OUT = "timed_out"
    """A shadow did not come back within its deadline."""
    QUEUE_FULL = "queue_full"
    """A call found the queue full."""
    CPU_BUDGET = "cpu_budget"
    """Shadows had used up their share of the processor."""
    NO_CONNECTION = "no_connection"
    """The subject has nobody to be told: both sides can only be silent."""
    UNREADABLE = "unreadable"
    """The system of record could not be read."""
    UNCOMPARABLE = "uncomparable"
    """A value cannot be compared: its own methods raise, it holds itself, or is far too large."""
    BROKEN = "broken"
    """Comparing itself failed; the log says how."""
    LEFT_OVER = "left_over"
    """The process stopped before the episode was over."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the binding hands over to be compared: two structures, or why there are none.

    `known` is the id of the known divergence that would excuse a difference here. With `noise`
    both structures are legacy's own: what differs is noise of the comparison itself.
    """

    comparison: Comparison
    expected: object = None
    actual: object = None
    skipped: NotCompared | None = None
    known: str | None = None
    noise: bool = False


def left_out(reason: NotCompared, *, noise: Iterable[Comparison] = ()) -> list[Judgement]:
    """Return the judgements of an episode that is not compared, those of its noise included."""
    return [
        *(Judgement(comparison, skipped=reason) for comparison in Comparison),
        *(Judgement(comparison, skipped=reason, noise=True) for comparison in noise),
    ]


@dataclass(frozen=True, slots=True)
class Result:
    """One comparison of one episode; with `noise`, of legacy with itself."""

    comparison: Comparison
    outcome: Outcome
    reason: NotCompared | None = None
    differences: tuple[Difference, ...] = ()
    fingerprint: str | None = None
    known: str | None = None
    noise: bool = False

    @property
    def name(self) -> str:
        """What it is counted under."""
        return noise_of(self.comparison) if self.noise else self.comparison
