"""Known divergences: differences that somebody answers for, until a date, by a rule.

A rule is a fingerprint, or a path and a kind of one comparison. By fingerprint it excuses
that very divergence; by path and kind it excuses a divergence all of whose differences lie
at that path and are of that kind, so that nothing new hides behind it. A divergence of
several places is accepted by its fingerprint.

Two rules overlap when one divergence could be excused by both: nobody could say then whose
it is, so the second one is refused. *Truth* admits no rule at all.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shim.shadow.differences import Difference, DifferenceKind
from shim.shadow.result import Comparison

Excuse = Callable[[Comparison, str, Sequence[Difference]], str | None]
"""Returns the id of the known divergence that these differences are, None if they are new."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_LONGEST_PATH = 200


class KnownDivergenceError(ValueError):
    """A known divergence cannot be accepted, or there is none of that id: the message says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which divergences of one comparison are meant. Raises KnownDivergenceError.

    Either `fingerprint`, or both `path` and `kind`, as a divergence's differences show them.
    """

    comparison: Comparison
    fingerprint: str | None = None
    path: str | None = None
    kind: DifferenceKind | None = None

    def __post_init__(self) -> None:
        if self.comparison is Comparison.TRUTH:
            raise KnownDivergenceError(
                "a difference of truth cannot be accepted: nothing excuses a candidate that does"
                " not say what the system of record holds; repair it, or roll back"
            )
        if self.fingerprint is not None:
            self._check_fingerprint(self.fingerprint)
        else:
            self._check_place()

    def _check_fingerprint(self, fingerprint: str) -> None:
        if self.path is not None or self.kind is not None:
            raise KnownDivergenceError(
                f"the rule has the fingerprint {fingerprint!r} and a path or kind as well: give"
                " the one or the other"
            )
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise KnownDivergenceError(
                f"{fingerprint!r} is no fingerprint: give the 16 hexadecimal digits that"
                " `flask shadow ledger` shows"
            )

    def _check_place(self) -> None:
        path = self.path or ""
        if not path.replace("*", "").strip(". "):
            raise KnownDivergenceError(
                f"the rule would match everything: its path is {path!r}; give a fingerprint, or"
                " the path and the kind of one difference"
            )
        if self.kind is None:
            raise KnownDivergenceError(
                f"the rule would match everything at {path!r}: give the kind of difference, one of"
                f" {', '.join(DifferenceKind)}"
            )
        if len(path) > _LONGEST_PATH:
            raise KnownDivergenceError(
                f"the path has {len(path)} characters: give at most {_LONGEST_PATH}"
            )

    def __str__(self) -> str:
        """Return the rule as a person reads it."""
        where = self.fingerprint or f"{self.path} {self.kind}"
        return f"{self.comparison} {where}"

    def excuses(
        self, comparison: Comparison, fingerprint: str, found: Sequence[Difference]
    ) -> bool:
        """Whether this divergence is meant."""
        if comparison is not self.comparison or not found:
            return False
        if self.fingerprint is not None:
            return fingerprint == self.fingerprint
        return all(each.path == self.path and each.kind == self.kind for each in found)


@dataclass(frozen=True, slots=True)
class KnownDivergence:
    """A rule with the one who answers for it. Raises KnownDivergenceError.

    From `until` on (aware; None for what ends with the migration) its divergences count
    again. What is not meant to stay keeps everybody from being moved.
    """

    id: str
    rule: Rule
    owner: str
    reason: str
    until: datetime | None
    stays: bool = False

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise KnownDivergenceError(
                f"{self.id!r} is no id: give up to 64 lower-case letters, digits and hyphens"
            )
        if self.until is not None and self.until.tzinfo is None:
            raise KnownDivergenceError(
                f"{self.id} ends at {self.until}, of no time zone: nobody can say when that is"
            )
        for name in ("owner", "reason"):
            if not getattr(self, name).strip():
                raise KnownDivergenceError(f"{self.id} has no {name}: somebody must answer for it")

    def is_active(self, now: datetime) -> bool:
        """Whether it still excuses anything; `now` is aware."""
        return self.until is None or now < self.until


def excused_by(
    known: Iterable[KnownDivergence],
    comparison: Comparison,
    fingerprint: str,
    found: Sequence[Difference],
    *,
    now: datetime,
) -> str | None:
    """Return the id of the active known divergence that these differences are."""
    for each in known:
        if each.is_active(now) and each.rule.excuses(comparison, fingerprint, found):
            return each.id
    return None


def nothing_is_known(_: Comparison, __: str, ___: Sequence[Difference]) -> str | None:
    """Excuse nothing."""
    return None


def check_new(new: KnownDivergence, known: Iterable[KnownDivergence], *, now: datetime) -> None:
    """Raise KnownDivergenceError if `new` is over already, or collides with one that is known.

    Whether a fingerprint lies within a path and kind, only its differences can tell: see
    `covers`.
    """
    if not new.is_active(now):
        raise KnownDivergenceError(
            f"{new.id} would end on {new.until:%Y-%m-%d %H:%M} UTC, which is past: give a later"
            " date"
        )
    for each in known:
        if each.id == new.id:
            raise KnownDivergenceError(
                f"there is a known divergence {each.id} ({each.rule}): give another id, or end"
                f" that one with `flask shadow known end {each.id}`"
            )
        if each.is_active(now) and each.rule == new.rule:
            raise KnownDivergenceError(
                f"the rule ({new.rule}) overlaps that of {each.id} ({each.rule}): one divergence"
                " would belong to both; give a fingerprint that is not covered yet, or end"
                f" {each.id}"
            )


def covers(rule: Rule, comparison: str, places: Iterable[str]) -> bool:
    """Whether a rule by path and kind excuses a divergence with these places ("path kind")."""
    found = set(places)
    return (
        rule.fingerprint is None
        and rule.comparison == comparison
        and found == {f"{rule.path} {rule.kind}"}
    )
