"""Which divergences are harms: a binding tells, for it knows what a path means."""

from collections.abc import Callable, Iterable

from shim.guard.evidence import Harm
from shim.shadow.result import Result

HarmsOf = Callable[[Result], Iterable[Harm]]
"""Returns each harm that one divergence is, once."""


def no_harms(_: Result) -> Iterable[Harm]:
    """Return none: of a binding that knows of no harm."""
    return ()
