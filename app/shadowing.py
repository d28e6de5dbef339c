"""Builds what verifies one migration: its shadows, its ledger, and what it hands to the log."""

import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from app.adapters.detached import Detached
from app.adapters.pseudonyms import Pseudonyms
from app.adapters.retention import Kept, SqlRetention
from app.bindings import Binding
from app.database import Database
from app.evidence import Evidence
from app.settings import Settings
from app.shadow_log import ShadowLog, writer_of
from app.steady import SteadyClock, wall_clock
from flags.stage import Stage
from shim.known_store import KnownStore
from shim.router import Router
from shim.shadow.bookkeeper import EVERY, Bookkeeper
from shim.shadow.counts import Counts, Numbers
from shim.shadow.differences import Difference
from shim.shadow.executor import Limits, ShadowExecutor
from shim.shadow.experiment import Experiment
from shim.shadow.known import excused_by
from shim.shadow.ledger import Ledger
from shim.shadow.ledger_store import Epoch, LedgerStore
from shim.shadow.period import Period
from shim.shadow.publisher import Publisher
from shim.shadow.replays import Replays, ReplayStore, Write
from shim.shadow.result import Comparison, NotCompared

URGENT_S, RAMP_S = 0.5, 1.0
"""Seconds between two batches once something diverged, and while users are moved."""


@dataclass(frozen=True, slots=True)
class Shadowing:
    """The verifying half of one migration; all of a worker's share one log."""

    counts: Counts
    publisher: Publisher
    printed: Detached
    executor: ShadowExecutor
    router: Router
    evidence: Evidence
    ledger: Ledger
    bookkeeper: Bookkeeper
    replays: Replays
    _written: dict[Period, dict[str, object]] = field(default_factory=dict)
    """What the newest line of each period says."""

    def start(self) -> None:
        """Start the ledger, then the shadows; the log was started."""
        self.bookkeeper.start()
        self.executor.start()

    def stop(self) -> None:
        """Stop the shadows, write the last counts, then stop the ledger."""
        self.executor.stop()
        self.count()
        self.bookkeeper.stop()

    @property
    def problems(self) -> tuple[str, ...]:
        """Why what is compared, or counted, is not what it ought to be."""
        return (*self.evidence.watch.problems, *self.bookkeeper.problems)

    def count(self) -> None:
        """Write a line for each period of which something is new, and look at what is compared.

        The period in force has a line each time: that says that the worker is there.
        """
        self.router.look()
        now = self.router.table.period
        periods = self.counts.periods
        for period in [*(each for each in periods if each != now), now]:
            numbers = self._numbers(period, periods.get(period, Numbers()))
            if period == now or self._written.get(period) != numbers:
                self._written[period] = numbers
                self._write(period, numbers)
        for gone in self._written.keys() - periods.keys() - {now}:
            del self._written[gone]
        self.evidence.count()
        self.evidence.look(time.monotonic())

    def _numbers(self, period: Period, counted: Numbers) -> dict[str, object]:
        """Return what a period's line says of it."""
        found = counted.snapshot()
        full = self.router.queue.dropped_calls.copy().items()
        lost = sum(count for (_, _, when), count in full if when == period)
        dropped = {str(reason): n for reason, n in counted.dropped.copy().items()}
        found["dropped"] = {**dropped, str(NotCompared.QUEUE_FULL): lost}
        return {**found, "routed": self.router.routed.by_path(period)}

    def _write(self, period: Period, numbers: Mapping[str, object]) -> None:
        self.publisher.publish(
            "shadow_counts",
            migration=self.router.pair.migration,
            stage=period.stage,
            epoch=period.epoch,
            epoch_begun=period.begun,
            resumed=period.resumed,
            shadow=self.executor.state,
            unobserved=self.router.unobserved,
            faults=dict(self.counts.faults),
            log_lines_dropped=self.publisher.dropped,
            log_lines_lost=self.publisher.unencodable,
            log_lines_not_printed=self.printed.dropped,
            replays_not_kept={str(why): n for why, n in list(self.replays.not_kept.items())},
            **numbers,
        )


