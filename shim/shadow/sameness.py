"""When two values are the same: of one kind at every depth, and equal.

1, True, 1.0, Decimal(1) and "1" are five values. A tuple is the same as a list, and any mapping
the same as a dict. NaN is the same as another NaN of its kind.

Members of lists are compared by keys: hashable stand-ins that are equal just if the values are
the same, so that they can be counted.
"""

from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from math import isnan
from uuid import UUID

DEEPEST = 100
"""Levels of containers. A value with more, or one that holds itself, cannot be compared."""
MOST_VALUES = 5_000_000
"""Values that one comparison looks at: a small one may hold itself many times over."""

SIMPLE: frozenset[type] = frozenset(
    {bool, bytes, complex, date, datetime, Fraction, int, str, time, timedelta, type(None), UUID}
)
"""Kinds whose values have no parts."""
_NUMBERS: frozenset[type] = frozenset({float, Decimal})
LISTS = (list, tuple)
"""Kinds that are compared as lists."""
_NAN = "nan"
_ABSENT = object()

_TEXT = frozenset({str})

Key = tuple[int, Hashable]
"""Which kind of value it is, as the address of its class, and what it is equal by.

Not the class itself: the garbage collector would look at every one of many tuples again and again.
"""


class UncomparableError(ValueError):
    """A value cannot be compared; the message says why."""


def is_same_scalar(one: object, other: object) -> bool:
    """Whether both are certainly the same, as far as that can be told without looking inside."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in SIMPLE:
        return one == other
    return kind in _NUMBERS and _of_number(one) == _of_number(other)  # type: ignore[arg-type]


class Sameness:
    """Says what is the same within one comparison, and how far it may still look.

    Its methods raise UncomparableError, and whatever a value's own methods raise. `depth` is the
    number of containers around a value.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def look_into(self, members: int, depth: int) -> None:
        """Take note that a container's members are looked at. Raises UncomparableError."""
        if depth >= DEEPEST:
            raise UncomparableError(f"it is nested deeper than {DEEPEST} levels, or in itself")
        self._left -= members
        if self._left < 0:
            raise UncomparableError(f"it holds more than {MOST_VALUES:,} values")

    def same(self, one: object, other: object, depth: int) -> bool:
        """Whether both are of one kind and equal."""
        if is_same_scalar(one, other):
            return True
        kind, its = type(one), type(other)
        if kind is dict and its is dict:
            return self._same_mappings(one, other, depth)  # type: ignore[arg-type]
        if kind in LISTS and its in LISTS:
            return self.same_members(one, other, depth)  # type: ignore[arg-type]
        return self.key_of(one, depth) == self.key_of(other, depth)

    def same_members(self, one: Sequence[object], other: Sequence[object], depth: int) -> bool:
        """Whether two lists have the same members in the same order."""
        return len(one) == len(other) == self.alike_at_first(one, other, depth)

    def alike_at_first(self, one: Sequence[object], other: Sequence[object], depth: int) -> int:
        """Return how many members are the same in both, from the first on."""
        self.look_into(len(one), depth)
        for place, (left, right) in enumerate(zip(one, other, strict=False)):
            if not self.same(left, right, depth + 1):
                return place
        return min(len(one), len(other))

    def _same_mappings(
        self, one: dict[object, object], other: dict[object, object], depth: int
    ) -> bool:
        if len(one) != len(other):
            return False
        self.look_into(len(one), depth)
        for key, item in one.items():
            if type(key) is not str:
                return self.key_of(one, depth) == self.key_of(other, depth)
            its = other.get(key, _ABSENT)
            if not is_same_scalar(item, its) and (
                its is _ABSENT or not self.same(item, its, depth + 1)
            ):
                return False
        return True

    def key_of(self, value: object, depth: int) -> Key:
        """Return a key that is equal to another value's just if both are the same."""
        kind = type(value)
        if kind in SIMPLE:
            return id(kind), value
        if kind in _NUMBERS:
            return id(kind), _of_number(value)  # type: ignore[arg-type]
        if kind is dict:
            return id(dict), self._key_of_mapping(value, depth)  # type: ignore[arg-type]
        if isinstance(value, Enum):
            return id(kind), value.name
        if isinstance(value, LISTS):
            return id(list), tuple(self.keys_of(value, depth))
        if isinstance(value, Mapping):
            return id(dict), self._key_of_mapping(value, depth)
        if isinstance(value, Set):
            return id(kind), frozenset(self.keys_of(list(value), depth))
        if _is_plain_dataclass(value):
            names = [each.name for each in fields(value) if each.compare]  # type: ignore[arg-type]
            return id(kind), tuple(self.keys_of([getattr(value, name) for name in names], depth))
        return id(kind), _by_itself(value)

    def keys_of(self, members: Sequence[object], depth: int) -> list[Key]:
        """Return the keys of a list's members."""
        self.look_into(len(members), depth)
        key_of, depth = self.key_of, depth + 1
        return [
            (id(type(member)), member) if type(member) in SIMPLE else key_of(member, depth)
            for member in members
        ]

    def _key_of_mapping(self, value: Mapping[object, object], depth: int) -> Hashable:
        if not _TEXT.issuperset(map(type, value)):
            keys = self.keys_of(list(value.values()), depth)
            return frozenset(zip(map(self.name_key, value), keys, strict=True))
        self.look_into(len(value), depth)
        members: list[Hashable] = []
        for name in sorted(value):  # type: ignore[type-var]
            item = value[name]
            kind = type(item)
            if kind in SIMPLE:
                members += name, id(kind), item
            elif kind in _NUMBERS:
                members += name, id(kind), _of_number(item)  # type: ignore[arg-type]
            else:
                members += name, *self.key_of(item, depth + 1)
        return tuple(members)

    def name_key(self, key: object) -> Hashable:
        """Return the key of a mapping's key: text is one kind, whatever class of text it is."""
        return str.__str__(key) if isinstance(key, str) else self.key_of(key, 0)


def _of_number(value: float | Decimal) -> Hashable:
    nan = value.is_nan() if type(value) is Decimal else isnan(value)
    return _NAN if nan else value


class _Unhashable:
    """Stands for a value that has no hash: only its kind is hashed."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __hash__(self) -> int:
        return hash(type(self._value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unhashable) and bool(self._value == other._value)


def _is_plain_dataclass(value: object) -> bool:
    """Whether it is a data class that is compared by its fields, not by an `__eq__` of its own."""
    if not is_dataclass(value) or isinstance(value, type):
        return False
    equals = vars(type(value)).get("__eq__")
    made = getattr(getattr(equals, "__code__", None), "co_filename", "")
    return bool(made.startswith("<"))  # made by the decorator: it stands in no file


def _by_itself(value: object) -> Hashable:
    """Return what is equal to whatever the value says that it is equal to."""
    return value if getattr(type(value), "__hash__", None) is not None else _Unhashable(value)
