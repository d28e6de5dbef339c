"""The whole migration on one virtual clock: live sides, shadows and comparison, no thread."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from app.core.balance_manager import KeptBalance, UserBalance
from app.notifications.ports import BalanceHint, TruthUnavailable
from app.notifications.service import BalanceNotifications
from app.replayers import new_page
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.latch import NEVER_ENGAGED, Latch
from flags.provider import StaticProvider
from shim import facade
from shim.balance.life.lives import DrawnLives, OneLife
from shim.balance.life.stage import Stage
from shim.balance.lines import divergence_record
from shim.balance.world import BalanceWorld
from shim.facade import BalanceUpdate, ConnectionAwareFacade, UserIdOnlyFacade
from shim.legacy.connection_aware import ConnectionAwareService
from shim.legacy.user_id_only import UserIdOnlyService
from shim.migration import Migration
from shim.shadow.clock import VirtualClock
from shim.shadow.counts import Counts
from shim.shadow.experiment import Experiment
from shim.shadow.queue import EventQueue
from shim.shadow.result import WITH_NOISE, Comparison, Outcome
from tests.notifications.doubles import ConnectionDouble, MemoryTruth

ENGAGED = Latch(1, True, "test", datetime(2026, 1, 1, tzinfo=UTC), "a rollback")


class MemoryManager:
    """A balance manager over the in-memory truth, with a cache that tests fill by hand."""

    def __init__(self, truth):
        self.truth = truth
        self.cache = {}
        self.on_balance_update = self.on_replaced = None

    def get_user_balance(self, user_id):
        """Answer from the cache, else from the truth."""
        cached = self.cache.get(user_id)
        if cached is not None:
            return cached
        found = self.truth.read({user_id: None}).get(user_id)
        if found is None:
            raise LookupError(f"no user {user_id}")
        return found

    def kept(self, user_id):
        """Look into the cache, where nothing runs out."""
        cached = self.cache.get(user_id)
        return None if cached is None else KeptBalance(cached, 1, math.inf)

    def remember(self, user_id, uni, ton="0"):
        """Fill the cache."""
        if self.on_replaced is not None:
            self.on_replaced(user_id, self.kept(user_id))
        self.cache[user_id] = UserBalance(user_id, Decimal(uni), Decimal(ton))


def live_canonical(clock, truth, serves, bus=None):
    """Build the canonical service that ships."""
    return BalanceNotifications(truth=truth, clock=clock, serves=serves, bus=bus)


@dataclass
class Harness:
    """`canonical` builds the live canonical service and the shadow's alike."""

    percent: int = 0
    shadow: int = 100
    cohort: tuple = ()
    canonical: object = live_canonical
    queue_limit: int = 10_000
    noise_percent: int = 0
    refuse: object = None
    timer: object = None
    truth: object = None
    candidates_truth: object = None
    lives: bool = False
    results: list = field(default_factory=list)
    lines: list = field(default_factory=list)
    noise: list = field(default_factory=list)

    def __post_init__(self):
        self.clock = VirtualClock(start=100.0)
        self.truth = self.truth or MemoryTruth()
        self.manager = MemoryManager(self.truth)
        self.provider = StaticProvider()
        self.latch = NEVER_ENGAGED
        self.counts = Counts()
        self.flags(percent=self.percent, shadow=self.shadow, cohort=self.cohort)
        self.migration = Migration(
            flags=self.provider.state,
            latch=self.latch,
            new_hint=BalanceHint,
            manager=self.manager,
            queue=EventQueue(self.queue_limit),
            monotonic=self.clock.monotonic,
        )
        self.migration.attach(
            connection_aware=ConnectionAwareService(clock=self.clock),
            user_id_only=UserIdOnlyService(balance_manager=self.manager, clock=self.clock),
            canonical=self.canonical(self.clock, self.truth, self.migration.serves),
        )
        facade.install(self.migration)
        self.aware = ConnectionAwareFacade.get_instance()
        self.by_id = UserIdOnlyFacade.get_instance()
        self.world = BalanceWorld(
            migration=self.migration,
            truth=self.candidates_truth or self.truth,
            bookings=self.truth,
            new_canonical=self._shadow,
            new_hint=BalanceHint,
            unavailable=TruthUnavailable,
            lives=DrawnLives(self._stage) if self.lives else OneLife(None, self._stage),
            counts=self.counts,
            monotonic=self.clock.monotonic,
            noise_percent=self.noise_percent,
        )
        self.experiment = Experiment(
            world=self.world,
            counts=self.counts,
            publish=self._publish,
            publish_noise=lambda _, result: self.noise.append(result),
            timer=self.timer or self.clock.monotonic,
        )

    def _shadow(self, clock, truth, bus, serves):
        return self.canonical(clock, truth, serves, bus)

    def _stage(self):
        return Stage(
            new_canonical=self._shadow,
            new_hint=BalanceHint,
            new_page=new_page,
            unavailable=TruthUnavailable,
        )

    def flags(self, *, percent=0, shadow=100, cohort=()):
        """Set both flags at the source."""
        self.provider.put(
            {CANONICAL_FLAG: percent, SHADOW_FLAG: shadow}, cohorts={CANONICAL_FLAG: cohort}
        )
        self.provider.poll()

    def flip(self, *, percent=None, shadow=100, cohort=(), latch=None):
        """Flip the running migration."""
        if percent is not None:
            self.flags(percent=percent, shadow=shadow, cohort=cohort)
        self.latch = latch or self.latch
        self.migration.apply(self.provider.state, self.latch)

    def connect(self, user_id=7, name="a", *, by=None):
        """Open a connection of the user, whose page shows what the database holds."""
        self.truth.open_account(user_id)
        connection = ConnectionDouble(name)
        add = (by or self.aware).__class__
        if add is UserIdOnlyFacade:
            self.by_id.add_connection(user_id, connection)
        else:
            self.aware.register_connection(user_id, connection)
        self.run(0.02)
        connection.offered.clear()
        connection.begun.clear()
        return connection

    def boost(self, amount="0.5", *, user_id=7, stale=False, source="boost_income"):
        """Book and notify by the connection-aware path, with the balance worked out."""
        before = self.truth.read({user_id: None})[user_id]
        version = self.truth.book(user_id, amount, currency="TON", source=source)
        after = self.truth.read({user_id: None})[user_id]
        known = before if stale else after
        self.aware.notify_balance_update(
            self.update(user_id, known.uni, known.ton, amount, "TON", source)
        )
        return version

    def farm(self, amount="1", *, user_id=7):
        """Book and notify by the user-id-only path with the wrong argument."""
        version = self.truth.book(user_id, amount)
        now = self.truth.read({user_id: None})[user_id]
        self.by_id.notify_balance_update(
            self.update(user_id, now.uni, now.ton, amount, "UNI", "farming")
        )
        return version

    def hook(self, amount="1", *, user_id=7, source="mission"):
        """Book and notify by the user-id-only path with the user id."""
        version = self.truth.book(user_id, amount, source=source)
        self.by_id.notify_balance_update(user_id)
        return version

    def update(self, user_id, uni, ton, amount, currency, source):
        """Build what a caller of the connection-aware path hands over."""
        return BalanceUpdate(
            user_id=user_id,
            balance_uni=uni,
            balance_ton=ton,
            change_amount=Decimal(amount),
            currency=currency,
            source=source,
            timestamp=self.clock.utc_now(),
        )

    def run(self, seconds=0.5):
        """Let time pass; the shadow thread's work is done every 5 ms."""
        until = self.clock.monotonic() + seconds
        queue = self.migration.queue
        while self.clock.monotonic() < until:
            self.clock.advance(min(0.005, until - self.clock.monotonic()))
            self.experiment.step(
                self.clock.monotonic(),
                lambda: queue.take(1000),
                queue.take_holed(),
                refuse=self.refuse,
            )

    def outcomes(self):
        """Return the counts of each comparison that are not zero."""
        return {
            str(comparison): {
                str(outcome): self.counts.outcomes[comparison, outcome]
                for outcome in Outcome
                if self.counts.outcomes[comparison, outcome]
            }
            for comparison in Comparison
        }

    def noise_outcomes(self):
        """Return the same of legacy compared with itself."""
        return {
            str(comparison): {
                str(outcome): self.counts.noise[comparison, outcome]
                for outcome in Outcome
                if self.counts.noise[comparison, outcome]
            }
            for comparison in WITH_NOISE
        }

    def found(self, comparison):
        """Return path and kind of every difference of one comparison, each once."""
        return {
            (difference.path, str(difference.kind))
            for _, result in self.results
            if result.comparison == comparison
            for difference in result.differences
        }

    def reasons(self):
        """Return why comparisons were not made."""
        return {str(reason) for _, reason in self.counts.reasons}

    def _publish(self, episode, result):
        self.results.append((episode, result))
        record = divergence_record(
            episode,
            result,
            lambda user_id: f"user {user_id}",
            at=datetime(2026, 1, 1, tzinfo=UTC),
            number=0,
        )
        self.lines.append(msgspec.to_builtins(record, builtin_types=(Decimal, datetime)))
