"""Writes lives: what happens to whose pages, drawn by a seed, in short scenes.

A life has some scenes, one after the other, so that what one leaves behind meets the next; between
them everything is told that was to be told.
"""

import random
from collections.abc import Mapping, Sequence

from shim.balance.life.draft import TOLD_S, Draft
from shim.balance.life.events import Booking, Kind, Life, Person
from shim.balance.life.scenes import SCENES_OF_ALL_KINDS

SCENES = 4
"""Scenes of one life."""
HOURS_S = (400.0, 1000.0, 4000.0)
"""Seconds in which a page that dropped before is waited for no more."""


def write(
    seed: str,
    people: Sequence[Person],
    *,
    real: Sequence[Booking],
    stayed: Mapping[int, int],
    scenes: int = SCENES,
) -> Life:
    """Return a life of the first of these people, and of the others beside.

    `real` are the user's own bookings of late, `stayed` the pages that are open, with the place in
    `people` of whose they are. The same seed writes the same life.
    """
    draft = Draft(
        random.Random(seed),  # noqa: S311 - the same seed is to write the same life
        people,
        real,
        dict(stayed),
        max(stayed, default=0) + 1,
        uni=[person.uni for person in people],
        ton=[person.ton for person in people],
    )
    draft.tabs(draft.chance.choice((1, 2, 2, 3)))
    for scene in draft.chance.sample(SCENES_OF_ALL_KINDS, scenes):
        scene(draft)
        _settle(draft)
    _farewell(draft)
    return Life(tuple(people), tuple(draft.events), tuple(stayed.items()))


def _settle(draft: Draft) -> None:
    """Have everything told that was to be told."""
    draft.passes(TOLD_S)


def _farewell(draft: Draft) -> None:
    """Close all pages but one or two, which stay until the next life, and let hours pass."""
    draft.passes(2.5)
    mine = draft.of(0)
    draft.chance.shuffle(mine)
    staying = draft.chance.choice((0, 1, 1, 2))
    for page in [*mine[staying:], *(page for page, who in list(draft.pages.items()) if who)]:
        draft.ends(page, Kind.LEAVES)
    draft.passes(draft.chance.choice(HOURS_S))
