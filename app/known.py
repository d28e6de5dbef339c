"""What an operator does to known divergences: accept, end, and see which of them hold."""

from datetime import UTC, datetime

from app.known_files import not_meant_to_stay
from app.known_words import words
from app.parts import Parts
from app.rollout import Order, RolloutError, recorded
from shim.shadow.known import KnownDivergence, KnownDivergenceError, check_new, covers
from shim.shadow.ledger_store import LedgerError, LedgerView


def accept(parts: Parts, order: Order, new: KnownDivergence) -> tuple[str, ...]:
    """Keep one more known divergence; return what else has to be said.

    Raises KnownDivergenceError for one that is over, overlaps another or belongs to another
    comparison; KnownStoreError.
    """
    now = datetime.now(UTC)
    known = parts.known.read()
    check_new(new, known, now=now)
    notes = _check_against_ledger(parts, new, [each for each in known if each.is_active(now)])
    parts.known.accept(new, now=now)
    return (*notes, *recorded(parts, order, "known accept", "-", words(new)))


def end(parts: Parts, order: Order, id_: str) -> tuple[KnownDivergence, tuple[str, ...]]:
    """Forget a known divergence; return it, and what else has to be said.

    Raises KnownDivergenceError, KnownStoreError.
    """
    ended = parts.known.end(id_)
    return ended, recorded(parts, order, "known end", words(ended), "-")


def refuse_complete(parts: Parts, percentage: int) -> None:
    """Raise RolloutError if everybody would be moved over what is not meant to stay."""
    why = not_meant_to_stay(parts.known) if percentage == 100 else None
    if why is not None:
        raise RolloutError(f"not set to 100 %: {why}")


def hits(parts: Parts) -> dict[str, int] | None:
    """Return how often each known divergence was met; None if the ledger cannot be read."""
    try:
        return parts.ledger.read().hits()
    except LedgerError:
        return None


def _check_against_ledger(
    parts: Parts, new: KnownDivergence, others: list[KnownDivergence]
) -> tuple[str, ...]:
    """Refuse a fingerprint of another comparison, or one that another rule covers already."""
    mark = new.rule.fingerprint
    try:
        ledger = parts.ledger.read()
    except LedgerError as error:
        return (f"whether this overlaps another rule could not be looked up: {error}",)
    if mark is None:
        return _check_place(ledger, new, others)
    groups = [group for group in ledger.groups if group.fingerprint == mark]
    if not groups:
        return (f"the ledger has no divergence {mark} so far",)
    for group in groups:
        if group.comparison != new.rule.comparison:
            raise KnownDivergenceError(
                f"the fingerprint {mark} is one of {group.comparison}, not of"
                f" {new.rule.comparison}: each known divergence belongs to one comparison"
            )
        for other in others:
            if group.known == other.id or covers(other.rule, group.comparison, group.differences):
                raise KnownDivergenceError(
                    f"the divergence {mark} is known already, as {other.id} ({other.rule}): end"
                    " that one first if it is wrong"
                )
    return ()


def _check_place(
    ledger: LedgerView, new: KnownDivergence, others: list[KnownDivergence]
) -> tuple[str, ...]:
    """Refuse a path and kind that take in a fingerprint which is accepted by itself."""
    by_mark = {other.rule.fingerprint: other for other in others}
    for group in ledger.groups:
        other = by_mark.get(group.fingerprint)
        if other is not None and covers(new.rule, group.comparison, group.differences):
            raise KnownDivergenceError(
                f"the rule ({new.rule}) overlaps that of {other.id} ({other.rule}): the divergence"
                f" {group.fingerprint} would belong to both; end {other.id} first"
            )
    return ()
