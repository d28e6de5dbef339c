"""Who serves a call and who shadows it: a pure function of the flags and the latch."""

from dataclasses import dataclass

from flags.decision import Decision, FlagContext, FlagPair
from flags.latch import Latch
from flags.memo import Memo
from flags.stage import Stage, stage_of
from flags.state import FlagState
from shim.ports import NewHint
from shim.shadow.period import END_OF_DRILL, Period

MEMO_LIMIT = 50_000
"""Routes remembered per generation of a table's memo."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a user's calls go, and the decisions that say so.

    `hint` is the canonical's input for this user, built once; None if it takes the caller's.
    `rolled_back` is whether the latch is engaged, `period` what a call's counts belong to.
    """

    canonical: bool
    shadows: bool
    decision: Decision
    sampling: Decision
    period: Period
    rolled_back: bool
    hint: object

    @property
    def epoch(self) -> int:
        """The latch's."""
        return self.period.epoch


class RoutingTable:
    """All routes under one state of the flags and the latch.

    A flip is a new table. The memo of routes lives inside, so no route outlives the state
    that it follows from, and a remembered route costs one dictionary lookup.
    """

    __slots__ = (
        "_new_hint",
        "_pair",
        "_routes",
        "flags",
        "get",
        "latch",
        "period",
        "samples",
        "stage",
    )

    def __init__(self, pair: FlagPair, flags: FlagState, latch: Latch, new_hint: NewHint) -> None:
        self._pair = pair
        self.flags = flags
        self.latch = latch
        self.stage: Stage = stage_of(
            flags.definition(pair.canonical), flags.definition(pair.shadow), latch
        )
        self.period = Period(
            self.stage,
            latch.epoch,
            latch.when,
            resumed=not latch.engaged and not latch.why.startswith(END_OF_DRILL),
        )
        shadow = flags.definition(pair.shadow)
        self.samples = shadow is not None and not shadow.reaches_nobody
        """Whether anybody's calls are shadowed: then it is counted whose are not."""
        self._new_hint = new_hint
        self._routes: Memo[int, Route] = Memo(MEMO_LIMIT)
        self.get = self._routes.peek
        """The route for a user id that was asked for lately, or None: then `route` knows."""

    def route(self, user_id: int) -> Route:
        """Return the user's route; `user_id` is a whole number from 1 to 2**53 - 1."""
        route = self._routes.get(user_id)
        if route is None:
            route = self._resolve(user_id)
            self._routes.put(user_id, route)
        return route

    def serves(self, user_id: int) -> bool:
        """Whether the canonical serves this user."""
        return not self.latch.engaged and self.route(user_id).canonical

    def _resolve(self, user_id: int) -> Route:
        context = FlagContext(user_id)
        decision = self.flags.decide(self._pair.canonical, context)
        sampling = self.flags.decide(self._pair.shadow, context)
        return Route(
            canonical=decision.value and not self.latch.engaged,
            shadows=sampling.value,
            decision=decision,
            sampling=sampling,
            period=self.period,
            rolled_back=self.latch.engaged,
            hint=self._new_hint(user_id),
        )
