"""Two gunicorn workers and a bus: what one books is shown by the pages of both."""

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.adapters.ledger import SqlLedgerStore
from app.database import Database
from app.demo_users import seed
from flags.admin import EmbeddedAdmin
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.embedded import ensure_flag_file
from tests.application import until
from tests.bus.conftest import away
from tests.patience import patient
from tests.processes.gunicorn import Gunicorn
from tests.processes.page import Page, reward
from tests.servers import PostgresServer, RedisServer

pytestmark = [pytest.mark.processes, pytest.mark.redis]

USER = 74
PAGES = 12
"""So many sockets that each worker has some of them, once both let some in."""
ATTEMPTS = 10
SECRET = "a key of this test and of no other"
NEVER_S = "3600"
SQLITE = "sqlite:///app.db"


def prepared(instance: Path, url: str) -> Path:
    """Return a folder with users and flags, and the canonical serving everybody."""
    database = Database(url, instance_path=instance)
    database.upgrade()
    seed(database)
    database.dispose()
    ensure_flag_file(instance / "flags.json")
    EmbeddedAdmin(instance / "flags.json").set_percentage(CANONICAL_FLAG, 100)
    return instance


def two_workers(instance: Path, **environ: str) -> Gunicorn:
    """Return a server of two workers in the demonstration, with these settings."""
    url = environ.setdefault("DATABASE_URL", SQLITE)
    return Gunicorn(prepared(instance, url), workers=2, environ={"SHIM_DEMO": "1", **environ})


def holders(server: Gunicorn) -> list[int]:
    """Return how many of the user's pages each worker holds."""
    return [len(answer["connections"]) for answer in server.why(USER).values()]


def pages_on_both(server: Gunicorn, stack: ExitStack) -> list[Page]:
    """Open pages of which each worker holds some.

    Who takes a page in is the kernel's choice, and a worker says that it lives a moment before it
    lets anybody in.
    """
    for _ in range(ATTEMPTS):
        with ExitStack() as opened:
            pages = [opened.enter_context(Page(server.url, USER)) for _ in range(PAGES)]
            until(lambda pages=pages: all(page.versions for page in pages))
            if min(holders(server)) > 0:
                stack.enter_context(opened.pop_all())
                return pages
    pytest.fail(f"one worker let in none of {PAGES} pages, {ATTEMPTS} times")


