"""What nobody calls for is rehearsed by the canonical's shadow, in some episodes.

Which ones, the version that the pages show decides, so that a replay rehearses the same.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shim.ports import Booked, Truth, TruthReader, Unavailable

EVERY_NTH = 8
"""One of so many versions is rehearsed with each of these,"""
SELDOM = 2 * EVERY_NTH
"""and one of so many with each of those."""
LONGEST_PAUSE_S = 1.5
"""Seconds after a read that failed, in which a candidate has read again: it may pause for one."""
HANDOVER_S = 86_400.0
"""Seconds for the read of a handover, which is no deadline: its speed is not rehearsed."""
STREAK_S = (0.08, 0.16, 0.24, 0.32)
"""When a user is notified of again, in seconds after a call: each time before a window closes for
want of hints, and on until it ought to have closed all the same."""


class Guest(StrEnum):
    """A page that joins the user's own: a recipient that is no connection of theirs."""

    NEWCOMER = "a new page"
    """It has just read the balance: it is told of what was just booked, and of no more."""
    BEHIND = "a page that is behind"
    """It lacks one change more than the user's own, and is told of both."""
    OVERHEARD = "a page that legacy told"
    """What the canonical showed it is older than what legacy did: changes begin there."""
    MISLED = "a page that legacy misled"
    """Legacy showed it something else than there is: it must be put right by the difference."""


_HANDOVER_AT, _OVERTAKEN_AT = 3, 6
_STREAK_AT, _UNREADABLE_AT = 4, 12
_GUESTS_AT = {1: Guest.OVERHEARD, 2: Guest.BEHIND, 5: Guest.NEWCOMER, 7: Guest.MISLED}
GUESTS = frozenset(Guest)
HEARD = Decimal(-1)
"""Both balances of what a guest heard: nobody has these, so they are taken for no others."""


def is_handed_over(version: int) -> bool:
    """Tell whether the user is handed over to another service: what is pending must be said."""
    return version % EVERY_NTH == _HANDOVER_AT


def is_overtaken(version: int) -> bool:
    """Tell whether something is booked, and told, while the database is read."""
    return version % EVERY_NTH == _OVERTAKEN_AT


def is_streak(version: int) -> bool:
    """Tell whether the user is notified of again and again, with nothing new to say."""
    return version % SELDOM == _STREAK_AT


def is_unreadable(version: int) -> bool:
    """Tell whether the first read fails, and must be tried again."""
    return version % SELDOM == _UNREADABLE_AT


def changes_when(version: int) -> bool:
    """Tell whether something is rehearsed that changes when things are said."""
    rehearsed = (is_handed_over, is_overtaken, is_streak, is_unreadable)
    return any(is_it(version) for is_it in rehearsed)


def guest_at(version: int) -> Guest | None:
    """Return which page joins, if one does."""
    return _GUESTS_AT.get(version % EVERY_NTH)


def heard_at(version: int) -> str:
    """Return the frame of legacy that a guest was shown, in one of legacy's two shapes."""
    if version // EVERY_NTH % 2:
        return json.dumps(
            {"type": "balance_update", "data": {"balance_uni": -1, "balance_ton": -1}}
        )
    return json.dumps(
        {
            "type": "balance_update",
            "balanceData": {"balanceUni": float(HEARD), "balanceTon": float(HEARD)},
        }
    )


@dataclass(frozen=True, slots=True)
class EarlierTruth:
    """What the database held one transaction ago."""

    user_id: int
    version: int
    uni: Decimal
    ton: Decimal
    transactions: Sequence[Booked]


class RehearsingReader:
    """A `TruthReader` for the canonical's shadow.

    It is overtaken by a call of `notify`, once for each user in `overtaken`: it answers with what
    there was before the newest transaction, and tells of that one before it returns. One thread
    does both, for nobody who notifies ever waits for a read. What a guest heard it finds at the
    version in `placed`. For each user in `unreadable` it raises what `unavailable` returns, once.
    """

    def __init__(
        self,
        truth: TruthReader,
        *,
        notify: Callable[[int], object],
        unavailable: Unavailable,
        monotonic: Callable[[], float],
    ) -> None:
        self._truth = truth
        self._monotonic = monotonic
        self._notify = notify
        self._unavailable = unavailable
        self._failed: set[int] = set()
        self.overtaken: set[int] = set()
        self.placed: dict[int, int] = {}
        self.unreadable: set[int] = set()
        self.handing_over = False
        """Whether the reads of now are asked for by a handover, and not by the candidate itself."""
        self._failed_at: float | None = None

    @property
    def reads_well(self) -> bool:
        """Whether the candidate has no excuse for being late.

        After a real read that failed it may pause, until its next read that does not fail. A
        handover's read ends no pause: we ask for that one, whenever it is. No pause is longer than
        `LONGEST_PAUSE_S`.
        """
        return self._failed_at is None or self._monotonic() - self._failed_at > LONGEST_PAUSE_S

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, Truth]:
        """Return the truth of each user that exists; raises what the reader raises."""
        if self._is_to_fail(since):
            raise self._unavailable("this is rehearsed: nobody asked the database")
        try:
            found = dict(self._truth.read(since, timeout=timeout))
        except BaseException:
            self._failed_at = self._monotonic()
            raise
        if not self.handing_over:
            self._failed_at = None
        self._failed.difference_update(since)
        for user_id in self.overtaken.intersection(found):
            earlier = _before(user_id, found[user_id])
            if earlier is not None:
                self.overtaken.discard(user_id)
                found[user_id] = earlier
                self._notify(user_id)
        return found

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Return the newest version whose stored balances equal these."""
        if uni == ton == HEARD:
            return self.placed.get(user_id)
        return self._truth.place(user_id, uni, ton)

    def _is_to_fail(self, users: Collection[int]) -> bool:
        """Tell whether to fail now: for all of these at once, and not before that was made good.

        Whoever reads may pause the longer the more reads have failed on end.
        """
        asked = self.unreadable.intersection(users)
        self.unreadable -= asked
        if not asked or self._failed or not self.reads_well:
            return False
        self._failed.update(users)
        return True

    def forget(self, user_id: int) -> None:
        """Rehearse nothing more with a user."""
        self.overtaken.discard(user_id)
        self.unreadable.discard(user_id)
        self._failed.discard(user_id)
        self.placed.pop(user_id, None)


def _before(user_id: int, truth: Truth) -> EarlierTruth | None:
    """Return what there was before the newest transaction; None if that was not read."""
    newest = max(truth.transactions, key=lambda each: each.version, default=None)
    if newest is None or newest.version != truth.version:
        return None
    of_uni = newest.currency == "UNI"
    return EarlierTruth(
        user_id,
        truth.version - 1,
        truth.uni - newest.amount if of_uni else truth.uni,
        truth.ton if of_uni else truth.ton - newest.amount,
        tuple(each for each in truth.transactions if each is not newest),
    )
