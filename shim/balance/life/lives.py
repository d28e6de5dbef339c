"""Which episodes are followed by a life, and what came of it."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple, Protocol

from shim.balance.life.events import Booking, Life, Person
from shim.balance.life.stage import Stage
from shim.balance.life.verdict import verdict
from shim.balance.life.writer import write
from shim.ports import Booked, Truth
from shim.shadow.observation import Raised

EVERY_NTH = 8
"""One episode of so many is followed by a life: it costs as much as several episodes do."""
STRANGER = Person(2**31 + 7, 0, Decimal(0), Decimal(0))
"""Lives beside the first person, as long as there was nobody before."""


class Lived(NamedTuple):
    """A life, what should have been seen of it, and what was.

    `alone` says whether the same is seen of it where nothing was played before.
    """

    life: Life
    expected: dict[str, object]
    actual: dict[str, object]
    alone: bool = True


class Lives(Protocol):
    """Plays a life after an episode, if there is to be one."""

    def live(self, subject: int, version: int, truth: Truth) -> Lived | None:
        """Return what came of it. `version` is the one that the pages showed before."""


def is_lived(subject: int, version: int) -> bool:
    """Tell whether a life follows an episode of this user at this version."""
    return blake2b(b"%d:%d" % (subject, version), digest_size=1).digest()[0] % EVERY_NTH == 0


class DrawnLives:
    """Lives of the users whose episodes are judged, drawn by user and version.

    A stage lives on from one life to the next, for what a candidate does only in the long run.
    Once something differed a new one takes its place: what follows is not to differ for that.
    """

    def __init__(self, new_stage: Callable[[], Stage]) -> None:
        self._new_stage = new_stage
        self._stage: Stage | None = None
        self._before = STRANGER.user

    def live(self, subject: int, version: int, truth: Truth) -> Lived | None:
        """Play one, of this user beside the last one."""
        if not is_lived(subject, version) or subject == STRANGER.user:
            return None
        stage = self._stage = self._stage or self._new_stage()
        life = self._draw(stage, subject, version, truth)
        self._before = subject
        lived = play(stage, life)
        if lived.expected == lived.actual:
            return lived
        self._stage, self._before = None, STRANGER.user
        again = play(self._new_stage(), life)
        return lived._replace(alone=again == lived)

    def _draw(self, stage: Stage, subject: int, version: int, truth: Truth) -> Life:
        beside = self._before if self._before != subject else STRANGER.user
        people = (
            stage.has(beside, STRANGER).person(),
            stage.has(subject, Person(subject, truth.version, truth.uni, truth.ton)).person(),
        )[::-1]
        stayed = {page: [subject, beside].index(user) for page, user in stage.open_pages().items()}
        return write(f"{subject}:{version}", people, real=_own(truth.transactions), stayed=stayed)


class OneLife:
    """One life that was written down, to be played again."""

    def __init__(self, life: Life | None, new_stage: Callable[[], Stage]) -> None:
        self._life = life
        self._new_stage = new_stage

    def live(self, subject: int, version: int, truth: Truth) -> Lived | None:
        """Play it, on a stage where nothing was played before."""
        return None if self._life is None else play(self._new_stage(), self._life)


def play(stage: Stage, life: Life) -> Lived:
    """Return what came of a life; what the candidate raises ends it."""
    raised = None
    try:
        stage.play(life)
    except BaseException as error:  # noqa: BLE001 - a candidate may raise anything at all
        raised = Raised.of(error)
    return Lived(life, *verdict(stage, raised))


def _own(transactions: Sequence[Booked]) -> list[Booking]:
    """Return what the user was booked of late, to be booked once more."""
    return [Booking(str(each.currency), each.amount, each.source) for each in transactions]
