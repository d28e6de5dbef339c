"""What a side does again and again: being far slower, and leaving threads behind."""

from shim.balance.doubles import PUBLISH
from shim.balance.records import BASE, HELD_UP, noted
from shim.balance.rehearsal import GUESTS, changes_when
from shim.legacy.connection_aware import WINDOW_S
from shim.shadow.episode import Episode
from shim.shadow.latency import OF_A_CALL, OF_SETTLING, LatencyClass, Scale
from shim.shadow.observation import Observation
from shim.shadow.spells import Spells

OFTEN_SLOWER, OF_RECENT = 15, 20
OFTEN_LEAVING, OF_LATEST = 48, 64
"""More than the threads that a pool starts with its first calls, which are no leak."""


class Pace:
    """Belongs to one generation of shadows: what is seen again and again is seen by it.

    What follows a call is compared among shadows only. They are on one virtual clock; a live
    side is on the real one, and late whenever the process is. So are calls that are shown late:
    what they had waited for by then is not counted. The slowest that is waited for today is one
    window, whichever legacy service was asked.
    """

    def __init__(self) -> None:
        self._slower = Spells(often=OFTEN_SLOWER, recent=OF_RECENT)
        self._leaving = Spells(often=OFTEN_LEAVING, recent=OF_LATEST)

    def slower(
        self, episode: Episode, expected: Observation, actual: Observation
    ) -> dict[str, tuple[LatencyClass, LatencyClass]]:
        """Note what both took; return by phase the classes of the actual one if it is slower."""
        paths = "+".join(sorted({call.path for call in episode.calls}))
        kind = f"{expected.side} {actual.side} {paths}"
        found = {
            "call": self._compare(
                f"call {kind}", _of_a_call(expected), _of_a_call(actual), OF_A_CALL
            )
        }
        held_up = HELD_UP in episode.notes or changes_when(noted(episode, BASE))
        on_one_clock = not (expected.live or actual.live)
        if on_one_clock and not (held_up or _silent(expected) or _silent(actual)):
            usual = max(_settled_after(episode, expected), WINDOW_S)
            found["settled"] = self._compare(
                f"settled {kind}", usual, _settled_after(episode, actual), OF_SETTLING
            )
        return {phase: classes for phase, classes in found.items() if classes is not None}

    def leaves_threads(self, run: Observation) -> bool:
        """Note whether there were more threads after a shadow's calls; tell if they keep coming."""
        more = any(outcome.left_behind > 0 for outcome in run.calls)
        return self._leaving.is_one(run.side, shown=more)

    def _compare(
        self, kind: str, expected: float, actual: float, scale: Scale
    ) -> tuple[LatencyClass, LatencyClass] | None:
        """Note both sides' seconds; return their classes if the actual one keeps being slower."""
        slower = scale.is_far_slower(expected, actual)
        if not self._slower.is_one(kind, shown=slower):
            return None
        return scale.class_of(expected), scale.class_of(actual)


def _of_a_call(run: Observation) -> float:
    """Return the seconds of the middle one of the calls, which a single stall does not move."""
    ordered = sorted(outcome.duration for outcome in run.calls)
    return ordered[(len(ordered) - 1) // 2] if ordered else 0.0


def _silent(run: Observation) -> bool:
    return not _said_at(run)


def _said_at(run: Observation) -> list[float]:
    """Return when something was said to the user's own pages, guests apart."""
    return [
        effect.at
        for effect in run.effects
        if effect.kind != PUBLISH and effect.recipient not in GUESTS
    ]


def _settled_after(episode: Episode, run: Observation) -> float:
    """Return the seconds from when the last call was shown to the last frame."""
    return max(max(_said_at(run)) - episode.shown_at, 0.0)
