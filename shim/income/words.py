"""What a divergence of the farming income means, in words for whoever reads a trip's reason."""

from shim.guard.reason import Seen
from shim.shadow.result import Comparison


def words_of(found: Seen) -> str | None:
    """Return what one difference means, None where there are no words for it."""
    if found.path == "raised":
        return f"new error: canonical raised {found.actual}, legacy {found.expected}"
    if found.path == "income" and found.comparison == Comparison.TRUTH:
        return f"wrong income: canonical says {found.actual}, the deposit earned {found.expected}"
    return None
