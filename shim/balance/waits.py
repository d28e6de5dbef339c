"""How long pages waited for what the calls spoke of, on the clock of the canonical's shadow.

A window closes 250 ms after its first hint at the latest. The clock is a virtual one, which calls
every timer at the very moment that it was set to, however late the thread is that moves it; so
a single page that waited for longer is one too many, and it was the candidate that made it wait.
"""

from collections.abc import Sequence
from typing import NamedTuple

from shim.balance.truth import Record
from shim.shadow.effects import Effect
from shim.shadow.latency import OF_A_FIRST_WORD, LatencyClass

IN_TIME = OF_A_FIRST_WORD.classes[0]
"""The longest time that calls may be collected for, and half as much again: a candidate may look
at its windows now and then, and try a read that failed once more."""


QUIET_S, LONGEST_S = 0.1, 0.25
"""A window closes so many seconds after its last hint, or after its first."""


def read_from(hinted: Sequence[float]) -> float:
    """Return from when on the canonical can have read what the last of these hints spoke of.

    `hinted` are the moments of a user's hints, in order. Not before the window closes that the last
    one fell into, which another one may have opened.
    """
    last = hinted[-1]
    opened = min(at for at in hinted if at >= last - LONGEST_S)
    return min(last + QUIET_S, opened + LONGEST_S)


class Spoken(NamedTuple):
    """From when on the shadow had been told of a version that the database held."""

    at: float
    version: int


def longest_wait(
    effects: Sequence[Effect], spoken: Sequence[Spoken], record: Record
) -> LatencyClass | None:
    """Return for how long a page waited until it was shown what it had to be, at most.

    None if there was nothing to wait for. What it was never shown is another difference.
    """
    said = [
        (effect.at, version)
        for effect in effects
        if isinstance(version := getattr(effect.payload, "version", None), int)
    ]
    waits = [
        next((at - told.at for at, version in said if version >= told.version), None)
        for told in spoken
        if _is_news(told.version, record)
    ]
    waited = [wait for wait in waits if wait is not None]
    return OF_A_FIRST_WORD.class_of(max(waited)) if waited else None


def _is_news(version: int, record: Record) -> bool:
    """Tell whether a page still had to be shown this version at the first call."""
    if record.base is None or version > record.base:
        return True
    return record.owed is not None and version == record.base
