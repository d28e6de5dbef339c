"""A life as far as it is written: whose pages are open, and what people have."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from shim.balance.life.events import Booking, Event, Kind, Person

SOON_S, TOLD_S = 0.03, 0.45
"""In which a new page is looked after, and in which a window is closed and its frame has left."""
_MOST = Decimal(2**33)
_AMOUNTS = tuple(
    map(Decimal, ("0.000001", "0.1", "0.7", "0.333333", "12.345678", "1", "250000.000001", "0.05"))
)
_SOURCES = (
    "UNI_farming_income",
    "TON_farming_income",
    "mission",
    "boost_income",
    "подарок",
    'a "quoted" source',
    "b",
    "a",
)


@dataclass(slots=True)
class Draft:
    """What has been written so far. Of `people` only the first two are told of anything."""

    chance: random.Random
    people: Sequence[Person]
    real: Sequence[Booking]
    pages: dict[int, int]
    next_page: int
    events: list[Event] = field(default_factory=list)
    texts: int = 0
    uni: list[Decimal] = field(default_factory=list)
    ton: list[Decimal] = field(default_factory=list)

    def add(self, kind: Kind, **fields: object) -> None:
        """Let one thing more happen."""
        self.events.append(Event(kind, **fields))  # type: ignore[arg-type]

    def passes(self, seconds: float) -> None:
        """Let time go by."""
        self.add(Kind.PASSES, seconds=seconds)

    def opens(self, who: int = 0, *, within: bool = False, lacks: int = 0) -> int:
        """Open one more page, and give it the time to be looked after; return its number."""
        page = self.next_page
        self.next_page += 1
        self.pages[page] = who
        self.add(Kind.OPENS, who=who, page=page, within=within, count=lacks)
        if not within:
            self.passes(SOON_S)
        return page

    def tabs(self, least: int, who: int = 0) -> list[int]:
        """Return the pages of somebody, and open as many as lack."""
        while len(self.of(who)) < least:
            self.opens(who)
        return self.of(who)

    def of(self, who: int) -> list[int]:
        """Return somebody's open pages."""
        return [page for page, owner in self.pages.items() if owner == who]

    def moves(self, page: int, who: int) -> None:
        """Let a page's socket subscribe for somebody else."""
        self.add(Kind.MOVES, who=who, page=page)
        self.pages[page] = who
        self.passes(SOON_S)

    def ends(self, page: int, kind: Kind, *, within: bool = False) -> None:
        """End a page, in a way of three."""
        del self.pages[page]
        self.add(kind, page=page, within=within)

    def books(
        self, who: int = 0, *, times: int = 1, within: bool = False, rising: bool = False
    ) -> None:
        """Commit some bookings: the user's own of late once more, or what is apt to go wrong."""
        made = tuple(self._booking(who, rising=rising) for _ in range(times))
        self.add(Kind.BOOKS, who=who, bookings=made, within=within)

    def tells(
        self, who: int = 0, *, times: int = 1, within: bool = False, rising: bool = False
    ) -> None:
        """Commit, and tell the service."""
        self.books(who, times=times, within=within, rising=rising)
        self.add(Kind.HINTS, who=who, within=within)

    def told(self, who: int = 0, *, times: int = 1) -> None:
        """Commit, tell, and give the time that a window takes."""
        self.tells(who, times=times)
        self.passes(TOLD_S)

    def _booking(self, who: int, *, rising: bool) -> Booking:
        chance = self.chance
        currency, amount, source = chance.choice(("UNI", "TON")), *self._drawn()
        if self.real and chance.random() < 0.3:
            own = chance.choice(self.real)
            currency, amount, source = own.currency, own.amount, own.source
        if rising:
            amount = abs(amount)
        elif chance.random() < 0.25:
            amount = -amount
        held = self.uni if currency == "UNI" else self.ton
        if not 0 <= held[who] + amount <= _MOST and not rising:
            amount = -amount
        if not 0 <= held[who] + amount <= _MOST:
            amount = Decimal("0.000001")
        held[who] += amount
        return Booking(currency, amount, source)

    def _drawn(self) -> tuple[Decimal, str]:
        return self.chance.choice(_AMOUNTS), self.chance.choice(_SOURCES)
