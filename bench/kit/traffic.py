"""Mixed, concurrent traffic: the system's own callers, on threads of their own."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from app.core.daily_bonus_service import claim_daily_bonus
from app.core.mission_service import complete_mission
from app.core.referral_service import pay_referral_bonus
from app.core.wallet_service import withdraw
from app.credits import Credit
from app.errors import CreditError, DatabaseUnavailable
from app.money import Currency
from bench.kit.town import USERS, Town, is_boosted, is_farmer, is_rich

BACKLOG = 40
"""Events that may wait for the shadows before the traffic holds its breath."""
RECONNECT_S = 0.05
TICK_S = 1.5
"""Seconds between two runs of the farming, and of the boosts: each pays hundreds at once."""
LULL_EVERY_S, LULL_S = 5.0, 1.5
"""How often everything rests, and for how long: a lull gives a candidate nothing to go by."""
STREAK_EVERY_S = 2.5
"""How often a player notifies of some users again and again, before a window closes by itself:"""
STREAK_ROUNDS, STREAK_ROUND_S, STREAK_USERS = 11, 0.05, 6
"""so many times, so many seconds apart, of so many users,"""
STREAK_S = 0.6
"""for so long at most: an episode that stays open for a second is left out."""
LARGE = 0.5
"""How often somebody rich takes half of what is there."""
SOURCES = (
    "подарок",
    "геймер №1",
    "cadeau d'été",
    'the "best" of 3',
    "back\\slash \\u0041",
    "<script>alert(1)</script>",
    "礼物",
    "هدية",
    "🎁🎉",
    "e\u0301",
    "%s {0} $1",
)
"""What gifts are called: quotes, other scripts, and what means something to some program."""
OUTAGE_EVERY_S, OUTAGE_S = 45.0, 0.08
"""How often no read succeeds, and for how long: a second try comes too early as well. Whatever is
open then cannot be compared."""
FLIP_S = 8.0
FLIPS = (25, 0, 50, 100, 75, 10)
"""Percentages of canonical, one after the other."""


class Traffic:
    """Boosts, farming in batches, missions, bonuses, referrals, gifts, withdrawals, and reconnects.

    Unless `contended`, all that is booked for one user is booked by one thread and told by
    one path, so that the figures of the legacy services are right and whatever differs is
    the candidate's fault. As fast as the shadows follow. `hard` is with flips, and with reads
    that fail now and then.
    """

    def __init__(self, town: Town, *, seed: int, contended: bool, hard: bool, lulls: bool) -> None:
        self._began = 0.0
        self._lulls = lulls
        self._town = town
        self._seed = seed
        self._contended = contended
        self._ending = threading.Event()
        self._numbers = itertools.count(1)
        works = [self._boosts, self._farming, self._reconnects, *[self._players] * 2]
        self._threads = [
            threading.Thread(target=partial(work, number), name=f"traffic-{number}", daemon=True)
            for number, work in enumerate([*works, self._flips, self._outages] if hard else works)
        ]

    def start(self) -> None:
        """Start every thread."""
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End them, each after what it has begun."""
        self._ending.set()
        for thread in self._threads:
            thread.join(30.0)

    def _boosts(self, _: int) -> None:
        for tick in self._ticks():
            self._attempt(partial(self._town.parts.boosts.run_once, tick))

    def _farming(self, _: int) -> None:
        for tick in self._ticks():
            self._attempt(partial(self._town.parts.farming.run_once, tick))

    def _ticks(self) -> "itertools.takewhile[datetime]":
        """Return one moment per tick of five minutes, as long as the traffic goes on."""
        start = datetime(2025, 12, 31, 23, 50, tzinfo=UTC)  # the third tick is of another year
        ticks = (start + timedelta(minutes=5 * number) for number in itertools.count())
        return itertools.takewhile(lambda _: self._is_time_to_pay(), ticks)

    def _is_time_to_pay(self) -> bool:
        """Wait for the next run; return whether there is one."""
        return not self._ending.wait(TICK_S) and self._may_go_on()

    def _players(self, number: int) -> None:
        chance = random.Random(self._seed * 1000 + number)
        mine = [user_id for user_id in USERS if self._plays(user_id, number)]
        acts = (
            self._mission,
            self._bonus,
            self._referral,
            self._gift,
            self._withdrawal,
            self._to_and_fro,
        )

        def act(user_id: int) -> None:
            self._attempt(partial(chance.choice(acts), user_id, chance))

        next_streak = time.monotonic() + number / 2
        while self._may_go_on():
            if time.monotonic() >= next_streak:
                self._streak(chance.sample(mine, STREAK_USERS), act)
                next_streak = time.monotonic() + STREAK_EVERY_S
            user_id = chance.choice(mine)
            for _ in range(chance.choice((1, 1, 1, 2, 3))):
                act(user_id)

    def _streak(self, users: Sequence[int], act: Callable[[int], None]) -> None:
        end = time.monotonic() + STREAK_S
        for _ in range(STREAK_ROUNDS):
            if time.monotonic() > end:
                return
            until = time.monotonic() + STREAK_ROUND_S
            for user_id in users:
                act(user_id)
            if self._ending.wait(max(until - time.monotonic(), 0)):
                return

    def _plays(self, user_id: int, number: int) -> bool:
        if self._contended:
            return True
        return not is_boosted(user_id) and not is_farmer(user_id) and user_id % 2 == number % 2

    def _mission(self, user_id: int, chance: random.Random) -> None:
        complete_mission(
            self._town.parts.manager,
            user_id=user_id,
            mission=f"mission {next(self._numbers)}",
            reward=_amount(chance),
        )

    def _bonus(self, user_id: int, chance: random.Random) -> None:
        day = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=next(self._numbers))
        claim_daily_bonus(
            self._town.parts.manager, user_id=user_id, day=day.date(), amount=_amount(chance)
        )

    def _referral(self, user_id: int, chance: random.Random) -> None:
        pay_referral_bonus(
            self._town.parts.manager,
            referrer_id=user_id,
            referred_id=10_000 + next(self._numbers),
            amount=_amount(chance),
        )

    def _gift(self, user_id: int, chance: random.Random) -> None:
        """Give by hand, from a source that somebody has typed in."""
        currency = chance.choice(list(Currency))
        self._give(user_id, currency, _amount(chance), chance.choice(SOURCES))

    def _withdrawal(self, user_id: int, chance: random.Random) -> None:
        """Take a little, or half of what somebody rich has."""
        large = is_rich(user_id) and chance.random() < LARGE
        currency = Currency.UNI if large else chance.choice(list(Currency))
        amount = _amount(chance)
        if large:
            amount += self._town.parts.manager.get_user_balance(user_id).uni / 2
        self._take(user_id, currency, amount.quantize(Decimal("0.000001")))

    def _to_and_fro(self, user_id: int, chance: random.Random) -> None:
        """Give and take the same, in either order: what is left is as before."""
        currency, amount = chance.choice(list(Currency)), _amount(chance)
        give = partial(self._give, user_id, currency, amount, "manual")
        take = partial(self._take, user_id, currency, amount)
        for act in (give, take) if chance.random() < 0.5 else (take, give):
            act()

    def _give(self, user_id: int, currency: Currency, amount: Decimal, source: str) -> None:
        self._town.parts.manager.change_balance(
            Credit(
                user_id=user_id,
                currency=currency,
                amount=amount,
                source=source,
                idempotency_key=f"gift:{next(self._numbers)}",
            )
        )

    def _take(self, user_id: int, currency: Currency, amount: Decimal) -> None:
        withdraw(
            self._town.parts.manager,
            user_id=user_id,
            currency=currency,
            amount=amount,
            request_id=f"request {next(self._numbers)}",
        )

    def _reconnects(self, number: int) -> None:
        chance = random.Random(self._seed * 1000 + number)
        while not self._ending.wait(RECONNECT_S):
            self._town.reconnect(chance.choice(USERS))

    def _flips(self, _: int) -> None:
        for percentage in itertools.cycle(FLIPS):
            if self._ending.wait(FLIP_S):
                return
            self._town.flip(canonical=percentage, shadow=100)

    def _outages(self, _: int) -> None:
        while not self._ending.wait(OUTAGE_EVERY_S):
            self._town.fail_reads(OUTAGE_S)

    def _attempt(self, act: Callable[[], object]) -> None:
        """Book; what a user cannot pay, or the database not take in time, is not booked."""
        try:
            act()
        except (CreditError, DatabaseUnavailable):
            return

    def _may_go_on(self) -> bool:
        """Wait while the shadows are behind, or all rests; return whether there is more to do."""
        queue = self._town.parts.migration.queue
        while (len(queue) > BACKLOG or self._is_lull()) and not self._ending.wait(0.002):
            pass
        return not self._ending.is_set()

    def _is_lull(self) -> bool:
        since = (time.monotonic() - self._began) % LULL_EVERY_S
        return self._lulls and since > LULL_EVERY_S - LULL_S


def _amount(chance: random.Random) -> Decimal:
    """Return an amount of up to three; one in five is the least that there is."""
    return Decimal(1 if chance.random() < 0.2 else chance.randint(1, 3_000_000)).scaleb(-6)
