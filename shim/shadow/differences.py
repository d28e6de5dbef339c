"""Typed differences between two structures of plain data."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shim.shadow.latency import LatencyClass


class DifferenceKind(StrEnum):
    """How two values at one path differ."""

    MISSING = "missing"
    """Expected, and not there."""
    EXTRA = "extra"
    """There, and not expected."""
    TYPE = "type"
    VALUE = "value"
    ORDER = "order"
    """The same members in another order."""
    COUNT = "count"
    """The same members, one of them more or less often."""
    RECIPIENT = "recipient"
    """Something for one went to another."""
    ERROR = "error"
    """One side raised, or raised something else."""
    LATENCY_CLASS = "latency_class"
    """One side took far longer, again and again, or longer than it ever may: see `latency.py`."""


class Each(dict[str, object]):
    """What each recipient got: which one it was is not part of a difference's path."""


class Recipients(list[str]):
    """Who got something, in order: one in the place of another is a difference of recipient."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs, and where.

    `path` is dotted; the members of a list or an `Each` share the step `*`.
    """

    path: str
    kind: DifferenceKind
    expected: object
    actual: object


_ABSENT = object()


def differences(expected: object, actual: object) -> tuple[Difference, ...]:
    """Compare two structures of mappings, sequences and scalars, depth first."""
    return tuple(_compare("", expected, actual))


def _compare(path: str, expected: object, actual: object) -> Iterator[Difference]:
    if isinstance(expected, Each) and isinstance(actual, Each):
        yield from _compare_each(path, expected, actual)
    elif isinstance(expected, Mapping) and isinstance(actual, Mapping):
        yield from _compare_mappings(path, expected, actual)
    elif _is_list(expected) and _is_list(actual):
        yield from _compare_lists(path, expected, actual)  # type: ignore[arg-type]
    elif type(expected) is not type(actual):
        yield Difference(path, DifferenceKind.TYPE, expected, actual)
    elif expected != actual:
        latency = isinstance(expected, LatencyClass)
        kind = DifferenceKind.LATENCY_CLASS if latency else DifferenceKind.VALUE
        yield Difference(path, kind, expected, actual)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _compare_each(path: str, expected: Each, actual: Each) -> Iterator[Difference]:
    """Compare recipients: what one lacks and another got besides went to the wrong one."""
    here = _step(path, "*")
    missing = [key for key in expected if key not in actual]
    extra = [key for key in actual if key not in expected]
    for key in missing.copy():
        other = next((each for each in extra if actual[each] == expected[key]), None)
        if other is not None:
            missing.remove(key)
            extra.remove(other)
            yield Difference(here, DifferenceKind.RECIPIENT, key, other)
    for key in expected:
        if key in missing:
            yield Difference(here, DifferenceKind.MISSING, expected[key], None)
        elif key in actual:
            yield from _compare(here, expected[key], actual[key])
    for key in extra:
        yield Difference(here, DifferenceKind.EXTRA, None, actual[key])


def _compare_mappings(
    path: str, expected: Mapping[object, object], actual: Mapping[object, object]
) -> Iterator[Difference]:
    for key in [*expected, *(key for key in actual if key not in expected)]:
        here = _step(path, key)
        left, right = expected.get(key, _ABSENT), actual.get(key, _ABSENT)
        if right is _ABSENT:
            yield Difference(here, DifferenceKind.MISSING, left, None)
        elif left is _ABSENT:
            yield Difference(here, DifferenceKind.EXTRA, None, right)
        elif key == "raised" and left != right:
            yield Difference(here, DifferenceKind.ERROR, left, right)
        else:
            yield from _compare(here, left, right)


def _compare_lists(
    path: str, expected: Sequence[object], actual: Sequence[object]
) -> Iterator[Difference]:
    """Compare as members first, then as order: a shifted list is not a list of differences."""
    missing = _without(expected, actual)
    extra = _without(actual, expected)
    here = _step(path, "*")
    if not missing and not extra:
        if list(expected) != list(actual):
            yield Difference(path, DifferenceKind.ORDER, list(expected), list(actual))
        return
    if isinstance(expected, Recipients):
        for left, right in zip(missing, extra, strict=False):
            yield Difference(here, DifferenceKind.RECIPIENT, left, right)
        paired = min(len(missing), len(extra))
        missing, extra = missing[paired:], extra[paired:]
    elif len(missing) == len(extra):
        for left, right in zip(missing, extra, strict=True):
            yield from _compare(here, left, right)
        return
    for member in missing:
        kind = DifferenceKind.COUNT if member in actual else DifferenceKind.MISSING
        yield Difference(here, kind, member, None)
    for member in extra:
        kind = DifferenceKind.COUNT if member in expected else DifferenceKind.EXTRA
        yield Difference(here, kind, None, member)


def _step(path: str, step: object) -> str:
    return f"{path}.{step}" if path else str(step)


def _without(members: Iterable[object], others: Sequence[object]) -> list[object]:
    left = list(others)
    rest = []
    for member in members:
        if member in left:
            left.remove(member)
        else:
            rest.append(member)
    return rest


def fingerprint(comparison: str, callers: Iterable[str], found: Iterable[Difference]) -> str:
    """Return what makes two divergences the same one: where and how, never which values."""
    shape = sorted({f"{difference.path}:{difference.kind}" for difference in found})
    text = "|".join([comparison, *sorted(set(callers)), "=", *shape])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
