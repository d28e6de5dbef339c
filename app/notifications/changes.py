"""What one connection is shown: the truth, compared with what it was shown before."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from app.notifications.messages import BalanceFrame
from app.notifications.ports import BookedTransaction, UserTruth


def frames_since(truth: UserTruth, since: int | None, at: datetime) -> tuple[BalanceFrame, ...]:
    """Return the frames that take a connection from version `since` to the truth: mostly one.

    None if the truth is not newer, or what is newer changed nothing. Two if the changes add up to
    nothing, as +5 and -5: a page would show their sum as "+0", and may have read the balance that
    was there between the two. None for a page of which nobody knows what it shows (`since` None):
    it has just read the balance, and nothing came in while it looked.
    """
    if since is None:
        return ()
    newer = [booked for booked in truth.transactions if booked.version > since]
    last = next((n for n in reversed(range(len(newer))) if newer[n].amount), None)
    if truth.version <= since or last is None:
        return ()
    frame = _frame(truth, since, newer, at)
    if frame.is_change:
        return (frame,)
    between = newer[last - 1]
    there = replace(truth, version=between.version, uni=between.uni_after, ton=between.ton_after)
    return (
        _frame(there, since, newer[:last], at),
        _frame(truth, between.version, newer[last:], at),
    )


def correction(
    truth: UserTruth, since: int | None, shown: tuple[Decimal, Decimal], at: datetime
) -> BalanceFrame:
    """Return the frame for a page that knows what came in, and shows other balances since.

    Its change is what moves on the page, with no source: nothing came in.
    """
    uni, ton = shown
    frame = _frame(truth, since, (), at)
    return replace(frame, change_uni=truth.uni - uni, change_ton=truth.ton - ton)


def merged(earlier: BalanceFrame, later: BalanceFrame) -> BalanceFrame:
    """Return the one frame that says what two frames of a connection say one after the other."""
    return BalanceFrame(
        user_id=later.user_id,
        version=later.version,
        since=earlier.since,
        uni=later.uni,
        ton=later.ton,
        change_uni=earlier.change_uni + later.change_uni,
        change_ton=earlier.change_ton + later.change_ton,
        sources=tuple(dict.fromkeys(earlier.sources + later.sources)),
        at=later.at,
    )


def _frame(
    truth: UserTruth, since: int | None, covered: Iterable[BookedTransaction], at: datetime
) -> BalanceFrame:
    """Return the frame that says the balance of `truth`, and the changes that are `covered`."""
    changed = {"UNI": Decimal(0), "TON": Decimal(0)}
    sources: dict[str, None] = {}
    for transaction in covered:
        changed[transaction.currency] += transaction.amount
        sources[transaction.source] = None
    return BalanceFrame(
        user_id=truth.user_id,
        version=truth.version,
        since=since,
        uni=truth.uni,
        ton=truth.ton,
        change_uni=changed["UNI"],
        change_ton=changed["TON"],
        sources=tuple(sources),
        at=at,
    )
