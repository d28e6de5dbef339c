"""What the database of a life holds, and how the canonical reads it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from shim.balance.life.events import Booking, Person
from shim.ports import Unavailable

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
KEPT = 200
"""Transactions of one user: far more than a page ever lacks in a life."""


@dataclass(frozen=True, slots=True)
class HeldBooking:
    """One transaction."""

    version: int
    currency: str
    amount: Decimal
    source: str
    uni_after: Decimal
    ton_after: Decimal
    created_at: datetime


@dataclass(frozen=True, slots=True)
class HeldTruth:
    """A user's balance, with the transactions asked for."""

    user_id: int
    version: int
    uni: Decimal
    ton: Decimal
    transactions: tuple[HeldBooking, ...]


class HeldAccount:
    """One user's balance and transactions."""

    def __init__(self, person: Person) -> None:
        self.user = person.user
        self.version, self.uni, self.ton = person.version, person.uni, person.ton
        self._opening = HeldBooking(
            self.version, "UNI", Decimal(0), "", self.uni, self.ton, LONG_AGO
        )
        self._booked: list[HeldBooking] = []

    def book(self, bookings: Sequence[Booking], at: datetime) -> None:
        """Commit these."""
        for booking in bookings:
            self.version += 1
            if booking.currency == "UNI":
                self.uni += booking.amount
            else:
                self.ton += booking.amount
            self._booked.append(
                HeldBooking(
                    self.version,
                    booking.currency,
                    booking.amount,
                    booking.source,
                    self.uni,
                    self.ton,
                    at,
                )
            )
        del self._booked[:-KEPT]

    def truth(self, since: int | None) -> HeldTruth:
        """Return what there is, and what is newer than `since`."""
        newer = () if since is None else (each for each in self._booked if each.version > since)
        return HeldTruth(self.user, self.version, self.uni, self.ton, tuple(newer))

    @property
    def first(self) -> int:
        """The version that the user had before."""
        return self._opening.version

    def whole(self) -> HeldTruth:
        """Return all there was, beginning with what the user had before."""
        booked = (self._opening, *self._booked)
        return HeldTruth(self.user, self.version, self.uni, self.ton, booked)

    def person(self) -> Person:
        """Return what the user has now."""
        return Person(self.user, self.version, self.uni, self.ton)

    def place(self, uni: Decimal, ton: Decimal) -> int | None:
        """Return the newest version with these balances."""
        if (uni, ton) == (self.uni, self.ton):
            return self.version
        for each in reversed(self._booked):
            if (each.uni_after, each.ton_after) == (uni, ton):
                return each.version
        return None


class HeldReader:
    """A `TruthReader` over a life's accounts.

    `within` is called in the middle of the next read, once it knows its answer. `failing` reads
    to come fail. `answered` is told of each read that did not: when it began, and its answer.
    """

    def __init__(
        self,
        *,
        unavailable: Unavailable,
        moment: Callable[[], float],
        answered: Callable[[int, Mapping[int, HeldTruth]], None],
    ) -> None:
        self._unavailable = unavailable
        self._moment = moment
        self._answered = answered
        self.accounts: dict[int, HeldAccount] = {}
        self.begun = 0
        self.is_reading = False
        self.failing = 0
        self.failed_at: float | None = None
        self.within: list[Callable[[], None]] = []

    def begin_anew(self) -> None:
        """Let no read fail any more, and nothing happen in one that did not come about."""
        self.failing = 0
        self.within.clear()

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, HeldTruth]:
        """Return the truth of each user that exists."""
        self.begun += 1
        begun = self.begun
        if self.failing:
            self.failing -= 1
            self.failed_at = self._moment()
            raise self._unavailable("this is rehearsed: nobody asked the database")
        found = {
            user_id: self.accounts[user_id].truth(version)
            for user_id, version in since.items()
            if user_id in self.accounts
        }
        within, self.within = self.within, []
        self.is_reading = True
        for happens in within:
            happens()
        self.is_reading = False
        self._answered(begun, found)
        return found

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Return the newest version whose balances equal these."""
        account = self.accounts.get(user_id)
        return None if account is None else account.place(uni, ton)