def test_what_one_worker_books_is_shown_by_the_pages_of_both(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    """Without any sweep, each reward is on every page before a second has passed."""
    bus = {"NOTIFY_BUS_URL": redis_server.url, "SHIM_SECRET_KEY": SECRET}
    with (
        two_workers(tmp_path, SHIM_SWEEP_INTERVAL_S=NEVER_S, **bus) as server,
        ExitStack() as stack,
    ):
        pages = pages_on_both(server, stack)
        first = pages[0].versions[0]
        for version in range(first + 1, first + 9):
            reward(server.url, USER)
            until(lambda version=version: all(p.versions[-1] == version for p in pages), within=2)
        assert all(page.versions == sorted(set(page.versions)) for page in pages)
        assert "no bus" not in server.output


def test_tabs_on_two_workers_are_compared_by_each_and_nothing_is_false(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    """Whichever worker books and whoever serves, truth matches in the ledger of both."""
    bus = {"NOTIFY_BUS_URL": redis_server.url, "SHIM_SECRET_KEY": SECRET}
    slow = {"SHIM_SWEEP_INTERVAL_S": NEVER_S, "SHIM_SHADOW_CPU_PERCENT": "100"}
    with two_workers(tmp_path, **slow, **bus) as server, ExitStack() as stack:
        admin = EmbeddedAdmin(tmp_path / "flags.json")
        admin.set_percentage(SHADOW_FLAG, 100)
        pages = pages_on_both(server, stack)
        for version in range(pages[0].versions[0] + 1, pages[0].versions[0] + 13):
            reward(server.url, USER)
            until(lambda version=version: all(p.versions[-1] == version for p in pages), within=2)
        admin.set_percentage(CANONICAL_FLAG, 0)
        until(lambda: _by_legacy(server))
        for _ in range(12):
            reward(server.url, USER)
            time.sleep(0.05)
    database = Database("sqlite:///app.db", instance_path=tmp_path)
    view = SqlLedgerStore(database).read()
    database.dispose()
    truth = {cell: n for cell, n in view.counters.items() if cell.comparison == "truth"}
    assert {cell.side for cell in truth if cell.what == "matched"} == {"canonical", "legacy"}
    assert not [cell for cell in truth if cell.what == "mismatched"]
    assert not [group for group in view.groups if group.comparison != "saying" and not group.known]


def _by_legacy(server: Gunicorn) -> bool:
    """Tell whether every worker has legacy serve the user."""
    return {answer["side"] for answer in server.why(USER).values()} == {"legacy"}


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_redis_that_is_away_for_five_seconds_leaves_no_page_behind(
    tmp_path: Path,
    postgres: PostgresServer,
    migrated_template: str,
    redis_server: RedisServer,
    how: str,
) -> None:
    """Rewards are booked all the time, no order waits, and in the end every page is right."""
    bus = {
        "DATABASE_URL": postgres.url(postgres.create_database(template=migrated_template)),
        "NOTIFY_BUS_URL": redis_server.url,
        "SHIM_SECRET_KEY": SECRET,
    }
    with (
        two_workers(tmp_path, SHIM_SWEEP_INTERVAL_S="1", **bus) as server,
        ExitStack() as stack,
    ):
        pages = [stack.enter_context(Page(server.url, USER)) for _ in range(PAGES)]
        until(lambda: all(page.versions for page in pages))
        booked = pages[0].versions[0]
        slowest = 0.0
        with away(redis_server, how):
            until_back = time.monotonic() + 5
            while time.monotonic() < until_back:
                began = time.monotonic()
                reward(server.url, USER)
                slowest = max(slowest, time.monotonic() - began)
                booked += 1
                time.sleep(0.2)
            until(lambda: all(p.versions[-1] == booked for p in pages), within=3)
        reward(server.url, USER)
        until(lambda: all(p.versions[-1] == booked + 1 for p in pages))
        assert slowest < patient(1)
        assert {page.uni for page in pages} == {pages[0].uni}
        assert all(page.versions == sorted(set(page.versions)) for page in pages)


def test_without_a_bus_the_sweep_reaches_the_other_workers_pages(tmp_path: Path) -> None:
    """Later than with one, and the server says so when it starts."""
    with two_workers(tmp_path, SHIM_SWEEP_INTERVAL_S="0.5") as server, ExitStack() as stack:
        pages = [stack.enter_context(Page(server.url, USER)) for _ in range(PAGES)]
        until(lambda: all(page.versions for page in pages))
        version = pages[0].versions[0] + 1
        reward(server.url, USER)
        until(lambda: all(page.versions[-1] == version for page in pages))
        assert "2 workers and no bus" in server.output


def test_of_two_workers_one_runs_the_schedulers_and_the_other_takes_over(tmp_path: Path) -> None:
    """When the leader is killed, another one leads; never two at a time."""
    with two_workers(tmp_path, SHIM_SCHEDULERS="on") as server:
        until(lambda: _led(server) == 1)
        leader = next(
            pid for pid in server.live() if f"{pid}" == _leader(tmp_path / "schedulers.lock")
        )
        os.kill(leader, signal.SIGKILL)
        until(lambda: _led(server) == 2)
        until(lambda: len(server.live()) == 2)
        assert _leader(tmp_path / "schedulers.lock") != str(leader)
        time.sleep(1)
        assert _led(server) == 2


def _led(server: Gunicorn) -> int:
    """Return how often a worker began to lead the schedulers."""
    lines = [line for line in server.output.splitlines() if '"leads"' in line]
    return sum('"schedulers"' in line for line in lines)


def _leader(lock: Path) -> str:
    """Return the pid of the process that holds the lock, as the kernel knows it."""
    inode = str(lock.stat().st_ino)
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode:
            return fields[4]
    raise AssertionError(f"nobody holds {lock}")
