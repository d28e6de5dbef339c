"""What browsers were shown, and whether it is what the database holds."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.notifications.connections import BrowserConnection
from app.notifications.messages import balance_update
from bench.kit import day

LATE_S = 5.0
"""Seconds after a booking from which on a page that does not show it is behind.

Far more than is promised, for the machine may be busy; the sweep, which would repair what was
lost, comes later.
"""
OPENING_S = 1.0
"""Seconds in which a page that opens may find out what there is."""
_MILLIONTH = Decimal("0.000001")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True, slots=True)
class Booking:
    """One transaction as the database holds it; `at` in unix seconds."""

    version: int
    currency: str
    amount: Decimal
    source: str
    uni: Decimal
    ton: Decimal
    at: float


class Page:
    """A browser's page: it takes every frame at once, as text, and keeps it if `recording`.

    A frame that cannot be put into words ends the connection, as it does on a socket.
    """

    def __init__(self, user_id: int, name: str, *, recording: bool) -> None:
        self.user_id = user_id
        self.opened_at = day.unix()
        self.closed = False
        self.heard: list[tuple[float, str]] = []
        self.canonical_frames = 0
        self._recording = recording
        self.connection = BrowserConnection(name, self._take)

    def _take(self) -> None:
        while (item := self.connection.take()) is not None:
            if isinstance(item, str):
                text = item
            elif hasattr(item, "version"):
                self.canonical_frames += 1
                text = balance_update(item)
            else:
                return  # the close: nothing comes after it
            if self._recording:
                self.heard.append((day.unix(), text))


def problems(pages: Sequence[Page], booked: Mapping[int, Sequence[Booking]]) -> Counter[str]:
    """Return what a browser was shown that is not so, by kind, over all pages."""
    found: Counter[str] = Counter()
    for page in pages:
        found.update(_problems_of(page, booked.get(page.user_id, ())))
    return found


def _problems_of(page: Page, bookings: Sequence[Booking]) -> Iterator[str]:
    shown: int | None = None
    for at, text in page.heard:
        message = _decoded(text)
        if message is None:
            yield "a frame that no page can read"
            continue
        if shown is None:
            shown = _version_at_first(message)
            if _came_later(page, bookings[:shown]):
                yield "a change that no page was told of"
        yield from _wrong(message, page, bookings, shown)
        version = message.get("version")
        if isinstance(version, int):
            yield from _late(at, page, bookings, shown, version)
            shown = version if shown is None else max(shown, version)
    if not page.closed and _came_later(page, bookings[shown or 0 :]):
        yield "a change that no page was told of"


def _version_at_first(message: Mapping[str, Any]) -> int | None:
    """Return the version that a page showed before its first frame, as that frame has it.

    A page reads the balance when it opens, and is told of what comes after that.
    """
    since = message.get("since")
    return since if isinstance(since, int) and since >= 0 else None


def _came_later(page: Page, bookings: Sequence[Booking]) -> bool:
    """Tell whether one of these came when the page had been open for some time."""
    return any(booking.at > page.opened_at + OPENING_S for booking in bookings)


def _decoded(text: str) -> dict[str, Any] | None:
    try:
        message = json.loads(text, parse_float=Decimal)
        data = message["balanceData"]
        whole = message["type"] == "balance_update" and _TIMESTAMP.fullmatch(data["timestamp"])
    except (ValueError, LookupError, TypeError):
        return None
    return message if whole else None


def _wrong(
    message: dict[str, Any], page: Page, bookings: Sequence[Booking], shown: int | None
) -> Iterator[str]:
    version, data = message.get("version"), message["balanceData"]
    if message.get("userId") != page.user_id:
        yield "another user's balance"
    if not isinstance(version, int) or not 0 <= version <= len(bookings):
        yield "a version that is none"
        return
    if shown is not None and version <= shown:
        yield "something older, or the same again"
    if _pair(data, "balanceUni", "balanceTon") != _balance_at(bookings, version):
        yield "a wrong balance"
    covered = [] if shown is None else bookings[shown:version]
    if _pair(data.get("changes"), "uni", "ton") != (_sum(covered, "UNI"), _sum(covered, "TON")):
        yield "wrong changes"
    if data.get("sources") != list(dict.fromkeys(booking.source for booking in covered)):
        yield "wrong sources"


def _late(
    at: float, page: Page, bookings: Sequence[Booking], shown: int | None, version: int
) -> Iterator[str]:
    since = max((booking.at for booking in bookings[shown or 0 : version]), default=at)
    if at - max(since, page.opened_at) > LATE_S:
        yield "too late"


def _balance_at(bookings: Sequence[Booking], version: int) -> tuple[Decimal, Decimal]:
    if version == 0:
        return Decimal(0).quantize(_MILLIONTH), Decimal(0).quantize(_MILLIONTH)
    return bookings[version - 1].uni, bookings[version - 1].ton


def _pair(data: object, *names: str) -> tuple[Decimal, ...] | None:
    try:
        return tuple(Decimal(str(data[name])).quantize(_MILLIONTH) for name in names)  # type: ignore[index]
    except (ArithmeticError, LookupError, TypeError):
        return None


def _sum(bookings: Sequence[Booking], currency: str) -> Decimal:
    amounts = (booking.amount for booking in bookings if booking.currency == currency)
    return sum(amounts, Decimal(0)).quantize(_MILLIONTH)
