"""Looks at the database, shared by all shadows that ask within one turn of their thread."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple
from weakref import WeakValueDictionary

from shim.ports import Truth, TruthReader

MOST_STEPS = 200
"""Answers that a trail keeps of each kind; one with more says that it was cut."""


class Seen(NamedTuple):
    """What the database answered of a user, `at` in seconds of the process's clock."""

    at: float
    since: int | None
    truth: Truth | None


class Placed(NamedTuple):
    """At which version the database found these balances, None for nowhere."""

    uni: Decimal
    ton: Decimal
    version: int | None


@dataclass(slots=True, weakref_slot=True, eq=False)
class Trail:
    """All that was asked of one user within an episode, so that it can be asked again."""

    seen: list[Seen] = field(default_factory=list)
    canonicals: list[Seen] = field(default_factory=list)
    """What the canonical's own reader answered; `seen` is what the bookings did."""
    placed: list[Placed] = field(default_factory=list)
    cut: bool = False

    def add(self, step: Seen | Placed, *, canonicals: bool) -> None:
        """Note an answer, while there is room."""
        seen = self.canonicals if canonicals else self.seen
        steps: list[Seen] | list[Placed] = seen if isinstance(step, Seen) else self.placed
        if len(steps) >= MOST_STEPS:
            self.cut = True
        else:
            steps.append(step)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Look:
    """What was read of a user, in which turn; `since` is the version it reaches back to."""

    turn: int
    since: int | None
    truth: Truth | None

    def covers(self, since: int | None) -> bool:
        return since is None or (self.since is not None and self.since <= since)


class Looks:
    """A `TruthReader` that asks the database once per user and turn.

    Within a turn all shadows see one state, as they would if they ran at one moment. A look
    is kept until its user is forgotten: a judgement can use what a shadow has read.
    """

    def __init__(
        self, reader: TruthReader, *, monotonic: Callable[[], float], canonicals: bool = False
    ) -> None:
        self._reader = reader
        self._canonicals = canonicals
        self._monotonic = monotonic
        # A trail lives as long as its episode, however that ends.
        self._trails: WeakValueDictionary[int, Trail] = WeakValueDictionary()
        self._looks: dict[int, _Look] = {}
        self._turn = 0
        self.failures = 0
        """Reads that failed: a shadow may be behind for each of them."""

    def follow(self, user_id: int, trail: Trail) -> None:
        """Note on a trail what is answered of a user from here on."""
        self._trails[user_id] = trail

    def next_turn(self) -> None:
        """Let later questions look at the database anew."""
        self._turn += 1

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, Truth]:
        """Return the truth of each user that exists; raises what the reader raises."""
        asked = {
            user_id: version
            for user_id, version in since.items()
            if not self._is_fresh(user_id, version)
        }
        if asked:
            try:
                found = self._reader.read(asked, timeout=timeout)
            except BaseException:
                self.failures += 1
                raise
            for user_id, version in asked.items():
                self._looks[user_id] = _Look(self._turn, version, found.get(user_id))
                self._note(user_id, Seen(self._monotonic(), version, found.get(user_id)))
        looks = {user_id: self._looks[user_id].truth for user_id in since}
        return {user_id: truth for user_id, truth in looks.items() if truth is not None}

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Return the newest version whose stored balances equal these."""
        try:
            version = self._reader.place(user_id, uni, ton)
        except BaseException:
            self.failures += 1
            raise
        self._note(user_id, Placed(uni, ton, version))
        return version

    def kept(self, user_id: int, *, since: int, version: int) -> Truth | None:
        """Return a look that reaches back to `since` and on to `version`, None if there is none."""
        look = self._looks.get(user_id)
        if look is None or look.truth is None or not look.covers(since):
            return None
        return look.truth if look.truth.version >= version else None

    def forget(self, user_id: int) -> None:
        """Drop what was read of a user."""
        self._looks.pop(user_id, None)

    def _note(self, user_id: int, step: Seen | Placed) -> None:
        trail = self._trails.get(user_id)
        if trail is not None:
            trail.add(step, canonicals=self._canonicals)

    def _is_fresh(self, user_id: int, since: int | None) -> bool:
        look = self._looks.get(user_id)
        return look is not None and look.turn == self._turn and look.covers(since)
