"""Typed differences between two structures of plain data."""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shim.shadow.latency import LatencyClass
from shim.shadow.sameness import LISTS, Key, Sameness, UncomparableError, is_same_scalar
from shim.shadow.unmatched import Unmatched
from shim.shadow.words import LONGEST, encodable, in_words, is_huge


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
    UNCOMPARABLE = "uncomparable"
    """Nobody can say whether they differ: `actual` says why."""


class Each(dict[str, object]):
    """What each recipient got: which one it was is not part of a difference's path."""


class Recipients(list[str]):
    """Who got something, in order: one in the place of another is a difference of recipient."""


@dataclass(frozen=True, slots=True)
class Errors:
    """What calls raised, in words: `said` is a text, a list of them, or None.

    To raise, or to raise something else, is one difference of error.
    """

    said: object


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs, and where.

    `path` is dotted; the members of a list or an `Each` share the step `*`.
    """

    path: str
    kind: DifferenceKind
    expected: object
    actual: object


def differences(expected: object, actual: object) -> tuple[Difference, ...]:
    """Compare two structures of mappings, sequences and scalars, depth first. Never raises.

    The time grows with the number of values, in whatever order they stand; only values without
    a hash of their own are put beside each other one by one.
    """
    comparing = _Comparing()
    comparing.compare("", expected, actual, 0)
    return tuple(comparing.found)


_ABSENT = object()
_TEXT = frozenset({str})


@dataclass(frozen=True, slots=True)
class _Name:
    """A mapping's key that is no text, by kind and value."""

    key: object = field(compare=False)
    sameness: Key

    def __str__(self) -> str:
        return in_words(self.key)


