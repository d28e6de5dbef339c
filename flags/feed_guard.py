"""Judges what a flag server answers before anything follows it.

A server that others turn can be late, half there, restored, or turned by a slip of the hand.
Each flag of a body is judged by itself: what cannot be applied, or waits for a person, leaves
that flag as it was and keeps no other from being lowered. The state that comes out has the
body's revision only if all of it is followed.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from flags.backwards import RESTORED_AFTER_S, Backwards
from flags.body import flag_body
from flags.decision import FLAG_NAMES, MIGRATIONS
from flags.definition import Held
from flags.features import Body, FlagFormatError, definition_of, read_body
from flags.ramp import RAMP
from flags.standing import CanonicalFlag, Feature
from flags.state import FlagState, load_state
from flags.targets import AuthorisedTargets

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a body: the state to follow, and what of the body is not followed.

    `problem` is None when all of it is. `held` are the flags that wait for a person. `body`
    is what is followed, as text in the client-features format.
    """

    state: FlagState
    body: str
    problem: str | None = None
    held: tuple[Held, ...] = ()


Bars = Callable[[str], str | None]
"""Tells why nobody may move everybody by this canonical flag, None where nothing bars that."""


def nothing_bars(_: str) -> None:
    """Let everybody be moved."""


class Guard:
    """Remembers what is followed, and judges body after body against it. One thread.

    `observe` is for a look from outside: nothing is then written to the targets. `steps` is the
    ramp, of which nobody skips one by turning a flag; `bars` is asked before its last step.
    """

    def __init__(
        self,
        *,
        targets: AuthorisedTargets,
        source: str,
        observe: bool = False,
        steps: Sequence[int] = RAMP,
        bars: Bars = nothing_bars,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._bars = bars
        self._backwards = Backwards(monotonic=monotonic)
        self._features: dict[str, Feature | None] = {}
        self._canonical = {
            pair.canonical: CanonicalFlag(
                pair.canonical, targets=targets, observe=observe, steps=steps
            )
            for pair in MIGRATIONS
        }
        self._revision = 0
        self._followed: Verdict | None = None
        self._judged: Body | None = None
        self.seen_revision = 0
        """The newest revision in any body that could be read."""

    def remember(self, text: str, *, source: str) -> FlagState:
        """Begin from a body that was followed before. Raises `FlagFormatError`."""
        state = load_state(text, source=source)
        body = read_body(text)
        self._features = {name: body.flags.get(name) for name in FLAG_NAMES}
        for name, flag in self._canonical.items():
            flag.remember(state.definition(name), revision=body.revision)
        self._revision = self.seen_revision = body.revision
        return state

    def judge(
        self, text: str, *, follow: Callable[[Verdict], None] = lambda verdict: None
    ) -> Verdict:
        """Return what to follow. Raises `FlagFormatError` if none of the body can be followed.

        `follow` is called with it before the others are told: their store may be slow.
        """
        body = read_body(text)
        restored = self._check_age(body)
        if self._followed is not None and body == self._judged and not self._followed.problem:
            follow(self._followed)
            self._tell()
            return self._followed
        for flag in self._canonical.values():
            flag.begin(restored=restored)
        problems: list[str] = []
        held: list[Held] = []
        chosen: dict[str, Feature | None] = {}
        for name in FLAG_NAMES:
            feature = body.flags.get(name)
            problem = self._flaw(name, feature)
            if problem is None and (problem := self._surprise(name, feature)) is not None:
                held.append(Held(definition_of(body.flags[name]), body.revision))
            chosen[name] = feature if problem is None else self._fallback(name)
            problems += [problem] if problem else []
        verdict = self._verdict(body, chosen, problems, tuple(held))
        self._followed = verdict
        self._judged, self._features = body, chosen
        self._settle(verdict, body, restored=restored)
        follow(verdict)
        self._tell()
        return verdict

    def _tell(self) -> None:
        """Tell the others what is followed and they may not know."""
        for flag in self._canonical.values():
            flag.tell()

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

    def _flaw(self, name: str, feature: Feature | None) -> str | None:
        """Return why a flag cannot be applied, whoever meant it.

        One that is as it was followed before is not tried again: that takes an engine.
        """
        if feature is None or feature == self._features.get(name):
            return None
        try:
            definition_of(feature)
            load_state(flag_body(0, [feature]), source=self._source)
        except FlagFormatError as error:
            return f"{error}; the last good one stays"
        return None

    def _surprise(self, name: str, feature: Feature | None) -> str | None:
        """Return why a sound flag waits for a person."""
        canonical = self._canonical.get(name)
        if feature is None or canonical is None:  # a shadow moves nobody
            return None
        definition = definition_of(feature)
        why = canonical.objection(definition)
        if why is not None:
            return f'flag "{name}" is held back: {why}; run `{_confirming(name)}` to let it through'
        if canonical.moves_everybody(definition) and (why := self._bars(name)) is not None:
            return f'flag "{name}" is held back from moving everybody: {why}'
        return None

    def _fallback(self, name: str) -> Feature | None:
        """Return what stays of a flag that is not followed."""
        canonical, last = self._canonical.get(name), self._features.get(name)
        return last if canonical is None else canonical.fallback(last)

    def _verdict(
        self,
        body: Body,
        chosen: Mapping[str, Feature | None],
        problems: list[str],
        held: tuple[Held, ...],
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
        return Verdict(state, text, "; ".join(problems) or None, held)

    def _settle(self, verdict: Verdict, body: Body, *, restored: bool) -> None:
        """Remember what is followed."""
        if verdict.problem is None or restored:
            self._revision = body.revision
        for name, flag in self._canonical.items():
            flag.settle(
                verdict.state.definition(name),
                revision=body.revision,
                kept=self._features[name] is not body.flags.get(name),
            )


def _confirming(flag: str) -> str:
    """Return the command that lets a canonical flag through."""
    pair = next(pair for pair in MIGRATIONS if pair.canonical == flag)
    other = "" if pair is MIGRATIONS[0] else f" --migration {pair.migration}"
    return f"flask rollout confirm{other}"
