"""What one connection is shown: the truth, compared with what it was shown before."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from app.notifications.messages import BalanceFrame
from app.notifications.ports import BookedTransaction, UserTruth


def frame_since(truth: UserTruth, since: int | None, at: datetime) -> BalanceFrame | None:
    """Return the frame that takes a connection from version `since` to the truth.

    None if the truth is not newer. None for a page of which nobody knows what it shows (`since`
    None): it has just read the balance, and nothing came in while it looked.
    """
    if since is None or truth.version <= since:
        return None
    return _frame(truth, since, _newer(truth, since), at)


def steps(truth: UserTruth, since: int | None) -> tuple[tuple[UserTruth, int | None], ...]:
    """Return what `frame_since` is to be asked for a page of version `since`: mostly just that.

    Nothing if what is newer changed nothing. Two steps if the changes add up to nothing, as +5 and
    -5: a page would show their sum as "+0", and may have read the balance that was there between.
    """
    if since is None:
        return ((truth, since),)
    newer = _newer(truth, since)
    last = next((n for n in reversed(range(len(newer))) if newer[n].amount), None)
    if last is None:
        return ()
    if any(_changed(newer).values()):
        return ((truth, since),)
    then = newer[last - 1]
    there = replace(
        truth,
        version=then.version,
        uni=then.uni_after,
        ton=then.ton_after,
        transactions=tuple(newer[:last]),
    )
    return ((there, since), (truth, then.version))


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
    truth: UserTruth, since: int | None, covered: Sequence[BookedTransaction], at: datetime
) -> BalanceFrame:
    """Return the frame that says the balance of `truth`, and the changes that are `covered`."""
    changed = _changed(covered)
    return BalanceFrame(
        user_id=truth.user_id,
        version=truth.version,
        since=since,
        uni=truth.uni,
        ton=truth.ton,
        change_uni=changed["UNI"],
        change_ton=changed["TON"],
        sources=tuple(dict.fromkeys(transaction.source for transaction in covered)),
        at=at,
    )


def _newer(truth: UserTruth, since: int) -> list[BookedTransaction]:
    return [booked for booked in truth.transactions if booked.version > since]


def _changed(covered: Iterable[BookedTransaction]) -> dict[str, Decimal]:
    changed = {"UNI": Decimal(0), "TON": Decimal(0)}
    for transaction in covered:
        changed[transaction.currency] += transaction.amount
    return changed