def build_shadowing(
    binding: Binding,
    *,
    settings: Settings,
    database: Database,
    log: ShadowLog,
    known: KnownStore,
    store: LedgerStore,
    replay_store: ReplayStore,
) -> Shadowing:
    """Build the shadows of a migration; nothing is started."""
    router, publisher = binding.router, log.publisher
    migration = router.pair.migration
    counts = Counts()
    kept = Kept(timedelta(days=settings.replay_days), timedelta(days=settings.ledger_days))
    replays = _replays(binding.write, kept)
    ledger = Ledger(utc_now=wall_clock, first_lines=settings.log_first_lines)
    evidence = Evidence(
        ledger=ledger,
        counts=counts,
        publisher=publisher,
        router=router,
        new_record=binding.new_record,
        name_user=Pseudonyms(settings.key_file, plain=settings.log_user_ids == "plain"),
        utc_now=wall_clock,
        harms_of=binding.harms_of,
        replays=replays,
    )

    executor = _executor(
        binding, settings=settings, log=log, known=known, counts=counts, evidence=evidence
    )
    bookkeeper = Bookkeeper(
        ledger=ledger,
        counters=evidence.counters,
        store=store,
        writer=lambda: writer_of(migration, host=settings.host_name),
        chores=_chores(database, kept, replays, replay_store),
        pace=partial(_pace, ledger, router),
        epochs=partial(_epochs, counts, router),
    )
    return Shadowing(
        counts, publisher, log.printed, executor, router, evidence, ledger, bookkeeper, replays
    )


def _executor(
    binding: Binding,
    *,
    settings: Settings,
    log: ShadowLog,
    known: KnownStore,
    counts: Counts,
    evidence: Evidence,
) -> ShadowExecutor:
    router = binding.router

    def excuse(comparison: Comparison, mark: str, found: Sequence[Difference]) -> str | None:
        return excused_by(known.accepted, comparison, mark, found, now=wall_clock())

    def new_experiment() -> Experiment:
        return Experiment(
            world=binding.new_world(counts),
            counts=counts,
            publish=evidence.publish,
            publish_noise=evidence.publish_noise,
            timer=time.perf_counter,
            excuse=excuse,
        )

    return ShadowExecutor(
        queue=router.queue,
        counts=counts,
        new_experiment=new_experiment,
        alarm=partial(log.publisher.publish, migration=router.pair.migration),
        monotonic=time.monotonic,
        thread_time=time.thread_time,
        limits=Limits(
            deadline=settings.shadow_deadline_ms / 1000,
            cpu_share=settings.shadow_cpu_percent / 100,
        ),
    )


def _chores(
    database: Database, kept: Kept, replays: Replays, store: ReplayStore
) -> dict[str, Callable[[], None]]:
    """Return what the bookkeeper does besides, by name."""
    return {
        "retention": SqlRetention(database, kept, utc_now=SteadyClock().now).turn,
        "replays": partial(replays.store, store),
    }


def _pace(ledger: Ledger, router: Router) -> float:
    """Return how many seconds may lie between two batches: the guard waits for them."""
    if ledger.urgent:
        return URGENT_S
    return RAMP_S if router.table.stage in (Stage.RAMP, Stage.COMPLETE) else EVERY


def _epochs(counts: Counts, router: Router) -> list[Epoch]:
    """Return every epoch that this worker knows of."""
    periods = {*counts.periods, *router.routed.periods, router.table.period}
    found = {each.epoch: Epoch(each.epoch, each.begun, each.resumed) for each in periods}
    return sorted(found.values())


def _replays(write: Write, kept: Kept) -> Replays:
    return Replays(
        write=write,
        utc_now=wall_clock,
        draw=random.random,
        new_id=lambda: uuid.uuid4().hex,
        kept=kept.replays,
    )
