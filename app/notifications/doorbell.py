"""When balance frames may leave: production's page takes each of them for a doorbell.

It reads the balance by HTTP when a frame comes, and drops a frame that comes while it reads. So
the first frame to a page leaves at once, and later ones keep a distance in which such a read
ends: what is booked meanwhile is merged into the next one. And a page more is a read more: in a
bulk, like the tick that pays everybody, frames are spread over some seconds.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

BELL = '{"type":"balance_update"'
"""How the text of a balance frame begins, whichever service wrote it."""
BULK = 50
"""Pages that are rung for at once within a second; more of them are a bulk."""


@dataclass(slots=True)
class Doorbell:
    """The pauses between balance frames, one for all connections of a worker.

    `distance_s` is kept on a connection after each balance frame; 0 for none. `spread_s` is the
    longest time that a frame of a bulk waits for its turn; 0 for no time. `chance` returns a
    number from 0 to 1. Safe to call from any thread: two at once may count as one page.
    """

    distance_s: float = 0.0
    spread_s: float = 0.0
    monotonic: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    _since: float = float("-inf")
    _rung: int = 0

    def rings_again(self) -> float:
        """Return from when on a page may be rung for that is rung for now."""
        return self.monotonic() + self.distance_s if self.distance_s else 0.0

    def turn(self) -> float:
        """Return from when on one page more may be rung for; 0 for at once."""
        if not self.spread_s:
            return 0.0
        now = self.monotonic()
        if now - self._since >= 1:
            self._since, self._rung = now, 0
        self._rung += 1
        return 0.0 if self._rung <= BULK else now + self.chance() * self.spread_s


AT_ONCE = Doorbell()
"""No pauses."""
