"""What the flags said to the calls of this worker, from the counts of who served them."""

from collections.abc import Collection, Mapping
from typing import Protocol

from flags.decision import FlagPair
from flags.usage import Answers


class Tally(Protocol):
    """Calls of one path: by who served them, and how many of all shadows are shown."""

    canonical: int
    legacy: int
    sampled: int


class FlagAnswers:
    """Counts each flag's answers once it has been attached to what counts calls.

    A call that the canonical served is a yes of its flag, any other one a no: what an
    engaged kill switch kept from the canonical counts as no.
    """

    def __init__(self) -> None:
        self._tallies: dict[FlagPair, Collection[Tally]] = {}

    def attach(self, pair: FlagPair, tallies: Collection[Tally]) -> None:
        """Count these calls for the two flags of a migration."""
        self._tallies[pair] = tallies

    def __call__(self) -> Mapping[str, Answers]:
        """Return the answers so far."""
        answers = {}
        for pair, tallies in self._tallies.items():
            canonical = sum(tally.canonical for tally in tallies)
            legacy = sum(tally.legacy for tally in tallies)
            sampled = sum(tally.sampled for tally in tallies)
            answers[pair.canonical] = Answers(canonical, legacy)
            answers[pair.shadow] = Answers(sampled, canonical + legacy - sampled)
        return answers
