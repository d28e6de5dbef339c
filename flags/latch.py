"""The latch of the kill switch as data, and what keeps it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

MOST_EPOCH = 2**40
"""No epoch is higher: they begin with the seconds since 1970 and grow by one a change."""


class LatchStoreError(Exception):
    """A store could not be read or written: the message says which, why and what to do."""


@dataclass(frozen=True, slots=True)
class Latch:
    """Whether everybody is on legacy, by whom, since when (aware, UTC) and why.

    `epoch` counts the changes; a higher one is the newer intent.
    """

    epoch: int
    engaged: bool
    who: str
    when: datetime
    why: str

    def outranks(self, other: "Latch | None") -> bool:
        """Tell whether this latch wins: the higher epoch, at equal epochs the engaged one."""
        return other is None or (self.epoch, self.engaged) > (other.epoch, other.engaged)


NEVER_ENGAGED = Latch(0, False, "nobody", datetime(1970, 1, 1, tzinfo=UTC), "never engaged")
"""What holds when every store is empty."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What a store holds after a `put`, and since when others could see it (unix seconds)."""

    latch: Latch
    at: float


class LatchStore(Protocol):
    """Keeps one latch beyond the life of a process."""

    @property
    def name(self) -> str:
        """What to call this store in messages."""

    def read(self) -> Latch | None:
        """Return the latch, None when nothing was ever put. Raises `LatchStoreError`."""

    def put(self, latch: Latch) -> Placed:
        """Keep `latch` durably unless the one kept outranks it or is equal in rank.

        Atomic against other writers. Returns what is kept afterwards. Content that cannot
        be read is overwritten. Raises `LatchStoreError`.
        """


def latch_to_text(latch: Latch) -> str:
    """Return the latch as one line of JSON."""
    return json.dumps(
        {
            "epoch": latch.epoch,
            "engaged": latch.engaged,
            "who": latch.who,
            "when": latch.when.isoformat(),
            "why": latch.why,
        }
    )


def latch_from_text(text: str) -> Latch:
    """Read what `latch_to_text` wrote. Raises ValueError saying what is wrong."""
    try:
        fields = json.loads(text)
        epoch, engaged, who, why = (fields[name] for name in ("epoch", "engaged", "who", "why"))
        when = datetime.fromisoformat(fields["when"])
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        raise ValueError(f"it is not a latch ({error!r}); it begins {text[:40]!a}") from error
    counted = type(epoch) is int and 0 <= epoch <= MOST_EPOCH
    if not counted or type(engaged) is not bool or when.tzinfo is None:
        raise ValueError(
            f"epoch is {epoch!a:.40}, engaged {engaged!a:.40}, when {when}: give a whole number up"
            f" to {MOST_EPOCH}, true or false, and a time with its zone"
        )
    return Latch(epoch, engaged, str(who), when, str(why))
