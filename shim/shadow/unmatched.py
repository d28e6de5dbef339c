"""Which members one list has and another lacks, counted: the time grows with their number."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from shim.shadow.sameness import Key, Sameness


class Unmatched:
    """The members that one list has more often than the other, in order, each with its number.

    Members that are the same have the same number. The first of both lists are `alike`; what
    comes after them is counted.
    """

    __slots__ = ("_common", "_numbers", "_ours", "_sameness", "_theirs", "extra", "missing")

    def __init__(
        self,
        sameness: Sameness,
        expected: Sequence[object],
        actual: Sequence[object],
        *,
        alike: int,
        depth: int,
    ) -> None:
        self._sameness = sameness
        self._numbers: dict[Key, int] = {}
        left, right = expected[alike:], actual[alike:]
        if len(left) == len(right) and sameness.same_members(left[1:], right[1:], depth):
            left, right = left[:1], right[:1]  # only one has changed: the rest need no numbers
        self._ours, self._theirs = self._numbered(left, depth), self._numbered(right, depth)
        self._common = partial(self._numbered, expected[:alike], depth)
        self.missing = _without(self._ours, left, self._theirs)
        self.extra = _without(self._theirs, right, self._ours)

    def of_both_lists(self) -> tuple[set[int], set[int]]:
        """Return the numbers of all members, expected and actual."""
        common = self._common()
        return {*common, *self._ours}, {*common, *self._theirs}

    def _numbered(self, members: Sequence[object], depth: int) -> list[int]:
        numbers = self._numbers
        keys = self._sameness.keys_of(members, depth)
        return [numbers.setdefault(key, len(numbers)) for key in keys]


def _without(
    numbers: Sequence[int], members: Sequence[object], others: Sequence[int]
) -> list[tuple[int, object]]:
    left = Counter(others)
    rest = []
    for number, member in zip(numbers, members, strict=True):
        count = left.get(number)
        if count:
            left[number] = count - 1
        else:
            rest.append((number, member))
    return rest
