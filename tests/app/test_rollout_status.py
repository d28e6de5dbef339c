"""What the status says of workers: who lags, who is dead, what each has applied and since when."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.factory import create_app
from app.rollout_status import status_json, status_lines
from app.settings import Settings
from flags.places import process_start
from flags.workers import WorkerRecord
from tests.application import Built

NOBODY = 2**22 + 7
"""No process has such a number."""


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Built]:
    """Yield an application that nobody started, rolled back at epoch 1."""
    built = Built(create_app(Settings(instance_path=tmp_path, database_url="sqlite:///app.db")))
    built.parts.kill_switch.engage(who="ann", why="a test")
    yield built
    built.parts.database.dispose()


def record(built: Built, pid: int, **fields: object) -> WorkerRecord:
    """Return the record of a worker that has applied all, as of this process or its parent."""
    built.parts.provider.poll()
    state, now = built.parts.provider.state, time.time()
    well = WorkerRecord(
        pid,
        process_start(pid),
        built.parts.workers.host,
        1,
        1_790_000_000.0,
        state.revision,
        1_790_000_060.0,
        now,
        now,
        engaged=True,
        flags=state.digest,
    )
    return replace(well, **fields)  # type: ignore[arg-type]


def test_laggards_come_first_and_the_dead_are_shown_as_dead(built: Built) -> None:
    """Whoever follows comes last, with what it has applied, and when."""
    workers = built.parts.workers
    workers.write(record(built, os.getpid()))
    workers.write(record(built, os.getppid(), epoch=0, engaged=False))
    workers.write(record(built, NOBODY, heartbeat=time.time() - 3))
    told = status_json(built.parts)["workers"]
    *behind, last = [(each["pid"], each["state"], each["follows"]) for each in told]
    assert sorted(behind) == sorted([(os.getppid(), "live", False), (NOBODY, "dead", False)])
    assert last == (os.getpid(), "live", True)
    workers.write(record(built, os.getpid()))
    [line] = [line for line in status_lines(built.parts) if f" {os.getpid()} live" in line]
    assert "epoch 1 since 2026-09-21T14:13:20+00:00" in line
    assert "since 2026-09-21T14:14:20+00:00" in line


def test_a_worker_that_let_go_under_the_same_epoch_does_not_follow(built: Built) -> None:
    """At equal epochs engaged wins, so that it may still serve by the canonical."""
    built.parts.workers.write(record(built, os.getpid(), engaged=False))
    [worker] = status_json(built.parts)["workers"]
    assert (worker["epoch"], worker["follows"]) == (1, False)
