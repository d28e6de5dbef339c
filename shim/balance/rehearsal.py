"""What nobody calls for is rehearsed by the canonical's shadow, in some episodes.

Which ones, the version that the pages show decides, so that a replay rehearses the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from shim.ports import Booked, Truth, TruthReader

EVERY_NTH = 8
"""One of so many versions is rehearsed with each of these."""


class Rehearsal(IntEnum):
    """What is rehearsed, by the remainder of the version."""

    HANDOVER = 3
    """The user is handed over to another service: what is pending must be said at once."""
    NEWCOMER = 5
    """A page connects that was shown nothing, and must be greeted."""
    OVERTAKEN = 6
    """Something is booked, and told, while the database is read: it must not be forgotten."""


def is_due(rehearsal: Rehearsal, version: int) -> bool:
    """Tell whether pages at this version are to see it."""
    return version % EVERY_NTH == rehearsal


@dataclass(frozen=True, slots=True)
class EarlierTruth:
    """What the database held one transaction ago."""

    user_id: int
    version: int
    uni: Decimal
    ton: Decimal
    transactions: Sequence[Booked]


class OvertakenReader:
    """A `TruthReader` that is overtaken by a call of `notify`, once for each user in `overtaken`.

    It answers with what there was before the newest transaction, and tells of that one before it
    returns. One thread does both: nobody who notifies ever waits for a read.
    """

    def __init__(self, truth: TruthReader, *, notify: Callable[[int], object]) -> None:
        self._truth = truth
        self._notify = notify
        self.overtaken: set[int] = set()
        self.place = truth.place

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, Truth]:
        """Return the truth of each user that exists; raises what the reader raises."""
        found = dict(self._truth.read(since, timeout=timeout))
        for user_id in self.overtaken.intersection(found):
            earlier = _before(user_id, found[user_id])
            if earlier is not None:
                self.overtaken.discard(user_id)
                found[user_id] = earlier
                self._notify(user_id)
        return found


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
