"""Builds what verifies: the queue, the shadows with a database they cannot write to, the log."""

import os
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from app.adapters.detached import Detached
from app.adapters.pseudonyms import Pseudonyms
from app.adapters.retention import Kept, SqlRetention
from app.adapters.truth import SqlTruthReader
from app.adapters.worker_log import WorkerLog
from app.database import Database
from app.evidence import Evidence
from app.notifications.ports import BalanceHint
from app.notifications.service import BalanceNotifications
from app.settings import Settings
from flags.workers import process_start
from shim.balance.world import BalanceWorld
from shim.known_store import KnownStore
from shim.migration import Migration
from shim.ports import Bus, Clock, TruthReader
from shim.replay.capture import capture
from shim.shadow.bookkeeper import Bookkeeper
from shim.shadow.counts import Counts
from shim.shadow.differences import Difference
from shim.shadow.executor import Limits, ShadowExecutor
from shim.shadow.experiment import Experiment
from shim.shadow.known import excused_by
from shim.shadow.ledger import Ledger
from shim.shadow.ledger_store import LedgerStore
from shim.shadow.publisher import Publisher
from shim.shadow.replays import Replays, ReplayStore
from shim.shadow.result import Comparison, NotCompared


@dataclass(frozen=True, slots=True)
class Shadowing:
    """The verifying half of a migration."""

    counts: Counts
    publisher: Publisher
    printed: Detached
    executor: ShadowExecutor
    migration: Migration
    evidence: Evidence
    bookkeeper: Bookkeeper
    replays: Replays

    def start(self) -> None:
        """Start the log and the ledger, then the shadows."""
        self.publisher.start()
        self.bookkeeper.start()
        self.executor.start()

    def stop(self) -> None:
        """Stop the shadows, write the last counts, then stop the ledger and the log."""
        self.executor.stop()
        self.count()
        self.bookkeeper.stop()
        self.publisher.stop()
        self.printed.close()

    @property
    def problems(self) -> tuple[str, ...]:
        """Why what is compared, or counted, is not what it ought to be."""
        return (*self.evidence.watch.problems, *self.bookkeeper.problems)

    def count(self) -> None:
        """Write a line with every denominator of this worker since its start, and look at it."""
        counts = self.counts.snapshot()
        dropped = counts["dropped"]
        if isinstance(dropped, dict):
            dropped[str(NotCompared.QUEUE_FULL)] = self.migration.queue.dropped
        self.publisher.publish(
            "shadow_counts",
            stage=self.migration.table.stage,
            shadow=self.executor.state,
            routed={path: tally.snapshot() for path, tally in self.migration.tallies.items()},
            unobserved=self.migration.unobserved,
            log_lines_dropped=self.publisher.dropped,
            log_lines_lost=self.publisher.unencodable,
            log_lines_not_printed=self.printed.dropped,
            replays_not_kept={str(why): n for why, n in list(self.replays.not_kept.items())},
            **counts,
        )
        self.evidence.count()
        self.evidence.look(time.monotonic())


def build_shadowing(
    *,
    settings: Settings,
    database: Database,
    migration: Migration,
    known: KnownStore,
    store: LedgerStore,
    replay_store: ReplayStore,
) -> Shadowing:
    """Build the shadows of a migration; nothing is started."""
    counts = Counts()
    printed = Detached(_standard_output)
    publisher = Publisher(
        [
            WorkerLog(settings.log_path, settings.log_retention, host=settings.host_name),
            printed,
        ],
        utc_now=_utc_now,
        common=partial(_worker, settings.host_name),
    )
    name_user = Pseudonyms(settings.key_file, plain=settings.log_user_ids == "plain")
    truth = SqlTruthReader(database.read_only())

    kept = _kept(settings)
    replays = Replays(
        write=lambda episode, result, at: capture(episode, result, at=at),
        utc_now=_utc_now,
        draw=random.random,
        new_id=lambda: uuid.uuid4().hex,
        kept=kept.replays,
    )
    ledger = Ledger(utc_now=_utc_now, first_lines=settings.log_first_lines)
    evidence = Evidence(
        ledger=ledger,
        counts=counts,
        publisher=publisher,
        migration=migration,
        name_user=name_user,
        utc_now=_utc_now,
        replays=replays,
    )

    def excuse(comparison: Comparison, mark: str, found: Sequence[Difference]) -> str | None:
        return excused_by(known.accepted, comparison, mark, found, now=_utc_now())

    def new_experiment() -> Experiment:
        world = BalanceWorld(
            migration=migration,
            truth=truth,
            new_canonical=_shadow_canonical,
            new_hint=BalanceHint,
            counts=counts,
            monotonic=time.monotonic,
            noise_percent=settings.shadow_noise_percent,
        )
        return Experiment(
            world=world,
            counts=counts,
            publish=evidence.publish,
            publish_noise=evidence.publish_noise,
            timer=time.perf_counter,
            excuse=excuse,
        )

    executor = ShadowExecutor(
        queue=migration.queue,
        counts=counts,
        new_experiment=new_experiment,
        alarm=publisher.publish,
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
        writer=partial(_writer, settings.host_name),
        chores={
            "replays": lambda: replays.store(replay_store),
            "retention": SqlRetention(database, kept, utc_now=_utc_now).turn,
        },
    )
    return Shadowing(counts, publisher, printed, executor, migration, evidence, bookkeeper, replays)


def _kept(settings: Settings) -> Kept:
    return Kept(timedelta(days=settings.replay_days), timedelta(days=settings.ledger_days))


def _shadow_canonical(clock: Clock, truth: TruthReader, bus: Bus) -> BalanceNotifications:
    """Build the canonical as a shadow: it serves everybody, and everybody is a double."""
    return BalanceNotifications(truth=truth, clock=clock, serves=lambda _: True, bus=bus)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _standard_output(data: bytes) -> None:
    """Write past Python's own buffer, whose lock a blocked write would hold at the exit."""
    while data:
        data = data[os.write(1, data) :]


def _worker(host: str) -> dict[str, object]:
    """Say which process writes. Asked once it runs: a fork has another pid."""
    return {
        "host": host,
        "worker": os.getpid(),
        "started": round(process_start(os.getpid()) or 0.0, 2),
    }


def _writer(host: str) -> str:
    """Name this process as no other is named, now or later."""
    worker = _worker(host)
    return f"{worker['host']}:{worker['worker']}:{worker['started']}"[:200]
