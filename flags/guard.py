"""Judges what a flag server answers before anything follows it.

A server that others turn can be late, half there, restored, or turned by a slip of the hand.
Each flag of a body is judged by itself: what cannot be applied, or waits for a person, leaves
that flag as it was and keeps no other from being lowered. The state that comes out has the
body's revision only if all of it is followed.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from flags.backwards import RESTORED_AFTER_S, Backwards
from flags.body import flag_body, flag_feature
from flags.decision import CANONICAL_FLAG, FLAG_NAMES
from flags.definition import FlagDefinition, Held
from flags.features import Body, FlagFormatError, absent, definition_of, read_body
from flags.state import FlagState, load_state
from flags.surprises import surprise
from flags.targets import AuthorisedTargets, Standing, TargetsError

_log = structlog.get_logger(__name__)

Feature = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a body: the state to follow, and what of the body is not followed.

    `problem` is None when all of it is. `held` is what waits for a person. `body` is what
    is followed, as text in the client-features format.
    """

    state: FlagState
    body: str
    problem: str | None = None
    held: Held | None = None
    canonical_kept: bool = False
    """Whether the canonical flag is not the body's own."""


class Guard:
    """Remembers what is followed, and judges body after body against it. One thread.

    `observe` is for a look from outside: nothing is then written to the targets.
    """

    def __init__(
        self,
        *,
        targets: AuthorisedTargets,
        source: str,
        observe: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._targets = targets
        self._source = source
        self._observe = observe
        self._backwards = Backwards(monotonic=monotonic)
        self._features: dict[str, Feature | None] = {}
        self._canonical: FlagDefinition | None = None
        self._revision = 0
        self._canonical_revision = 0
        self._followed: Verdict | None = None
        self._judged: Body | None = None
        self._told = False
        self.seen_revision = 0
        """The newest revision in any body that could be read."""

    def remember(self, text: str, *, source: str) -> FlagState:
        """Begin from a body that was followed before. Raises `FlagFormatError`."""
        state = load_state(text, source=source)
        body = read_body(text)
        self._features = {name: body.flags.get(name) for name in FLAG_NAMES}
        self._canonical = state.definition(CANONICAL_FLAG) or absent(CANONICAL_FLAG)
        self._revision = self._canonical_revision = self.seen_revision = body.revision
        return state

    def judge(self, text: str) -> Verdict:
        """Return what to follow. Raises `FlagFormatError` if none of the body can be followed."""
        body = read_body(text)
        restored = self._check_age(body)
        if self._followed is not None and body == self._judged and not self._followed.problem:
            return self._followed
        standing, trouble = self._standing(restored=restored)
        problems: list[str] = []
        held: Held | None = None
        chosen: dict[str, Feature | None] = {}
        for name in FLAG_NAMES:
            feature = body.flags.get(name)
            problem, waits = self._objection(name, feature, standing)
            if problem is None:
                chosen[name] = feature
                continue
            if waits is not None:
                held = Held(waits, body.revision)
            problems.append(problem + (trouble if waits else ""))
            chosen[name] = self._fallback(name, standing)
        verdict = self._verdict(body, chosen, problems, held)
        self._followed = verdict
        self._judged, self._features = body, chosen
        self._settle(verdict, body.revision, standing, restored=restored)
        return verdict

    def _check_age(self, body: Body) -> bool:
        """Refuse a revision below the one that holds; return whether it went back for good."""
        if body.revision >= self.seen_revision:
            self._backwards.forget()
            self.seen_revision = body.revision
            return False
        if not self._backwards.believes(body.revision):
            raise FlagFormatError(
                f"its revision {body.revision} is older than {self.seen_revision}: a late answer,"
                " or a server restored from a backup, which is believed after"
                f" {RESTORED_AFTER_S:g} s of nothing newer"
            )
        _log.warning("flags_restored", revision=body.revision, before=self.seen_revision)
        self._backwards.forget()
        self.seen_revision = body.revision
        return True

    def _standing(self, *, restored: bool) -> tuple[Standing, str]:
        """Return what all know of the canonical flag, and what to say if that failed.

        The newest of what this worker and the others follow counts: this one may have slept
        while the flag was lowered and raised again.
        """
        try:
            standing = self._targets.read(CANONICAL_FLAG)
            trouble = ""
        except TargetsError as error:
            standing, trouble = Standing(), f"; whether it is authorised is not known: {error}"
        if self._canonical is not None and (
            restored or standing.confirmed is None or standing.revision <= self._canonical_revision
        ):
            standing = replace(standing, confirmed=self._canonical)
        return standing, trouble

    def _objection(
        self, name: str, feature: Feature | None, standing: Standing
    ) -> tuple[str | None, FlagDefinition | None]:
        """Return why a flag is not followed, and what of it a person could let through."""
        try:
            if feature is None:
                return None, None
            definition = definition_of(feature)
            load_state(flag_body(0, [feature]), source=self._source)
        except FlagFormatError as error:
            return f"{error}; the last good one stays", None
        if name != CANONICAL_FLAG:
            return None, None  # the shadow moves nobody
        before = standing.confirmed or absent_like(definition)
        why = surprise(before, definition, authorised=standing.authorised)
        if why is None:
            return None, None
        return (
            f'flag "{name}" is held back: {why}; run `flask rollout confirm` to let it through',
            definition,
        )

    def _fallback(self, name: str, standing: Standing) -> Feature | None:
        """Return what stays of a flag that is not followed: what holds, else legacy."""
        if name != CANONICAL_FLAG:
            return self._features.get(name)
        if standing.confirmed is not None and standing.confirmed != self._canonical:
            return _feature_of(standing.confirmed)
        return self._features.get(name) or _feature_of(absent(name))

    def _verdict(
        self,
        body: Body,
        chosen: Mapping[str, Feature | None],
        problems: list[str],
        held: Held | None,
    ) -> Verdict:
        """Load what was chosen, under the body's revision if that is all of the body."""
        revision = self._revision if problems else body.revision
        text = flag_body(revision, [each for each in chosen.values() if each is not None])
        was = self._followed
        if problems and was is not None and was.body == text and was.state.stale:
            state = was.state
        else:
            state = load_state(text, source=self._source)
            state = state.as_stale() if problems else state
        kept = chosen[CANONICAL_FLAG] is not body.flags.get(CANONICAL_FLAG)
        return Verdict(state, text, "; ".join(problems) or None, held, kept)

    def _settle(
        self, verdict: Verdict, revision: int, standing: Standing, *, restored: bool
    ) -> None:
        """Remember what is followed, and tell the others if they do not know."""
        followed = verdict.state.definition(CANONICAL_FLAG) or absent_like(standing.confirmed)
        self._canonical = followed
        if verdict.problem is None or restored:
            self._revision = revision
        if verdict.canonical_kept:
            return
        self._canonical_revision = revision
        if self._observe or (followed == standing.confirmed and not restored and self._told):
            return
        try:
            self._targets.confirm(followed, revision=revision, restored=restored)
            self._told = True
        except TargetsError as error:
            self._told = False
            _log.warning("targets_unwritable", problem=str(error))


def absent_like(definition: FlagDefinition | None) -> FlagDefinition:
    """Return the canonical flag as one that reaches nobody, in the same group."""
    nobody = absent(CANONICAL_FLAG)
    return nobody if definition is None else replace(nobody, group_id=definition.group_id)


def _feature_of(definition: FlagDefinition) -> Feature:
    return flag_feature(
        definition.name,
        percentage=definition.percentage,
        cohort=definition.cohort,
        enabled=definition.enabled,
        group_id=definition.group_id,
    )
