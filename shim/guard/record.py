"""What the guard over all workers leaves to whoever runs it next: plain data, kept as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Protocol

import msgspec

from shim.guard.ruling import Memory, Ruling
from shim.guard.totals import Totals


class GuardStoreError(Exception):
    """The guard's record, or the ledger, cannot be read or written: the message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """A percentage of the ramp: for how long it was watched, and what was compared before it.

    `seconds` are those in which a guard looked on, added up by its monotonic clock: so no
    two clocks are compared, and a time without a guard does not count.
    """

    percentage: int
    seconds: float = 0.0
    compared: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GuardRecord:
    """How far the tests are at one epoch of the latch, and what was ruled last."""

    epoch: int
    baseline: Totals
    memories: Mapping[str, Memory]
    ruling: Ruling
    step: Step


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it is kept. `age_s` by the clock of the store; `version` grows with each."""

    record: GuardRecord | None = None
    version: int = 0
    age_s: float = 0.0


class GuardStore(Protocol):
    """Keeps the record of one migration, and reads its ledger as the guard wants it."""

    def read(self) -> Kept:
        """Return the record; none where it cannot be understood. Raises GuardStoreError."""

    def write(self, record: GuardRecord, *, after: int) -> bool:
        """Keep a record after the version that was read; False if another one was kept since.

        Raises GuardStoreError.
        """

    def totals(self) -> Totals:
        """Return what all workers counted. Raises GuardStoreError."""

    def sample(self, fingerprint: str) -> str:
        """Return what a divergence looked like, empty if that is not kept. Raises as above."""


def record_to_text(record: GuardRecord) -> str:
    """Return a record as JSON."""
    return json.dumps(asdict(record))


def record_from_text(text: str) -> GuardRecord:
    """Read what `record_to_text` wrote. Raises ValueError."""
    return msgspec.convert(json.loads(text), GuardRecord)
