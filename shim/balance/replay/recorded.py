"""The world of a case: a database that answers what it answered then, a manager, connections."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from shim.balance.doubles import ManagerDouble
from shim.balance.replay.case import Amount, BalanceCase, BookedRecord, CachedBalance, LookRecord
from shim.legacy.ports import Balance
from shim.ports import Clock


@dataclass(frozen=True, slots=True)
class RecordedTruth:
    """A user's balance at one version, with the transactions asked for."""

    user_id: int
    version: int
    uni: Decimal
    ton: Decimal
    transactions: Sequence[BookedRecord]


class RecordedDatabase:
    """A `TruthReader` over a case: at each moment it holds what was seen to be there by then.

    What a call's own turn saw is taken to have been there at the call, for a caller books
    before it notifies. What is asked for and is not in the case is noted in `lacks`.
    """

    def __init__(self, case: BalanceCase, clock: Clock) -> None:
        self._case = case
        self._clock = clock
        self._reaches_back_to = min(
            (look.since for look in case.looks if look.since is not None), default=None
        )
        self._states = _states(case)
        self._timeline = _timeline(case)
        self.lacks: list[str] = []

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, RecordedTruth]:
        """Return the truth of the case's user."""
        found = {user_id: self._read(user_id, version) for user_id, version in since.items()}
        return {user_id: truth for user_id, truth in found.items() if truth is not None}

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Return the newest version with these balances that the case knows of."""
        now = self._version()
        if user_id != self._case.user or now is None:
            return None
        placed = [each.version for each in self._case.places if (each.uni, each.ton) == (uni, ton)]
        placed += [version for version, state in self._states.items() if state == (uni, ton)]
        return max((version for version in placed if version is not None), default=None)

    def _read(self, user_id: int, since: int | None) -> RecordedTruth | None:
        if user_id != self._case.user:
            self._lack("what the database held of another user")
            return None
        version = self._version()
        if version is None:
            return None
        back = self._reaches_back_to
        if since is not None and since < version and (back is None or since < back):
            self._lack("transactions that nobody asked for then")
        return RecordedTruth(
            user_id,
            version,
            *self._states[version],
            ()
            if since is None
            else tuple(each for each in self._case.transactions if since < each.version <= version),
        )

    def _version(self) -> int | None:
        """Return the version that the database holds now; None if it knows no such user."""
        if not self._timeline:
            return None
        now = self._clock.monotonic()
        seen = [version for at, version in self._timeline if at <= now]
        # Before the first look it is taken to have held what that look saw.
        return seen[-1] if seen else self._timeline[0][1]

    def _lack(self, what: str) -> None:
        if what not in self.lacks:
            self.lacks.append(what)


class RecordedManager(ManagerDouble):
    """The balance manager with the cache as it was at the call that is being made."""

    on_replaced: Callable[[int, object], None] | None = None

    def show(self, user_id: int, balance: "RecordedBalance | None") -> None:
        """Hold another balance of the user in the cache."""
        if self.on_replaced is not None:
            self.on_replaced(user_id, self.kept(user_id))
        self.cached = balance

    def kept(self, user_id: int) -> "RecordedEntry | None":
        """Look into the cache."""
        return None if self.cached is None else RecordedEntry(self.cached)


@dataclass(frozen=True, slots=True)
class RecordedEntry:
    """What was in the cache: what had run out was not recorded."""

    balance: Balance
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class RecordedBalance:
    """What the manager's cache held."""

    uni: Decimal | float
    ton: Decimal | float


def cached(balance: CachedBalance | None) -> RecordedBalance | None:
    """Return a cached balance in the types that it had."""
    if balance is None:
        return None
    return RecordedBalance(money(balance.uni), money(balance.ton))


def money(amount: Amount) -> Decimal | float:
    """Return an amount in the type that it had."""
    return Decimal(amount) if isinstance(amount, str) else float(amount)


def _states(case: BalanceCase) -> dict[int, tuple[Decimal, Decimal]]:
    """Return the balances at every version that the case knows them of."""
    states = {each.version: (each.uni_after, each.ton_after) for each in case.transactions}
    for look in case.looks:
        if look.version is not None and look.uni is not None and look.ton is not None:
            states[look.version] = (look.uni, look.ton)
    return states


def _timeline(case: BalanceCase) -> list[tuple[float, int]]:
    """Return from when on which version was there, oldest first; versions only grow."""
    steps = [(_from(case, look), look.version) for look in case.looks if look.version is not None]
    known = set(_states(case))
    steps += [
        (sent.at, sent.frame.version)
        for sent in case.sent
        if sent.frame is not None and sent.frame.version in known
    ]
    newest, timeline = 0, []
    for at, version in sorted(steps):
        newest = max(newest, version)
        timeline.append((at, newest))
    return timeline


def _from(case: BalanceCase, look: LookRecord) -> float:
    """Return since when a look holds: since the newest call before it, if it is its first."""
    called = max((call.started for call in case.calls if call.started <= look.at), default=look.at)
    first = min(each.at for each in case.looks if each.at >= called)
    return called if look.at == first else look.at
