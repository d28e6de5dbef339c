"""What the canonical service counts."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What went wrong since the service was built."""

    reads_failed: int = 0
    windows_dropped: int = 0
    connections_dropped: int = 0
