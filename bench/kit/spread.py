"""Two hosts of two workers on this machine, and how long a change takes to the last of them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.kit import budget
from bench.kit.table import Row
from bench.kit.timing import percentile
from flags.kill_switch import KillSwitch
from flags.latch import Latch
from flags.workers import WorkerFiles, WorkerRecord
from scripts.hosts import Host

HOSTS, WORKERS = 2, 2
MISSED_S = 10.0
"""After so long a change counts as missed."""


@dataclass(slots=True)
class Spread:
    """How many milliseconds each change took to the last worker, and how many never arrived."""

    taken: list[float] = field(default_factory=list)
    missed: int = 0

    def note(self, ways: Sequence[tuple[float, float | None]]) -> None:
        """Add a change by when it was made and when the last worker had it, for each way it went.

        Its time is that of the slowest way; with one that ended nowhere it is missed.
        """
        times = [(end - since) * 1000 for since, end in ways if end is not None]
        if len(times) < len(ways):
            self.missed += 1
        else:
            self.taken.append(max(times))

    def rows(
        self, subject: str, *, p99: float | None = None, worst: float | None = None
    ) -> list[Row]:
        """Return the figures; `p99` or `worst` is the most that may be, in milliseconds."""
        taken = self.taken or [MISSED_S * 1000]
        return [
            Row(subject, "median", "ms", percentile(taken, 50), digits=1),
            Row(subject, "p99", "ms", percentile(taken, 99), p99, digits=1),
            Row(subject, "worst", "ms", max(taken), worst, digits=1),
            Row(subject, "missed", "", self.missed, 0),
            Row(subject, "changes", "", len(self.taken) + self.missed),
        ]


@contextmanager
def hosts(
    folder: Path, environ: Mapping[str, str], *, serves: str = "wsgi:app"
) -> Iterator[list[Host]]:
    """Start both hosts on one database with the demonstration's users; end them."""
    found = [
        Host(folder / name, name=name, workers=WORKERS, environ=environ)
        for name in ("host-a", "host-b")[:HOSTS]
    ]
    with ExitStack() as stack:
        for host in found:
            host.prepare()
        for host in found:
            stack.callback(host.stop)
        for host in found:
            stack.callback(host.ask_to_stop)  # both, before either is waited for
        for host in found:
            host.start(serves)
        for host in found:
            host.wait_until_ready()
        yield found


def records(hosts: Sequence[Host]) -> list[WorkerRecord]:
    """Return what each worker last said in its file."""
    return [
        view.record
        for host in hosts
        for view in WorkerFiles(host.folder / "run", host=host.name).read()
    ]


def last_to_apply(
    hosts: Sequence[Host], applied: Callable[[WorkerRecord], float | None]
) -> float | None:
    """Wait for all workers; return when the last had applied it (unix time), None if missed."""
    deadline = time.monotonic() + MISSED_S
    while time.monotonic() < deadline:
        times = [applied(record) for record in records(hosts)]
        if len(times) == sum(host.workers for host in hosts) and None not in times:
            return max(at for at in times if at is not None)
        time.sleep(0.005)
    return None


def has_applied(latch: Latch) -> Callable[[WorkerRecord], float | None]:
    """Return when a worker had applied this very latch, or one that came later."""

    def applied(record: WorkerRecord) -> float | None:
        reached = (record.epoch, record.engaged) >= (latch.epoch, latch.engaged)
        return record.epoch_applied_at if reached else None

    return applied


def rollbacks(
    hosts: Sequence[Host],
    switches: Sequence[KillSwitch],
    times: int,
    *,
    within: float | None,
) -> Spread:
    """Roll back and resume, each time from the first of `switches`, and measure the rollbacks.

    More than one switch: nothing connects the hosts, so each gets the order itself, and is
    measured from its own file.
    """
    spread = Spread()
    groups = [[host] for host in hosts] if len(switches) > 1 else [hosts]
    for number in budget.rounds(times, within=within):
        latches = [switch.engage(who="bench", why=f"run {number}") for switch in switches]
        spread.note(
            [
                (switch.placed_at, last_to_apply(group, has_applied(latch)))
                for group, switch, latch in zip(groups, switches, latches, strict=True)
            ]
        )
        for switch, group in zip(switches, groups, strict=True):
            latch = switch.release(who="bench", why=f"run {number}")
            last_to_apply(group, has_applied(latch))
    return spread
