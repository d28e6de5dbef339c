"""What one connection is shown: the truth, compared with what it was shown before."""

from datetime import datetime
from decimal import Decimal

from app.notifications.messages import BalanceFrame
from app.notifications.ports import UserTruth

_NOTHING = Decimal(0)


def frame_since(truth: UserTruth, since: int | None, at: datetime) -> BalanceFrame | None:
    """Return the frame that takes a connection from version `since` to the truth.

    None if the truth is not newer. A connection that was shown nothing (`since` None) gets
    the present balance, with no change and no source: nothing came in while it looked.
    """
    if since is not None and truth.version <= since:
        return None
    changed = {"UNI": _NOTHING, "TON": _NOTHING}
    sources: dict[str, None] = {}
    for transaction in truth.transactions if since is not None else ():
        if transaction.version > since:
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


def present_balance(truth: UserTruth, at: datetime) -> BalanceFrame:
    """Return the frame for a page that knows this version and was shown something else since.

    It has no change and no source: those it was told before.
    """
    return BalanceFrame(
        user_id=truth.user_id,
        version=truth.version,
        since=truth.version,
        uni=truth.uni,
        ton=truth.ton,
        change_uni=Decimal(0),
        change_ton=Decimal(0),
        sources=(),
        at=at,
    )


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
