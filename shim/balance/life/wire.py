"""What leaves on the sockets of a life, as a socket takes it and when."""

from datetime import datetime, timedelta
from typing import Any

from shim.balance.life.held import HeldReader
from shim.balance.life.page import Page, Sitting
from shim.balance.rehearsal import LONGEST_PAUSE_S
from shim.balance.saying import decoded
from shim.ports import Frame
from shim.shadow.clock import VirtualClock


class SettableClock(VirtualClock):
    """A clock whose time of day is set now and then, while its seconds go on."""

    set_by = timedelta(0)

    def utc_at(self, moment: float) -> datetime:
        """Return the time of day, as the clock is set now."""
        return super().utc_at(moment) + self.set_by


class Wire:
    """Takes what waits on the pages that are quick, and notes it on their sittings.

    `lost` are the users of another service. While one is handed over, frames may still leave.
    """

    def __init__(self, clock: VirtualClock, reader: HeldReader) -> None:
        self._clock = clock
        self._reader = reader
        self.lost: set[int] = set()
        self.handing_over = False
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what left so far."""
        self.strays = 0
        """Frames that left on a socket that was subscribed for nobody."""
        self.legacys: dict[str, int] = {}
        """The versions that texts of a legacy service show."""

    def offered(self, page: Page, frame: Frame) -> None:
        """Note what time of day it is, which the frame has to say."""
        page.offered[getattr(frame, "version", 0)] = self._clock.utc_now()

    def wakes(self, page: Page) -> None:
        """Take what waits, unless the page is slow."""
        if page.is_quick:
            self.take(page)

    def take(self, page: Page) -> None:
        """Take what leaves now, and come back when the next may."""
        connection = page.connection
        while connection.is_open and (item := connection.take()) is not None:
            if page.sitting is None:
                self.strays += 1
            elif isinstance(item, str):
                self._text(page.sitting, item)
            else:
                self._frame(page, page.sitting, item)
        due = connection.due
        if due is not None and due > self._clock.monotonic():
            self._clock.call_later(due - self._clock.monotonic(), lambda: self.wakes(page))

    def _text(self, sitting: Sitting, text: str) -> None:
        """Note a text: a balance that no legacy service sent is one that nobody was to send."""
        if text in self.legacys:
            sitting.shown = max(self.legacys[text], sitting.shown or 0)
        else:
            sitting.texts.append(decoded(text))

    def _frame(self, page: Page, sitting: Sitting, frame: Any) -> None:
        now, version = self._clock.monotonic(), getattr(frame, "version", None)
        if sitting.user in self.lost and not self.handing_over:
            sitting.unasked += 1
        sitting.frames.append(frame)
        sitting.before.append(sitting.known_before(getattr(frame, "since", None)))
        if not isinstance(version, int):
            sitting.said_at.append(self._clock.utc_now())
            return
        sitting.said_at.append(page.offered.get(version, self._clock.utc_now()))
        sitting.shown = version
        for since, _ in (owed for owed in sitting.owed if owed[1] <= version):
            late = now - self._excused(since) - 2 * sitting.distance_s
            sitting.waited = max(sitting.waited, late)
        sitting.owed = [owed for owed in sitting.owed if owed[1] > version]

    def _excused(self, since: float) -> float:
        """Return from when on the service could have told: not while reads failed."""
        failed_at = self._reader.failed_at
        return since if failed_at is None else max(since, failed_at + LONGEST_PAUSE_S)
