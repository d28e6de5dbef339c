"""What the two flags said to the calls of this worker, from the counts of who served them."""

from collections.abc import Mapping

from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.usage import Answers
from shim.migration import Migration


class FlagAnswers:
    """Counts each flag's answers once it has been attached to a migration.

    A call that the canonical served is a yes of its flag, any other one a no: what an
    engaged kill switch kept from the canonical counts as no.
    """

    def __init__(self) -> None:
        self._migration: Migration | None = None

    def attach(self, migration: Migration) -> None:
        """Count the calls of this migration."""
        self._migration = migration

    def __call__(self) -> Mapping[str, Answers]:
        """Return the answers so far."""
        if self._migration is None:
            return {}
        tallies = self._migration.tallies.values()
        canonical = sum(tally.canonical for tally in tallies)
        legacy = sum(tally.legacy for tally in tallies)
        sampled = sum(tally.sampled for tally in tallies)
        return {
            CANONICAL_FLAG: Answers(canonical, legacy),
            SHADOW_FLAG: Answers(sampled, canonical + legacy - sampled),
        }
