"""What a migration tells so that its divergences can be run again."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from shim.lines import NameUser
from shim.log_records import Divergence, ObservationRecord
from shim.replay.case import AnyCase, encode
from shim.replay.finding import Replayed
from shim.shadow.episode import Episode
from shim.shadow.result import Comparison, Result

Rename = Callable[[int], int]
"""What a user id is replaced by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayer(Generic[AnyCase]):
    """The seam: `case_of`, `case_of_line` and `run` raise CaseError.

    `form` is the case's own type. `without_names` replaces what is not in every case and names
    a user; the rest is done for it. `expects` are the sides that say in a comparison what was to
    be expected, none where that is the system of record, of which `held` tells.
    """

    form: type[AnyCase]
    case_of: Callable[[Episode, Result, datetime], AnyCase]
    case_of_line: Callable[[Divergence], AnyCase]
    run: Callable[[AnyCase], Replayed]
    without_names: Callable[[AnyCase, Rename], AnyCase]
    observations: Callable[[Episode, NameUser], list[ObservationRecord]]
    expects: Callable[[Comparison], Collection[str]]
    held: Callable[[AnyCase], Iterable[str]]

    def write(self, episode: Episode, result: Result, at: datetime) -> bytes:
        """Return a divergence with its inputs as JSON, real ids and all. Raises CaseError."""
        return encode(self.case_of(episode, result, at))
