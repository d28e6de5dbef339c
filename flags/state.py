"""One state of the flags: immutable, and it answers for itself."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from yggdrasil_engine.engine import UnleashEngine

from flags.decision import Decision, FlagContext, Freshness, Reason
from flags.definition import FlagDefinition
from flags.features import FlagFormatError, parse_features
from flags.memo import Memo

MEMO_LIMIT = 50_000
"""Decisions remembered per generation of a state's memo; some 15 MB when it is full."""

_PROBES = range(1, 11)


class Evaluator(Protocol):
    """Says whether a flag is on for a user."""

    def is_on(self, flag: str, user_id: int) -> bool | None:
        """Return the answer, None when the flag could not be evaluated."""


class _Engine:
    """Unleash's own engine, with one state that is never replaced.

    An engine that is given a new state keeps the old one in silence when it dislikes the
    new, so each state gets an engine of its own. Its native memory is freed with it.
    """

    def __init__(self, body: str) -> None:
        self._engine = UnleashEngine()
        self._engine.take_state(body)

    def is_on(self, flag: str, user_id: int) -> bool | None:
        """Ask the engine without counting the question in its metrics."""
        answer = self._engine.check_enabled(flag, {"userId": str(user_id)})
        return answer.is_enabled if answer.is_found else None


@dataclass(frozen=True, slots=True, eq=False)
class FlagState:
    """What the flags were at one revision, and the decisions that follow from it.

    `evaluator` is None when no state was ever loaded. The memo lives inside the state, so
    that no decision outlives the state it was made on.
    """

    revision: int
    source: str
    definitions: Mapping[str, FlagDefinition] = field(default_factory=dict)
    evaluator: Evaluator | None = None
    stale: bool = False
    seen: Freshness = field(default_factory=Freshness, repr=False)
    _memo: Memo[tuple[str, int], Decision] = field(
        init=False, repr=False, default_factory=lambda: Memo(MEMO_LIMIT)
    )

    @property
    def loaded(self) -> bool:
        """Whether this state came from flags, rather than from their absence."""
        return self.evaluator is not None

    @property
    def digest(self) -> str:
        """Twelve letters that stand for what the flags say, whatever their revision."""
        said = [
            (name, each.enabled, each.percentage, sorted(each.cohort))
            for name, each in sorted(self.definitions.items())
        ]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:12]

    def definition(self, flag: str) -> FlagDefinition | None:
        """Return what `flag` says, None if this state has no such flag."""
        return self.definitions.get(flag)

    def decide(self, flag: str, context: FlagContext) -> Decision:
        """Return whether `flag` is on for the user, and why. Never raises."""
        key = (flag, context.user_id)
        decision = self._memo.get(key)
        if decision is None:
            decision = self._evaluate(flag, context.user_id)
            if decision.reason is not Reason.ERROR:
                self._memo.put(key, decision)
        return decision

    def as_stale(self) -> "FlagState":
        """Return the same flags, marked as not the newest, with decisions that say so."""
        return replace(self, stale=True)

    def _evaluate(self, flag: str, user_id: int) -> Decision:
        """Work a decision out, without the memo."""
        if self.evaluator is None:
            return self._decision(False, Reason.NOT_LOADED)
        definition = self.definitions.get(flag)
        if definition is None:
            return self._decision(False, Reason.MISSING)
        if not definition.enabled:
            return self._decision(False, Reason.OFF)
        value = self.evaluator.is_on(flag, user_id)
        if value is None:
            return self._decision(False, Reason.ERROR)
        return self._decision(
            value, _reason(definition, user_id, value), definition.bucket(user_id)
        )

    def _decision(self, value: bool, reason: Reason, bucket: int | None = None) -> Decision:
        """Stamp an answer with the state it was made on."""
        return Decision(value, reason, self.source, bucket, self.revision, self.stale, self.seen)


def load_state(body: str, *, source: str) -> FlagState:
    """Return the state that a client-features body describes.

    Raises `FlagFormatError` for a body that cannot be applied; nothing else changes.
    """
    features = parse_features(body)
    engine = _Engine(features.engine_body)
    for definition in features.definitions.values():
        _check_agreement(engine, definition)
    return FlagState(features.revision, source, features.definitions, engine)


def _check_agreement(engine: Evaluator, definition: FlagDefinition) -> None:
    """Refuse a state that the engine did not take, or takes to mean something else."""
    for user_id in (*_PROBES, *sorted(definition.cohort)[: len(_PROBES)]):
        answer = engine.is_on(definition.name, user_id)
        expected = definition.reaches(user_id)
        if answer is not expected:
            raise FlagFormatError(
                f'flag "{definition.name}": for user {user_id} Unleash\'s engine answers'
                f" {answer} where the definition says {expected}: the flag is not applied;"
                " write its strategies anew"
            )


def _reason(definition: FlagDefinition, user_id: int, value: bool) -> Reason:
    """Return why an enabled flag answered as it did."""
    if not value:
        return Reason.NOT_REACHED
    return Reason.COHORT if user_id in definition.cohort else Reason.ROLLOUT
