"""A bounded memory of answers that were worked out once."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(Generic[K, V]):
    """Keys and their values, at most `2 * limit` of them; what is asked for stays.

    Two generations: entries are written to the young one; when it is full it becomes the
    old one and what was old is forgotten. That bounds the memory without a lock and
    without bookkeeping on a hit. Two threads that meet here can at worst forget an entry
    early, which costs working it out again.
    """

    __slots__ = ("_limit", "_old", "_young", "peek")

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a memo of {limit} entries remembers nothing: give 1 or more")
        self._limit = limit
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self.peek = self._young.get
        """Look among the young only: what it misses may still be remembered. A bare lookup."""

    def get(self, key: K) -> V | None:
        """Return what is remembered for `key`, or None."""
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember `value` for `key`."""
        if len(self._young) >= self._limit:
            self._old = self._young.copy()
            self._young.clear()
        self._young[key] = value

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())