class _Comparing:
    """One comparison, and what it has found so far."""

    __slots__ = ("_sameness", "found")

    def __init__(self) -> None:
        self.found: list[Difference] = []
        self._sameness = Sameness()

    def _note(self, path: str, kind: DifferenceKind, expected: object, actual: object) -> None:
        self.found.append(Difference(path, kind, expected, actual))

    def compare(self, path: str, expected: object, actual: object, depth: int) -> None:
        """Note what differs; `depth` is the number of containers around the two."""
        if is_same_scalar(expected, actual):
            return
        try:
            self._compare_parts(path, expected, actual, depth)
        except Exception as error:  # noqa: BLE001 - a value's own methods may raise anything
            self._note(path, DifferenceKind.UNCOMPARABLE, None, _why(error))

    def _compare_parts(self, path: str, expected: object, actual: object, depth: int) -> None:
        kind, its = type(expected), type(actual)
        if kind is dict and its is dict:
            self._compare_mappings(path, expected, actual, depth)  # type: ignore[arg-type]
        elif isinstance(expected, LISTS) and isinstance(actual, LISTS):
            self._compare_lists(path, expected, actual, depth)
        elif isinstance(expected, Each) and isinstance(actual, Each):
            self._compare_each(path, expected, actual, depth)
        elif isinstance(expected, Errors) and isinstance(actual, Errors):
            if not self._sameness.same(expected.said, actual.said, depth):
                self._note(path, DifferenceKind.ERROR, expected.said, actual.said)
        elif isinstance(expected, Mapping) and isinstance(actual, Mapping):
            self._compare_mappings(path, expected, actual, depth)
        elif kind is not its:
            self._note(path, DifferenceKind.TYPE, expected, actual)
        elif not self._sameness.same(expected, actual, depth):
            latency = kind is LatencyClass
            which = DifferenceKind.LATENCY_CLASS if latency else DifferenceKind.VALUE
            self._note(path, which, expected, actual)

    def _compare_each(self, path: str, expected: Each, actual: Each, depth: int) -> None:
        """Compare recipients: what one lacks and another got besides went to the wrong one."""
        here = _step(path, "*")
        self._sameness.look_into(len(expected) + len(actual), depth)
        extra = {key: None for key in actual if key not in expected}
        misled = self._misled(expected, actual, extra, depth) if extra else {}
        for key, other in misled.items():
            del extra[other]
            self._note(here, DifferenceKind.RECIPIENT, key, other)
        for key, value in expected.items():
            if key in actual:
                self.compare(here, value, actual[key], depth + 1)
            elif key not in misled:
                self._note(here, DifferenceKind.MISSING, value, None)
        for key in extra:
            self._note(here, DifferenceKind.EXTRA, None, actual[key])

    def _misled(
        self, expected: Each, actual: Each, extra: Iterable[str], depth: int
    ) -> dict[str, str]:
        """Return for each one who lacks something who else got it: the first who is left."""
        key_of = self._sameness.key_of
        holders: defaultdict[Key, deque[str]] = defaultdict(deque)
        for other in extra:
            holders[key_of(actual[other], depth + 1)].append(other)
        misled = {}
        for key, value in expected.items():
            if key not in actual and (others := holders.get(key_of(value, depth + 1))):
                misled[key] = others.popleft()
        return misled

    def _compare_mappings(
        self,
        path: str,
        expected: Mapping[object, object],
        actual: Mapping[object, object],
        depth: int,
    ) -> None:
        self._sameness.look_into(len(expected) + len(actual), depth)
        if not _TEXT.issuperset(map(type, expected)):
            expected, actual = self._by_name(expected), self._by_name(actual)
        for key, value in expected.items():
            its = actual.get(key, _ABSENT)
            if its is _ABSENT:
                self._note(_step(path, key), DifferenceKind.MISSING, value, None)
            elif not is_same_scalar(value, its):
                self.compare(_step(path, key), value, its, depth + 1)
        for key, value in actual.items():
            if key not in expected:
                self._note(_step(path, key), DifferenceKind.EXTRA, None, value)

    def _by_name(self, mapping: Mapping[object, object]) -> dict[object, object]:
        """Return a mapping whose keys tell 1 from True, and look the same in a path."""
        return {
            key if isinstance(key, str) else _Name(key, self._sameness.key_of(key, 0)): value
            for key, value in mapping.items()
        }

    def _compare_lists(
        self, path: str, expected: Sequence[object], actual: Sequence[object], depth: int
    ) -> None:
        """Compare as members first, then as order: a shifted list is not a list of differences."""
        here = _step(path, "*")
        recipients = isinstance(expected, Recipients)
        if len(expected) == len(actual) == 1 and not recipients:
            self._sameness.look_into(1, depth)
            self.compare(here, expected[0], actual[0], depth + 1)
            return
        alike = self._sameness.alike_at_first(expected, actual, depth)
        if len(expected) == len(actual) == alike:
            return
        rest = Unmatched(self._sameness, expected, actual, alike=alike, depth=depth)
        paired = min(len(rest.missing), len(rest.extra))
        if not rest.missing and not rest.extra:
            self._note(path, DifferenceKind.ORDER, list(expected), list(actual))
        elif recipients:
            for (_, left), (_, right) in zip(rest.missing, rest.extra, strict=False):
                self._note(here, DifferenceKind.RECIPIENT, left, right)
            self._note_unpaired(here, rest, after=paired)
        elif len(rest.missing) == len(rest.extra):
            for (_, left), (_, right) in zip(rest.missing, rest.extra, strict=True):
                self.compare(here, left, right, depth + 1)
        else:
            self._note_unpaired(here, rest, after=0)

    def _note_unpaired(self, here: str, rest: Unmatched, *, after: int) -> None:
        """Note members that one list has and the other lacks, or has less often."""
        ours, theirs = rest.of_both_lists()
        for number, member in rest.missing[after:]:
            kind = DifferenceKind.COUNT if number in theirs else DifferenceKind.MISSING
            self._note(here, kind, member, None)
        for number, member in rest.extra[after:]:
            kind = DifferenceKind.COUNT if number in ours else DifferenceKind.EXTRA
            self._note(here, kind, None, member)


def _why(error: Exception) -> str:
    if isinstance(error, UncomparableError):
        return str(error)
    return f"comparing it raised {type(error).__name__}"


def _step(path: str, step: object) -> str:
    if not isinstance(step, str):
        name = str(step) if type(step) in (int, _Name) and not is_huge(step) else in_words(step)
    else:
        name = step if len(step) <= LONGEST and step.isascii() else encodable(step[:LONGEST])
    return f"{path}.{name}" if path else name


def fingerprint(comparison: str, callers: Iterable[str], found: Iterable[Difference]) -> str:
    """Return what makes two divergences the same one: where and how, never which values."""
    shape = sorted({f"{difference.path}:{difference.kind}" for difference in found})
    text = "|".join([comparison, *sorted(set(callers)), "=", *shape])
    return hashlib.blake2b(text.encode(errors="backslashreplace"), digest_size=8).hexdigest()
