"""Waiting until every worker has applied a change, and naming those that have not."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flags.latch import Latch
from flags.workers import WorkerId, WorkerRecord, WorkerRegistry, WorkerState, WorkerView

POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A worker that applied the change, and milliseconds from the change to that moment.

    Of a worker of another host the moment is when its word of it arrived here, for its
    clock may be another one.
    """

    worker: WorkerId
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Every worker there is, by whether it applied the change; both in order.

    Confirmed is who said so with a fresh heartbeat after the change. Of all others nothing is
    certain, also where they are out of sight of whoever asks.

    `blind_to` says why there may be workers that are not among them; it is empty if not.
    """

    confirmed: tuple[Confirmed, ...]
    unconfirmed: tuple[WorkerId, ...]
    blind_to: str = ""

    @property
    def complete(self) -> bool:
        """Whether nobody is left who may still follow what was before."""
        return not self.unconfirmed and not self.blind_to

    @property
    def nobody_there(self) -> bool:
        """Whether there was certainly no worker at all."""
        return not self.confirmed and self.complete


Applied = Callable[[WorkerRecord], float | None]
"""When a worker applied the change (unix seconds), None if it has not."""


def latch_applied(latch: Latch) -> Applied:
    """Return when a worker applied this latch, or a later one that says the same."""

    def applied(record: WorkerRecord) -> float | None:
        reached = record.epoch >= latch.epoch and record.engaged == latch.engaged
        return record.epoch_applied_at if reached else None

    return applied


def revision_applied(
    revision: int, *, written_at: float, host: str | None = None, flags: str | None = None
) -> Applied:
    """Return when a worker applied this revision of the flags, or a later one.

    The moment counts as well as the number: a file that was made anew starts from a low
    revision, which some worker may have applied long ago from the file before.

    The moment is one of this `host`, if one is given. The workers of another one are
    confirmed by the number alone, or, where each host has a file of its own with numbers of
    its own, by flags that say the same: `flags` is their digest then.
    """

    def applied(record: WorkerRecord) -> float | None:
        at = record.revision_applied_at
        if host is not None and record.host != host:
            same = record.revision >= revision if flags is None else record.flags == flags
            return at if same else None
        return at if record.revision >= revision and at >= written_at else None

    return applied


def either(one: Applied, other: Applied) -> Applied:
    """Return when a worker applied a change by one rule, else by the other."""

    def applied(record: WorkerRecord) -> float | None:
        at = one(record)
        return other(record) if at is None else at

    return applied


def wait_until_applied(
    registry: WorkerRegistry,
    applied: Applied,
    *,
    since: float,
    timeout: float,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> Confirmation:
    """Wait for every worker that shows signs of life, at most `timeout` seconds.

    `since` is the unix time of the change. A worker that is silent is not waited for once
    all others have confirmed; workers that die meanwhile are not counted.
    """
    deadline = monotonic() + timeout
    arrived: dict[WorkerId, float] = {}
    while True:
        views = [view for view in registry.read() if view.state is not WorkerState.DEAD]
        for view in views:
            at = applied(view.record)
            if at is None:
                arrived.pop(view.record.id, None)
            elif view.state is WorkerState.LIVE and view.record.id not in arrived:
                arrived[view.record.id] = at if view.record.host == registry.host else now()
        awaited = [v for v in views if v.state is WorkerState.LIVE and v.record.id not in arrived]
        if not awaited or monotonic() >= deadline:
            return _told(views, arrived, since=since, blind_to=registry.blind_to)
        sleep(POLL_S)


def _told(
    views: Sequence[WorkerView], arrived: Mapping[WorkerId, float], *, since: float, blind_to: str
) -> Confirmation:
    workers = [view.record.id for view in views]
    return Confirmation(
        confirmed=tuple(
            Confirmed(worker, max(0.0, (arrived[worker] - since) * 1000))
            for worker in workers
            if worker in arrived
        ),
        unconfirmed=tuple(worker for worker in workers if worker not in arrived),
        blind_to=blind_to,
    )
