"""Work in portions, for whoever may pause between them."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

_Member = TypeVar("_Member")


def portions_of(size: int, members: Sequence[_Member]) -> Iterator[Sequence[_Member]]:
    """Yield the members in their order, up to `size` at once."""
    for first in range(0, len(members), size):
        yield members[first : first + size]
