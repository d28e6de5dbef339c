"""Whether a source whose revision went down is late, or was restored from a backup."""

import time
from collections.abc import Callable

RESTORED_AFTER_S = 10.0
"""Seconds of nothing but older revisions after which they are believed."""
RESTORED_ANSWERS = 5
"""And so many answers, so that one held answer after a long silence is not enough."""


class Backwards:
    """Looks at revisions below the one that holds.

    A late answer is one; a replica that lags is among others. A restored server says nothing
    but older revisions, each at least as high as the one before: once that was so for ten
    seconds and five answers, it is believed.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since = 0.0
        self._answers = 0
        self._last = 0

    def forget(self) -> None:
        """Begin anew: something that is not older was seen."""
        self._answers = 0

    def believes(self, revision: int) -> bool:
        """Note an older revision; tell whether it is to be followed now."""
        now = self._monotonic()
        if self._answers == 0 or revision < self._last:
            self._since, self._answers = now, 0
        self._answers += 1
        self._last = revision
        return self._answers >= RESTORED_ANSWERS and now - self._since >= RESTORED_AFTER_S
