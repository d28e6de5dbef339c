"""Plays lives, one after the other, on one candidate with a clock of its own."""

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from shim.balance.doubles import BusDouble
from shim.balance.life.events import Event, Kind, Life, Person
from shim.balance.life.held import HeldAccount, HeldReader, HeldTruth
from shim.balance.life.page import CLOSED, GONE, Dropped, LivePage, NewPage, Page, Sitting
from shim.balance.life.wire import SettableClock, Wire
from shim.balance.rehearsal import HANDOVER_S, LONGEST_PAUSE_S
from shim.balance.shadow import said_by_shadow
from shim.ports import CanonicalService, NewCanonical, NewHint, Unavailable

DISTANCE_S = 1.0
"""Seconds between balance frames of every second page: the others take each frame at once."""
MOST_ACCOUNTS = 500
"""People of whom a stage knows what they have: those of the last few hundred lives."""


class Stage:
    """A candidate, the database that it reads, and the pages that are open.

    `breathe` is called wherever the thread may pause: a life takes longer than it may hold on to
    the interpreter beside callers.
    """

    def __init__(
        self,
        *,
        new_canonical: NewCanonical,
        new_hint: NewHint,
        new_page: NewPage,
        unavailable: Unavailable,
        breathe: Callable[[], None] = lambda: None,
    ) -> None:
        self.clock = SettableClock()
        self._breathe = breathe
        self._new_page = new_page
        self._new_hint = new_hint
        self.reader = HeldReader(
            unavailable=unavailable, moment=self.clock.monotonic, answered=self._answered
        )
        self.wire = Wire(self.clock, self.reader)
        self._lost = self.wire.lost
        self.service: CanonicalService = new_canonical(
            self.clock, self.reader, BusDouble(lambda _: None), lambda user: user not in self._lost
        )
        self._pages: dict[int, Page] = {}
        self._dropped = Dropped()
        self._numbers = itertools.count(1)
        self.sittings: list[Sitting] = []
        self.registered = 0
        """Connections that the service says it holds, once a life is over."""
        self.due: dict[int, int] = {}
        """Of each user the newest version of which the service was told."""
        self._hinted: dict[int, float] = {}
        self._people: tuple[Person, ...] = ()
        self._said_by_shadow = said_by_shadow()

    def play(self, life: Life) -> None:
        """Let it happen. Raises what the candidate raises.

        What is written to the log meanwhile is marked: nothing of it happened.
        """
        self._said_by_shadow.run(self._play, life)

    def _play(self, life: Life) -> None:
        self._people = life.people
        self.wire.begin_anew()
        self.reader.begin_anew()
        self.sittings = [page.sitting for page in self._pages.values() if page.sitting is not None]
        for sitting in self.sittings:
            sitting.begin_anew()
        for person in life.people:
            self.has(person.user, person)
        for number, who in life.stayed:
            if number not in self._pages:
                self._happens(Event(Kind.OPENS, who=who, page=number))
        if life.stayed:
            self._happens(Event(Kind.PASSES, seconds=0.1))
        for event in life.events:
            self._breathe()
            if event.within:
                self.reader.within.append(partial(self._happens, event))
            else:
                self._happens(event)
        for number, page in list(self._pages.items()):
            if page.is_broken:
                del self._pages[number]
                self._leaves(page)
        self.registered = self.service.get_connection_stats().connections

    def has(self, user: int, person: Person) -> HeldAccount:
        """Return what a user has here; who was not here, or is forgotten, has what `person` has."""
        accounts = self.reader.accounts
        account = accounts.pop(user, None)
        if account is None:
            account = HeldAccount(person)
            self.due[user] = person.version
        accounts[user] = account
        if len(accounts) > MOST_ACCOUNTS:
            forgotten = next(iter(accounts))
            for known in (accounts, self.due, self._hinted):
                known.pop(forgotten, None)
        return account

    def open_pages(self) -> dict[int, int]:
        """Return whose the open pages are."""
        return {
            number: page.sitting.user
            for number, page in self._pages.items()
            if page.sitting is not None
        }

    def _happens(self, event: Event) -> None:
        _DO[event.kind](self, event)

    def _user(self, event: Event) -> int:
        return self._people[event.who].user

    # What happens to pages.

    def _opens(self, event: Event) -> None:
        number = next(self._numbers)
        page: Page
        distance_s = 0.0 if event.page % 2 else DISTANCE_S
        connection = self._new_page(
            f"life-{number}", lambda: self.wire.wakes(page), distance_s, self.clock.monotonic
        )
        live = LivePage(connection, lambda frame: self.wire.offered(page, frame))
        page = Page(connection, live, distance_s)
        self._pages[event.page] = page
        user = self._user(event)
        if event.count:
            account = self.reader.accounts[user]
            page.live.known = max(account.version - event.count, account.first)
        self._sits(page, user, says=page.live.known)

    def _sits(self, page: Page, user: int, *, says: int | None = None) -> None:
        version = self.reader.accounts[user].version
        known = self._dropped.back(user, self.clock.monotonic()) if says is None else says
        sure = not (self.reader.failing or self.reader.is_reading or self._is_under_way(user))
        shown = known if known is not None else version if sure else None
        page.sitting = Sitting(user, shown, version, self.reader.begun, page.distance_s)
        self.sittings.append(page.sitting)
        if user not in self._lost and self.due[user] > page.sitting.knows:
            page.sitting.owed.append((self.clock.monotonic(), self.due[user]))
        self.service.register_connection(user, page.live)

    def _is_under_way(self, user: int) -> bool:
        """Whether a window of the user may be open: long after a hint if no read came about."""
        now = self.clock.monotonic()
        failed_at = self.reader.failed_at
        if failed_at is not None and now - failed_at < LONGEST_PAUSE_S:
            return True
        return now - self._hinted.get(user, -LONGEST_PAUSE_S) < LONGEST_PAUSE_S

    def _again(self, event: Event) -> None:
        page = self._pages[event.page]
        if page.sitting is not None:
            self.service.register_connection(page.sitting.user, page.live)

    def _ends(self, event: Event, code: int) -> None:
        page = self._pages.pop(event.page)
        page.connection.close(code)
        self._leaves(page, comes_back=code == GONE)

    def _leaves(self, page: Page, *, comes_back: bool = False) -> None:
        sitting, page.sitting = page.sitting, None
        if sitting is None:
            return
        if comes_back:
            self._dropped.add(sitting.user, sitting.knows, self.clock.monotonic())
        sitting.owed.clear()
        sitting.is_over = True
        self.service.remove_connection(sitting.user, page.live)

    def _moves(self, event: Event) -> None:
        page = self._pages[event.page]
        self._leaves(page)
        self._sits(page, self._user(event))

    def _breaks(self, event: Event) -> None:
        page = self._pages[event.page]
        page.is_broken = True
        if page.sitting is not None:
            page.sitting.owed.clear()
            page.sitting.is_over = True
        page.connection.close(CLOSED)

    def _slows(self, event: Event) -> None:
        page = self._pages[event.page]
        page.is_quick = False
        if page.sitting is not None:
            page.sitting.owed.clear()

    def _takes(self, event: Event) -> None:
        page = self._pages[event.page]
        page.is_quick = True
        self.wire.take(page)
        self._note_owed(page)

    def _answered(self, begun: int, found: Mapping[int, HeldTruth]) -> None:
        """Note what new pages were told from, if the read began after they came."""
        for page in self._pages.values():
            sitting = page.sitting
            if sitting is None or sitting.adopted is not None or sitting.registered >= begun:
                continue
            truth = found.get(sitting.user)
            sitting.adopted = None if truth is None else truth.version

    # What happens besides.

    def _books(self, event: Event) -> None:
        self.reader.accounts[self._user(event)].book(event.bookings, self.clock.utc_now())

    def _hints(self, event: Event) -> None:
        user = self._user(event)
        self._hinted[user] = self.clock.monotonic()
        if user in self._lost:
            self.service.look_again((user,))
            return
        self._is_due(user)
        self.service.notify_balance_update(self._new_hint(user))

    def _is_due(self, user: int) -> None:
        self.due[user] = self.reader.accounts[user].version
        for page in self._pages.values():
            if page.sitting is not None and page.sitting.user == user:
                self._note_owed(page)

    def _note_owed(self, page: Page) -> None:
        sitting = page.sitting
        if sitting is None or page.is_broken or not page.is_quick or sitting.user in self._lost:
            return
        version = self.due[sitting.user]
        if sitting.knows < version and all(owed[1] < version for owed in sitting.owed):
            sitting.owed.append((self.clock.monotonic(), version))

    def _passes(self, event: Event) -> None:
        self.clock.advance(event.seconds)

    def _is_lost(self, event: Event) -> None:
        user = self._user(event)
        self._lost.add(user)
        self.wire.handing_over = True
        try:
            self.service.relinquish(user.__eq__, read_timeout=HANDOVER_S)
        finally:
            self.wire.handing_over = False
        for page in self._pages.values():
            if page.sitting is not None and page.sitting.user == user:
                page.sitting.owed.clear()

    def _is_gained(self, event: Event) -> None:
        user = self._user(event)
        self._lost.discard(user)
        self._hinted[user] = self.clock.monotonic()
        self._is_due(user)
        self.service.look_again((user,))

    def _legacy(self, event: Event) -> None:
        """Show the balance as a legacy service does; what it shows is remembered."""
        user = self._user(event)
        account = self.reader.accounts[user]
        self.due[user] = account.version
        text = json.dumps(
            {
                "type": "balance_update",
                "data": {"balance_uni": float(account.uni), "balance_ton": float(account.ton)},
            },
            separators=(",", ":"),
        )
        self.wire.legacys[text] = account.version
        for page in self._pages.values():
            if page.sitting is not None and page.sitting.user == user and not page.is_broken:
                page.connection.send(text)
                page.connection.overheard = text

    def _fails(self, event: Event) -> None:
        self.reader.failing = event.count

    def _steps(self, event: Event) -> None:
        self.clock.set_by += timedelta(seconds=event.seconds)

    def _says(self, event: Event) -> None:
        user = self._user(event)
        for page in self._pages.values():
            if page.sitting is not None and page.sitting.user == user and not page.is_broken:
                page.sitting.texts_due.append(event.count)
        self.service.send_custom_message(user, "note", {"number": event.count})

    def _flushes(self, event: Event) -> None:
        self.service.flush_pending_updates()


_DO: dict[Kind, Callable[[Stage, Event], None]] = {
    Kind.OPENS: Stage._opens,
    Kind.AGAIN: Stage._again,
    Kind.LEAVES: lambda stage, event: stage._ends(event, CLOSED),
    Kind.DROPS: lambda stage, event: stage._ends(event, GONE),
    Kind.MOVES: Stage._moves,
    Kind.BREAKS: Stage._breaks,
    Kind.SLOWS: Stage._slows,
    Kind.TAKES: Stage._takes,
    Kind.BOOKS: Stage._books,
    Kind.HINTS: Stage._hints,
    Kind.PASSES: Stage._passes,
    Kind.LOST: Stage._is_lost,
    Kind.GAINED: Stage._is_gained,
    Kind.LEGACY: Stage._legacy,
    Kind.FAILS: Stage._fails,
    Kind.STEPS: Stage._steps,
    Kind.SAYS: Stage._says,
    Kind.FLUSHES: Stage._flushes,
}
