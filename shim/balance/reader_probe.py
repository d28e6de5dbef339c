"""The canonical's own reader, put to questions that its shadow seldom asks.

A shadow's pages lack a change or two. A page that comes back lacks many, a farming tick reads
hundreds of users at once, and where a balance was before is asked only if another service spoke.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from shim.exact import SIX_PLACES
from shim.ports import Booked, Truth, TruthReader

EVERY_NTH = 16
"""One of so many versions is probed with"""
FAR_BACK = 128
"""so many transactions, where a user has as many."""
NOBODYS = Decimal(-1)
"""A balance that nobody ever had."""


def is_probed(version: int) -> bool:
    """Tell whether the reader is asked at this version. A replay asks at the same ones."""
    return version % EVERY_NTH == 0


class Probed(NamedTuple):
    """What the reader should have answered, and what it did."""

    expected: dict[str, object]
    actual: dict[str, object]


class ReaderProbe:
    """Asks the canonical's reader, and then the bookings, which may only have grown since."""

    def __init__(self, reader: TruthReader, bookings: TruthReader) -> None:
        self._reader = reader
        self._bookings = bookings
        self._before: tuple[int, int] | None = None

    def ask(self, subject: int, *, seen: int) -> Probed | None:
        """Return what is to be compared; None if the reader could not read now.

        `seen` is a version that the database is known to have held. Another user's answer is
        compared with it, the one who was asked of before. Raises what the bookings raise.
        """
        versions = {subject: seen} | dict([self._before] if self._before else [])
        self._before = (subject, seen)
        since = {user_id: max(version - FAR_BACK, 0) for user_id, version in versions.items()}
        try:
            found = self._reader.read(since)
            alone = self._reader.read({subject: None})
            unplaced = self._reader.place(subject, NOBODYS, NOBODYS)
            like = _to_place(found.get(subject))
            placed = like and self._reader.place(subject, like.uni_after, like.ton_after)
        except Exception:  # noqa: BLE001 - a read that fails is for the shadow's own to show
            return None
        booked = self._bookings.read(since)
        expected, actual = {}, {}
        for number, user_id in enumerate(versions):
            name = "another user" if number else "the user"
            truth = found.get(user_id)
            actual[name] = _answer(truth)
            expected[name] = _right(booked.get(user_id), truth, seen=versions[user_id])
        actual["balance alone"] = _answer(alone.get(subject))
        expected["balance alone"] = _alone(booked.get(subject), alone.get(subject), seen=seen)
        actual["place"], expected["place"] = [placed, unplaced], [placed, None]
        if like is not None:
            places = _places(booked.get(subject), like)
            if placed not in places or any(placed < each <= seen for each in places):
                expected["place"] = [max(places, default=None), None]
        return Probed(expected, actual)


def _to_place(truth: Truth | None) -> Booked | None:
    """Return a transaction whose balances came back later, else the oldest there is."""
    booked = () if truth is None else truth.transactions
    newest = {(each.uni_after, each.ton_after): each.version for each in booked}
    came_back = (each for each in booked if newest[each.uni_after, each.ton_after] > each.version)
    return next(came_back, booked[0] if booked else None)


def _right(booked: Truth | None, said: Truth | None, *, seen: int) -> object:
    """Return what there was at the version that was said, if the database can have held it."""
    if booked is None:
        return None
    version = seen if said is None else max(said.version, seen)
    held = [each for each in booked.transactions if each.version <= version]
    at = held[-1] if held and held[-1].version == version else None
    if at is None and version != booked.version:
        return {"version": booked.version}
    uni, ton = (booked.uni, booked.ton) if at is None else (at.uni_after, at.ton_after)
    return _plain(version, uni, ton, held)


def _alone(booked: Truth | None, said: Truth | None, *, seen: int) -> object:
    right = _right(booked, said, seen=seen)
    return right | {"transactions": []} if isinstance(right, dict) else right


def _answer(truth: Truth | None) -> object:
    if truth is None:
        return None
    return _plain(truth.version, truth.uni, truth.ton, truth.transactions)


def _plain(version: int, uni: object, ton: object, booked: Sequence[Booked]) -> dict[str, object]:
    return {
        "version": version,
        "uni": _money(uni),
        "ton": _money(ton),
        "transactions": [
            {
                "version": each.version,
                "currency": str(each.currency),
                "amount": _money(each.amount),
                "source": each.source,
                "uni_after": _money(each.uni_after),
                "ton_after": _money(each.ton_after),
            }
            for each in booked
        ],
    }


def _money(value: object) -> object:
    """Return an exact amount as it is; of what only looks like one, what it is."""
    if isinstance(value, Decimal) and value.is_finite():
        return value.quantize(SIX_PLACES) if value == value.quantize(SIX_PLACES) else value
    return f"{value} ({type(value).__name__})"


def _places(booked: Truth | None, like: Booked) -> list[int]:
    """Return the versions that left the same balances."""
    return [
        each.version
        for each in (() if booked is None else booked.transactions)
        if (each.uni_after, each.ton_after) == (like.uni_after, like.ton_after)
    ]
