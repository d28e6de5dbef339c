"""What becomes of one judgement: its two structures are compared, and what differs may be known."""

from collections.abc import Iterable

from shim.shadow.differences import DifferenceKind, differences, fingerprint
from shim.shadow.known import Excuse, nothing_is_known
from shim.shadow.result import Judgement, NotCompared, Outcome, Result, noise_of


def conclude(
    judgement: Judgement, *, callers: Iterable[str], excuse: Excuse = nothing_is_known
) -> Result:
    """Compare the two structures of a judgement; what differs may be known."""
    comparison, noise = judgement.comparison, judgement.noise
    if judgement.skipped is not None:
        return Result(comparison, Outcome.NOT_COMPARED, judgement.skipped, noise=noise)
    found = differences(judgement.expected, judgement.actual)
    if not found:
        return Result(comparison, Outcome.MATCHED, noise=noise)
    if all(each.kind is DifferenceKind.UNCOMPARABLE for each in found):
        return Result(comparison, Outcome.NOT_COMPARED, NotCompared.UNCOMPARABLE, noise=noise)
    if noise:
        mark = fingerprint(noise_of(comparison), callers, found)
        return Result(
            comparison, Outcome.MISMATCHED, differences=found, fingerprint=mark, noise=True
        )
    mark = fingerprint(comparison, callers, found)
    known = judgement.known or excuse(comparison, mark, found)
    return Result(
        comparison,
        Outcome.MISMATCHED if known is None else Outcome.KNOWN,
        differences=found,
        fingerprint=mark,
        known=known,
    )
