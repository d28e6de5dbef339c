"""Kinds are compared at every depth, long lists in linear time, and odd values end nothing."""

import copy
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.shadow.conclude import conclude
from shim.shadow.differences import (
    Difference,
    DifferenceKind,
    Each,
    Recipients,
    differences,
    fingerprint,
)
from shim.shadow.result import Comparison, Judgement, NotCompared, Outcome
from tests.shim.values import Raising, nested


class Level(IntEnum):
    """A number with a name."""

    ONE = 1


class Word(StrEnum):
    """A text with a name."""

    A = "a"


@dataclass
class Price:
    """Plain data without a hash."""

    value: object


@dataclass
class Close:
    """A data class that says itself what it equals."""

    value: float

    def __eq__(self, other: Any) -> bool:
        return bool(abs(self.value - other.value) < 1)

    __hash__ = None  # type: ignore[assignment]


SCALARS = st.sampled_from(
    [None, 0, 1, True, False, 1.0, Decimal(1), Decimal("1.0"), "1", b"1", Level.ONE, Word.A, "a"]
)
VALUES = st.recursive(
    SCALARS | st.floats() | st.decimals(places=2),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]) | SCALARS, inner, max_size=3)
        | st.builds(Price, inner)
    ),
    max_leaves=12,
)


def alike(one: Any, other: Any) -> bool:
    """Say what is the same, in the plainest way there is."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return len(one) == len(other) and all(
            any(alike_keys(key, its) and alike(one[key], other[its]) for its in other)
            for key in one
        )
    if type(one) is not type(other):
        return False
    if isinstance(one, Price):
        return alike(one.value, other.value)
    return is_nan(one) and is_nan(other) if is_nan(one) or is_nan(other) else one == other


def is_nan(value: object) -> bool:
    """Say whether it is no number, though of a kind of number."""
    return isinstance(value, float | Decimal) and "nan" in str(value).lower()


def alike_keys(one: object, other: object) -> bool:
    """Text is one kind as a key: an enumeration's member looks the same in JSON."""
    if isinstance(one, str) and isinstance(other, str):
        return str(one) == str(other)
    return alike(one, other)


def without(members: Sequence[object], others: Sequence[object]) -> list[object]:
    """Return what is left of the members, each of the others taken away once."""
    left, rest = list(others), list[object]()
    for member in members:
        place = next((n for n, other in enumerate(left) if alike(member, other)), None)
        if place is None:
            rest.append(member)
        else:
            del left[place]
    return rest


def lists_compared(expected: Sequence[object], actual: Sequence[object]) -> list[tuple[str, str]]:
    """Return path and kind of the differences of two lists of scalars, every pair looked at."""
    missing, extra = without(expected, actual), without(actual, expected)
    if not missing and not extra:
        in_order = len(expected) == len(actual) and all(map(alike, expected, actual))
        return [] if in_order else [("", "order")]
    found = []
    if isinstance(expected, Recipients):
        paired = min(len(missing), len(extra))
        found = [("*", "recipient")] * paired
        missing, extra = missing[paired:], extra[paired:]
    elif len(missing) == len(extra):
        return [
            (f"*.{path}" if path else "*", kind)
            for left, right in zip(missing, extra, strict=True)
            for path, kind in shape(left, right)
        ]
    for members, others, kind in ((missing, actual, "missing"), (extra, expected, "extra")):
        for member in members:
            again = any(alike(member, other) for other in others)
            found.append(("*", "count" if again else kind))
    return found


def shape(expected: object, actual: object) -> list[tuple[str, str]]:
    """Return path and kind of each difference."""
    return [(found.path, str(found.kind)) for found in differences(expected, actual)]


@given(VALUES, VALUES)
def test_values_differ_just_if_their_kinds_or_contents_do(one: object, other: object) -> None:
    """At every depth, in keys and in data classes; nothing differs from itself."""
    assert (differences([one], [other]) == ()) == alike(one, other)
    assert differences(one, copy.deepcopy(one)) == ()


@given(st.lists(VALUES, max_size=6), st.lists(VALUES, max_size=6), st.randoms())
def test_lists_differ_as_if_every_pair_were_looked_at(
    expected: Sequence[object], actual: Sequence[object], chance: random.Random
) -> None:
    """Counting by keys finds what the quadratic definition finds, in the same order."""
    mixed = [*actual, *(member for member in expected if chance.random() < 0.7)]
    chance.shuffle(mixed)
    assert shape(expected, mixed) == lists_compared(expected, mixed)


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_recipients_differ_as_if_every_pair_were_looked_at(
    expected: list[str], actual: list[str]
) -> None:
    """One in the place of another is a difference of recipient, the rest as in any list."""
    ours, theirs = Recipients(expected), Recipients(actual)
    assert shape(ours, theirs) == lists_compared(ours, theirs)


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ({"a": [{"b": 1}]}, {"a": [{"b": True}]}, "a.*.b"),
        ([[1, 2]], [[1.0, 2]], "*.*"),
        ({"a": (1, Decimal(1))}, {"a": (1, 1)}, "a.*"),
        ({"a": None}, {"a": 0}, "a"),
        ({"a": Level.ONE}, {"a": 1}, "a"),
    ],
)
def test_another_kind_is_a_difference_of_type(one: object, other: object, path: str) -> None:
    """However deep it lies, and however equal Python finds the two."""
    assert shape(one, other) == [(path, "type")]


