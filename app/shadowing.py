"""Builds what verifies: the shadows with a database they cannot write to, and their log."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from app.adapters.detached import Detached
from app.adapters.pseudonyms import Pseudonyms
from app.adapters.truth import SqlTruthReader
from app.adapters.worker_log import WorkerLog
from app.core.farming_income import accrued_income
from app.database import Database
from app.evidence import Evidence
from app.notifications.ports import BalanceHint
from app.notifications.service import BalanceNotifications
from app.settings import Settings
from flags.workers import process_start
from shim.balance.lines import divergence_record as balance_record
from shim.balance.world import BalanceWorld
from shim.income.lines import divergence_record as income_record
from shim.income.world import IncomeWorld
from shim.known_store import KnownStore
from shim.legacy.tick_income import tick_income
from shim.lines import NewRecord
from shim.migration import Migration
from shim.ports import Bus, Clock, TruthReader
from shim.router import Router
from shim.shadow.bookkeeper import Bookkeeper
from shim.shadow.counts import Counts
from shim.shadow.differences import Difference
from shim.shadow.executor import Limits, ShadowExecutor
from shim.shadow.experiment import Experiment, World
from shim.shadow.known import excused_by
from shim.shadow.ledger import Ledger
from shim.shadow.ledger_store import LedgerStore
from shim.shadow.publisher import Publisher
from shim.shadow.result import Comparison, NotCompared


@dataclass(frozen=True, slots=True)
class Shadowing:
    """The verifying half of one migration; all of a worker's share one log."""

    counts: Counts
    publisher: Publisher
    printed: Detached
    executor: ShadowExecutor
    router: Router
    evidence: Evidence
    bookkeeper: Bookkeeper

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
        behind = self.bookkeeper.problem
        return (*self.evidence.watch.problems, *([behind] if behind else []))

    def count(self) -> None:
        """Write a line with every denominator of this worker since its start, and look at it."""
        counts = self.counts.snapshot()
        dropped = counts["dropped"]
        if isinstance(dropped, dict):
            dropped[str(NotCompared.QUEUE_FULL)] = self.router.queue.dropped
        self.publisher.publish(
            "shadow_counts",
            migration=self.router.pair.migration,
            stage=self.router.table.stage,
            shadow=self.executor.state,
            routed={path: tally.snapshot() for path, tally in self.router.tallies.items()},
            unobserved=self.router.unobserved,
            log_lines_dropped=self.publisher.dropped,
            log_lines_lost=self.publisher.unencodable,
            log_lines_not_printed=self.printed.dropped,
            **counts,
        )
        self.evidence.count()
        self.evidence.look(time.monotonic())


@dataclass(frozen=True, slots=True)
class ShadowLog:
    """The one log of a worker, whatever it compares."""

    publisher: Publisher
    printed: Detached

    def start(self) -> None:
        """Start to write."""
        self.publisher.start()

    def stop(self) -> None:
        """Write what is left."""
        self.publisher.stop()
        self.printed.close()


@dataclass(frozen=True, slots=True)
class Binding:
    """What a migration tells the engine: how it is routed, compared and written down."""

    router: Router
    new_world: Callable[[Counts], World]
    new_record: NewRecord


def build_shadow_log(settings: Settings) -> ShadowLog:
    """Build the log of this worker; nothing is started."""
    printed = Detached(_standard_output)
    log = WorkerLog(settings.log_path, settings.log_retention)
    return ShadowLog(Publisher([log, printed], utc_now=_utc_now, common=_worker), printed)


def balance_binding(migration: Migration, database: Database) -> Binding:
    """Bind the balance notifications to the engine."""
    truth = SqlTruthReader(database.read_only())

    def new_world(counts: Counts) -> BalanceWorld:
        return BalanceWorld(
            migration=migration,
            truth=truth,
            new_canonical=_shadow_canonical,
            new_hint=BalanceHint,
            counts=counts,
            monotonic=time.monotonic,
        )

    return Binding(migration, new_world, balance_record)


def income_binding(router: Router) -> Binding:
    """Bind the farming income to the engine."""

    def new_world(_: Counts) -> IncomeWorld:
        return IncomeWorld(legacy=tick_income, canonical=accrued_income)

    return Binding(router, new_world, income_record)


def build_shadowing(
    binding: Binding,
    *,
    settings: Settings,
    log: ShadowLog,
    known: KnownStore,
    store: LedgerStore,
) -> Shadowing:
    """Build the shadows of a migration; nothing is started."""
    router, publisher = binding.router, log.publisher
    migration = router.pair.migration
    counts = Counts()
    ledger = Ledger(utc_now=_utc_now, first_lines=settings.log_first_lines)
    evidence = Evidence(
        ledger=ledger,
        counts=counts,
        publisher=publisher,
        router=router,
        new_record=binding.new_record,
        name_user=Pseudonyms(settings.key_file, plain=settings.log_user_ids == "plain"),
        utc_now=_utc_now,
    )

    def excuse(comparison: Comparison, mark: str, found: Sequence[Difference]) -> str | None:
        return excused_by(known.accepted, comparison, mark, found, now=_utc_now())

    def new_experiment() -> Experiment:
        return Experiment(
            world=binding.new_world(counts),
            counts=counts,
            publish=evidence.publish,
            timer=time.perf_counter,
            excuse=excuse,
        )

    executor = ShadowExecutor(
        queue=router.queue,
        counts=counts,
        new_experiment=new_experiment,
        alarm=partial(publisher.publish, migration=migration),
        monotonic=time.monotonic,
        thread_time=time.thread_time,
        limits=Limits(
            deadline=settings.shadow_deadline_ms / 1000,
            cpu_share=settings.shadow_cpu_percent / 100,
        ),
    )
    bookkeeper = Bookkeeper(
        ledger=ledger,
        counters=evidence.counters,
        store=store,
        writer=lambda: _writer(migration),
    )
    return Shadowing(counts, publisher, log.printed, executor, router, evidence, bookkeeper)


def _shadow_canonical(clock: Clock, truth: TruthReader, bus: Bus) -> BalanceNotifications:
    """Build the canonical as a shadow: it serves everybody, and everybody is a double."""
    return BalanceNotifications(truth=truth, clock=clock, serves=lambda _: True, bus=bus)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _standard_output(data: bytes) -> None:
    """Write past Python's own buffer, whose lock a blocked write would hold at the exit."""
    while data:
        data = data[os.write(1, data) :]


def _worker() -> dict[str, object]:
    """Say which process writes. Asked once it runs: a fork has another pid."""
    return {
        "host": socket.gethostname(),
        "worker": os.getpid(),
        "started": round(process_start(os.getpid()) or 0.0, 2),
    }


def _writer(migration: str) -> str:
    """Name the writer of one migration in this process as no other is named, now or later."""
    worker = _worker()
    return f"{worker['host'][:100]}:{worker['worker']}:{worker['started']}:{migration}"
