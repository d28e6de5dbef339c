"""The canonical's own reader is compared too: whoever judges reads apart from it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.notifications.ports import TruthReader, UserTruth
from shim.balance.reader_probe import EVERY_NTH, ReaderProbe
from tests.notifications.doubles import MemoryTruth
from tests.shim.harness import Harness


class Misreading:
    """A reader that hands on what is right, but for what a subclass does to it."""

    def __init__(self, truth: TruthReader) -> None:
        self.truth = truth

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, UserTruth]:
        """Read, and change each answer."""
        found = self.truth.read(since, timeout=timeout)
        return {user_id: self.change(each, since[user_id]) for user_id, each in found.items()}

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Place as it should."""
        return self.truth.place(user_id, uni, ton)

    def change(self, truth: UserTruth, since: int | None) -> UserTruth:
        """Change nothing."""
        return truth


class OnePage(Misreading):
    """Reads no more than ten transactions."""

    def change(self, truth: UserTruth, since: int | None) -> UserTruth:
        """Cut."""
        return replace(truth, transactions=truth.transactions[-10:])


class Floating(Misreading):
    """Reads balances as binary floats."""

    def change(self, truth: UserTruth, since: int | None) -> UserTruth:
        """Convert."""
        return replace(truth, uni=float(truth.uni), ton=float(truth.ton))  # type: ignore[arg-type]


class OffByOne(Misreading):
    """Leaves the first newer transaction out."""

    def change(self, truth: UserTruth, since: int | None) -> UserTruth:
        """Cut."""
        return replace(truth, transactions=truth.transactions[1:])


class Swapping(Misreading):
    """Takes one currency for the other."""

    def change(self, truth: UserTruth, since: int | None) -> UserTruth:
        """Swap."""
        return replace(truth, uni=truth.ton, ton=truth.uni)


class Remembering(Misreading):
    """Asks of each user once."""

    def __init__(self, truth: TruthReader) -> None:
        super().__init__(truth)
        self.known: dict[int, UserTruth] = {}

    def change(self, truth: UserTruth, since: int | None) -> UserTruth:
        """Answer from memory."""
        return self.known.setdefault(truth.user_id, truth)


class OldestPlace(Misreading):
    """Finds the first version that had a balance, where the newest is asked for."""

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Look from the wrong end."""
        booked = self.truth.read({user_id: 0})[user_id].transactions
        same = (each.version for each in booked if (each.uni_after, each.ton_after) == (uni, ton))
        return next(same, None)


def _played(reader: Any, *, shadow: int = 100, percent: int = 0) -> Harness:
    truth = MemoryTruth()
    harness = Harness(percent=percent, shadow=shadow, truth=truth, candidates_truth=reader(truth))
    harness.connect()
    for number in range(2 * EVERY_NTH):
        harness.boost("0.7" if number % 2 else "-0.7" if number else "0.7")
        harness.run()
    return harness


@pytest.mark.parametrize(
    "reader", [OnePage, Floating, OffByOne, Swapping, Remembering, OldestPlace]
)
def test_a_reader_that_reads_wrongly_is_found(reader: Any) -> None:
    """By truth, though the service that ships makes the best of what it is told."""
    outcomes = _played(reader).outcomes()
    assert outcomes["truth"]["mismatched"] > 0


def test_a_reader_that_is_right_is_asked_and_nothing_differs() -> None:
    """Two readers of one database, asked one after the other, agree."""
    outcomes = _played(Misreading).outcomes()
    assert outcomes["truth"] == {"matched": 2 * EVERY_NTH}


def test_what_is_booked_between_the_two_readers_is_no_difference() -> None:
    """The bookings are asked last: what came between is not held against the first answer."""
    truth = MemoryTruth()
    truth.book(7, "1")
    truth.book(7, "-1")

    class Overtaken(Misreading):
        def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
            """Let something be booked right after the answer."""
            found = super().place(user_id, uni, ton)
            truth.book(7, "1" if found else "-1")
            return found

        def change(self, truth_: UserTruth, since: int | None) -> UserTruth:
            """Let something be booked right after the answer."""
            truth.book(7, "0.5")
            truth.book(7, "-0.5")
            return truth_

    probed = ReaderProbe(Overtaken(truth), truth).ask(7, seen=2)
    assert probed is not None
    assert probed.actual == probed.expected
