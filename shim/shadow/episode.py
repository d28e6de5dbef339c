"""The unit of comparison: one subject, from a first call until nothing is pending."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from shim.shadow.callers import module_of
from shim.shadow.effects import Effect
from shim.shadow.events import LiveCall, LiveEffect
from shim.shadow.observation import CallOutcome, Observation, Raised
from shim.shadow.result import Comparison, NotCompared
from shim.shadow.shadow_side import ShadowSide

EPISODE_LIMIT = 1.0
"""Seconds after which an episode is closed even if work is pending.

They count from the first call, and must not from when its shadows were shown it: those that are so
late ask the system of record about another time, and may not be compared.
"""
QUIET_AFTER = 0.5
"""Seconds after its last call from which on a shadow has no more excuse for work pending."""


@dataclass(slots=True, eq=False)
class Episode:
    """What was seen of one subject. Belongs to the shadow thread."""

    subject: int
    opened_at: float
    serving: str
    shadows: tuple[ShadowSide, ...]
    calls: list[LiveCall] = field(default_factory=list)
    live_effects: list[LiveEffect] = field(default_factory=list)
    outcomes: dict[str, list[CallOutcome]] = field(default_factory=dict)
    shadow_effects: dict[str, tuple[Effect, ...]] = field(default_factory=dict)
    spoiled: NotCompared | None = None
    """Why the episode cannot be compared; the first reason stays."""
    shown_at: float = 0.0
    """When its shadows were shown its newest call."""
    whole_at: int | None = None
    """How many events must have been taken in before it is over, None while it is not idle."""
    closed_at: float | None = None
    notes: dict[str, object] = field(default_factory=dict)
    """What the binding wants to remember until it judges."""
    noise: tuple[Comparison, ...] = ()
    """The comparisons in which the binding compares legacy with itself as well."""

    @property
    def live_calls_finished(self) -> bool:
        """Whether every live call has returned or raised."""
        return all(call.is_over() for call in self.calls)

    def is_quiet(self, now: float) -> bool:
        """Whether the live calls are over, and the shadows were shown the last one long ago."""
        return self.live_calls_finished and now - self.shown_at >= QUIET_AFTER

    def runs(self) -> Iterator[tuple[str, float, bool]]:
        """Yield each side that was called, how many seconds that took, and whether it raised."""
        for call in self.calls:
            if call.is_over() and call.finished is not None:
                yield f"{call.serving} live", call.finished - call.started, call.error is not None
        for name, outcomes in self.outcomes.items():
            for outcome in outcomes:
                yield f"{name} shadow", outcome.duration, outcome.raised is not None

    @property
    def callers(self) -> set[str]:
        """The modules that made the calls."""
        return {module_of(call.caller) for call in self.calls}

    def spoil(self, reason: NotCompared) -> None:
        """Say that this episode cannot be compared."""
        self.spoiled = self.spoiled or reason

    def shadow(self, name: str) -> Observation:
        """Return what a shadow of this episode did."""
        effects = self.shadow_effects.get(name, ())
        return Observation(name, False, tuple(self.outcomes[name]), effects, self._settled)

    def live(self, name: str, sides: Collection[str]) -> Observation:
        """Return what the live sides named did, as one, under `name`."""
        effects = tuple(as_effect(seen) for seen in self.live_effects if seen.side in sides)
        return Observation(name, True, tuple(map(_outcome, self.calls)), effects, self._settled)

    @property
    def _settled(self) -> bool:
        return self.spoiled is not NotCompared.FORCED


def as_effect(seen: LiveEffect) -> Effect:
    """Return what a live side did, in the words that shadows are noted in."""
    return Effect("send", seen.side, seen.recipient, seen.payload, seen.at)


def _outcome(call: LiveCall) -> CallOutcome:
    raised = None if call.error is None else Raised.of(call.error)
    duration = 0.0 if call.finished is None else call.finished - call.started
    return CallOutcome(call.value, raised, duration)
