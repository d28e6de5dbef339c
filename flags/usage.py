"""How often each flag said yes and no, for Unleash's own page of that.

Decisions are remembered, so Unleash's engine is not asked at each call and cannot count. But
the calls are counted, by who served them; once a minute what was added is handed in.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SEND_S = 60.0


@dataclass(frozen=True, slots=True)
class Answers:
    """How often a flag said yes and no since the process began."""

    yes: int
    no: int

    def since(self, before: "Answers") -> "Answers":
        """Return what was added."""
        return Answers(max(0, self.yes - before.yes), max(0, self.no - before.no))


Count = Callable[[], Mapping[str, Answers]]
"""Returns the answers of each flag so far."""
Send = Callable[[dict[str, Any]], bool]
"""Hands in a bucket in the form of Unleash's client metrics; returns whether it was taken."""


class Usage:
    """Hands in what was added; what is not taken is handed in with the next. One thread."""

    def __init__(
        self,
        count: Count,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._count = count
        self._monotonic = monotonic
        self._utc_now = utc_now
        self._handed: Mapping[str, Answers] = {}
        self._since = utc_now()
        self._tried_at = monotonic()

    def send_if_due(self, send: Send) -> None:
        """Hand in once a minute."""
        if self._monotonic() - self._tried_at >= SEND_S:
            self.send(send)

    def send(self, send: Send) -> None:
        """Hand in what was added, if anything was."""
        self._tried_at = self._monotonic()
        counted, now = dict(self._count()), self._utc_now()
        added = {
            flag: answers.since(self._handed.get(flag, Answers(0, 0)))
            for flag, answers in counted.items()
        }
        toggles = {
            flag: {"yes": each.yes, "no": each.no, "variants": {}}
            for flag, each in added.items()
            if each.yes or each.no
        }
        bucket = {"start": self._since.isoformat(), "stop": now.isoformat(), "toggles": toggles}
        if toggles and send(bucket):
            self._handed, self._since = counted, now
