"""What a divergence of balance notifications means, in words for whoever reads a trip's reason."""

from shim.balance.harms import AMOUNTS
from shim.guard.reason import Seen
from shim.shadow.differences import DifferenceKind
from shim.shadow.result import Comparison


def words_of(found: Seen) -> str | None:
    """Return what one difference means, None where there are no words for it."""
    if found.path == "raised":
        return f"new error: canonical raised {found.actual}, legacy {found.expected}"
    if found.comparison != Comparison.TRUTH:
        return None
    shown = found.served and found.path.startswith("recipients")  # else to a double's page
    who = "the page got" if shown else "canonical would have shown"
    if found.name in AMOUNTS:
        what = "change" if found.name.startswith("change") else "balance"
        return f"wrong {what}: {who} {found.actual}, the database holds {found.expected}"
    if found.path == "waited.*":
        return f"late: the page waited {found.actual}, and {found.expected} was to be"
    if not found.path.startswith("recipients"):
        return None
    if found.kind == DifferenceKind.RECIPIENT or found.name == "user":
        return f"wrong recipient: {found.actual} got what was for {found.expected}"
    if found.path == "recipients.*" and found.kind == DifferenceKind.EXTRA:
        return f"wrong recipient: {who} {found.actual}, and nothing was for it"
    if found.kind == DifferenceKind.MISSING:
        return f"nothing was said: {who} {found.actual}, the database holds {found.expected}"
    return f"wrong {found.name}: {who} {found.actual}, the database holds {found.expected}"
