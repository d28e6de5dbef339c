"""Waiting until every worker has applied a change, and naming those that have not."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from flags.workers import WorkerRecord, WorkerRegistry, WorkerState

POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A worker that applied the change, and milliseconds from the change to that moment."""

    pid: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Every worker there is, by whether it applied the change; both in order of pid."""

    confirmed: tuple[Confirmed, ...]
    unconfirmed: tuple[int, ...]

    @property
    def nobody_there(self) -> bool:
        """Whether there was no worker at all."""
        return not self.confirmed and not self.unconfirmed


Applied = Callable[[WorkerRecord], float | None]
"""When a worker applied the change (unix seconds), None if it has not."""


def epoch_applied(epoch: int, *, placed_at: float) -> Applied:
    """Return when a worker applied this epoch of the latch, or a later one.

    Of the very epoch the moment counts as well: when somebody released at the same time
    under the same number, a worker may have applied that before, and this not yet.
    """

    def applied(record: WorkerRecord) -> float | None:
        at = record.epoch_applied_at
        newer = record.epoch > epoch or (record.epoch == epoch and at >= placed_at)
        return at if newer else None

    return applied


def revision_applied(revision: int, *, written_at: float) -> Applied:
    """Return when a worker applied this revision of the flags, or a later one.

    The moment counts as well as the number: a file that was made anew starts from a low
    revision, which some worker may have applied long ago from the file before.
    """

    def applied(record: WorkerRecord) -> float | None:
        at = record.revision_applied_at
        return at if record.revision >= revision and at >= written_at else None

    return applied


def wait_until_applied(
    registry: WorkerRegistry,
    applied: Applied,
    *,
    since: float,
    timeout: float,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Confirmation:
    """Wait for every worker that shows signs of life, at most `timeout` seconds.

    `since` is the unix time of the change. A worker that is silent is not waited for once
    all others have confirmed; workers that die meanwhile are not counted.
    """
    deadline = monotonic() + timeout
    while True:
        views = [view for view in registry.read() if view.state is not WorkerState.DEAD]
        times = {view.record.pid: applied(view.record) for view in views}
        awaited = [
            view
            for view in views
            if view.state is WorkerState.LIVE and times[view.record.pid] is None
        ]
        if not awaited or monotonic() >= deadline:
            return Confirmation(
                confirmed=tuple(
                    Confirmed(pid, max(0.0, (at - since) * 1000))
                    for pid, at in times.items()
                    if at is not None
                ),
                unconfirmed=tuple(pid for pid, at in times.items() if at is None),
            )
        sleep(POLL_S)
