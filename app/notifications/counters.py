"""What the canonical service counts."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What was sent, and what went wrong, since the service was built."""

    reads_failed: int = 0
    windows_dropped: int = 0
    connections_dropped: int = 0
    offers: int = 0
    """Frames that connections were given."""
    offers_failed: int = 0
    """Those of them that a connection did not take."""