def test_a_key_of_another_kind_is_another_key() -> None:
    """1 is not True; what is None is there."""
    assert shape({1: "a"}, {True: "a"}) == [("1", "missing"), ("True", "extra")]
    assert shape({"a": None}, {}) == [("a", "missing")]


def test_a_value_that_says_itself_what_it_equals_is_asked() -> None:
    """Also without a hash, and in any order."""
    assert differences([Close(1), Close(9)], [Close(9.5), Close(1.5)])[0].kind == "order"
    assert shape([Close(1)], [Close(5)]) == [("*", "value")]


MANY = 100_000
BUSY_S = 5.0
"""Seconds of a processor that many share: a quiet one takes a tenth, all pairs would take hours."""
MEMBERS = {
    "numbers": list(range(MANY)),
    "texts": [f"user {number}" for number in range(MANY)],
    "mappings": [{"id": number, "source": "farming"} for number in range(MANY)],
    "the same twice": [number // 2 for number in range(MANY)],
}


@pytest.mark.parametrize("members", MEMBERS.values(), ids=list(MEMBERS))
def test_long_lists_take_as_long_as_they_are(members: list[object]) -> None:
    """100,000 members in another order, one of them changed: the time is that of a few looks."""
    other = copy.deepcopy(members)
    random.Random(3).shuffle(other)
    began = time.process_time()
    assert shape(members, other) == [("", "order")]
    assert time.process_time() - began < BUSY_S
    other[7] = "changed"
    assert len(shape(members, other)) == 1


def test_many_who_got_what_was_meant_for_others_are_found_in_no_time() -> None:
    """What 20,000 lack others got: each is paired once."""
    expected = Each({f"a{number}": number for number in range(20_000)})
    actual = Each({f"b{number}": number for number in reversed(range(20_000))})
    began = time.process_time()
    assert {kind for _, kind in shape(expected, actual)} == {"recipient"}
    assert time.process_time() - began < BUSY_S


def recursive() -> dict[str, object]:
    """Return a value that holds itself, twice."""
    value: dict[str, object] = {"a": 1}
    value["b"] = value["c"] = [value, value]
    return value


def doubled(depth: int) -> list[object]:
    """Return a small value that holds 2 to the power of `depth` others."""
    value: list[object] = [1]
    for _ in range(depth):
        value = [value, value]
    return value


UNCOMPARABLE = {
    "raising": Raising,
    "recursive": recursive,
    "deep": lambda: nested(5_000),
    "doubled": lambda: doubled(60),
}
ODD = {
    "a number of 5,000 digits": lambda: 10**5000,
    "half a character": lambda: "\ud800",
    "NaN": lambda: [float("nan"), Decimal("nan"), Decimal("snan")],
    "a text of a million": lambda: "x" * 1_000_000,
    "a key of half a character": lambda: {"\udfff" * 3: 1},
}


@pytest.mark.parametrize("make", UNCOMPARABLE.values(), ids=list(UNCOMPARABLE))
def test_a_value_that_cannot_be_compared_is_left_out_with_a_reason(
    make: Callable[[], object],
) -> None:
    """Nothing is raised, nothing hangs, and it is no divergence; beside one, that one counts."""
    result = conclude(Judgement(Comparison.SAYING, {"a": make()}, {"a": make()}), callers=["x"])
    assert (result.outcome, result.reason) == (Outcome.NOT_COMPARED, NotCompared.UNCOMPARABLE)
    both = Judgement(Comparison.SAYING, {"a": make(), "b": 1}, {"a": make(), "b": 2})
    assert conclude(both, callers=["x"]).outcome is Outcome.MISMATCHED
    assert {found.kind for found in differences({"a": make()}, {"a": 1})} == {"type"}


@pytest.mark.parametrize("make", ODD.values(), ids=list(ODD))
def test_an_odd_value_equals_itself_and_differs_from_others(make: Callable[[], object]) -> None:
    """And a difference of it has a fingerprint."""
    assert differences({"a": make()}, {"a": make()}) == ()
    assert differences([make(), 1], [1, make()])[0].kind == DifferenceKind.ORDER
    found = differences({"a": make(), "b": make()}, {"a": 1})
    assert len(found) == 2
    assert fingerprint("saying", ["x"], [*found, Difference("\ud800", found[0].kind, 1, 2)])
