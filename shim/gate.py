"""Knows which calls are inside the canonical service, so that a rollback can wait for them."""

import time
from collections.abc import Callable

Sleep = Callable[[float], None]


class Gate:
    """A set of tokens, one for each call inside. Adding and discarding are atomic in CPython.

    Whoever enters must look again at the routing table after `inside.add(token)`: a call
    that read the old table before a flip, and enters after `drain` looked, would otherwise
    be served by the side that has just lost.
    """

    __slots__ = ("inside",)

    def __init__(self) -> None:
        self.inside: set[object] = set()

    def drain(
        self,
        *,
        timeout: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = time.sleep,
    ) -> bool:
        """Wait until every call that is inside now has left; False if one has not in time.

        `timeout` in seconds.
        """
        waiting = self.inside.copy()
        deadline = monotonic() + timeout
        while waiting := waiting & self.inside.copy():
            if monotonic() >= deadline:
                return False
            sleep(0.0005)
        return True
