"""A life as plain data: who has what, and what happens, one thing after the other."""

from decimal import Decimal
from enum import StrEnum

from shim.replay.case import Part


class Kind(StrEnum):
    """What happens. `page` and `who` of an event say to which page, and to whose."""

    OPENS = "opens"
    """A page that has just read the balance is registered; with `count` it says that it shows an
    older one, by so many versions."""
    AGAIN = "again"
    """It subscribes a second time."""
    LEAVES = "leaves"
    """It was closed: its socket ends, and nobody comes back."""
    DROPS = "drops"
    """Its socket ends, and the page will be back on another."""
    MOVES = "moves"
    """The same socket subscribes for `who`."""
    BREAKS = "breaks"
    """Its socket ends, and the service is not told of it before the life is over."""
    SLOWS = "slows"
    """It takes nothing any more."""
    TAKES = "takes"
    """It takes whatever waits, now and from here on."""
    BOOKS = "books"
    """`bookings` are committed for `who`."""
    HINTS = "hints"
    """The service is told that something of `who` may have changed."""
    PASSES = "passes"
    """`seconds` go by."""
    LOST = "lost"
    """Another service serves `who` from here on."""
    GAINED = "gained"
    """The canonical serves `who` again, and a sweep looks at once whether something is missing."""
    LEGACY = "legacy"
    """The other service shows each page of `who` the balance."""
    FAILS = "fails"
    """The next `count` reads fail."""
    STEPS = "steps"
    """The wall clock is set forward or back by `seconds`."""
    SAYS = "says"
    """A caller sends `who` a message of its own type, numbered `count`."""
    FLUSHES = "flushes"
    """All windows are closed now."""


class Booking(Part, frozen=True):
    """One transaction that a life commits."""

    currency: str
    amount: Decimal
    source: str


class Person(Part, frozen=True):
    """Somebody in a life, and what they had before it."""

    user: int
    version: int
    uni: Decimal
    ton: Decimal


class Event(Part, frozen=True, omit_defaults=True):
    """One thing that happens; with `within` it does in the middle of the next read."""

    kind: Kind
    who: int = 0
    page: int = 0
    seconds: float = 0.0
    count: int = 0
    bookings: tuple[Booking, ...] = ()
    within: bool = False


class Life(Part, frozen=True):
    """All of it. `stayed` are pages, with whose they are, that were there before."""

    people: tuple[Person, ...]
    events: tuple[Event, ...]
    stayed: tuple[tuple[int, int], ...] = ()
