"""Over all hosts one process holds the lease, and another one soon after it has ended."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, update

from app.adapters import lease_sql
from app.adapters.lease_sql import SqlLease
from app.leadership import Leadership
from app.models import HeldLease
from tests.hosts.conftest import Servers, until

pytestmark = pytest.mark.postgres

HOUR = timedelta(hours=1)
ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from app.adapters.lease_sql import SqlLease
from app.adapters.shared_sql import SharedSql
lease = SqlLease(SharedSql(sys.argv[1], instance_path=Path()), name="a task", host="there")
print(lease.acquire(), flush=True)
while True:
    time.sleep(0.2)
    lease.acquire()
"""


class Led:
    """Notes what became of it."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def start(self) -> None:
        """Start."""
        self.events.append("start")

    def stop(self) -> None:
        """Stop."""
        self.events.append("stop")


def lease(servers: Servers, host: str = "here") -> SqlLease:
    """Return a lease on the one task, as a process of its own has it."""
    return SqlLease(servers.sql(), name="a task", host=host)


def test_one_of_two_holds_it_until_it_lets_go(servers: Servers) -> None:
    """Renewing is asking again; who does not hold it cannot let go of it."""
    first, second = lease(servers), lease(servers, "there")
    assert [first.acquire(), second.acquire(), first.acquire()] == [True, False, True]
    second.release()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_a_lease_of_a_clock_that_was_set_back_is_free(servers: Servers) -> None:
    """Nobody waits an hour because the database's clock was an hour ahead when it was taken."""
    ahead, second = lease(servers), lease(servers, "there")
    assert ahead.acquire()
    with servers.sql().transaction() as connection:
        an_hour_ahead = func.clock_timestamp() + HOUR
        connection.execute(update(HeldLease).values(expires_at=an_hour_ahead))
    assert second.acquire()
    assert not ahead.acquire()
    second.release()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_holder_that_is_killed_or_frozen_is_followed_within_ten_seconds(
    servers: Servers, number: int
) -> None:
    """The row ends by the database's clock, whatever became of its holder."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, servers.postgres_url], stdout=subprocess.PIPE, cwd=ROOT
    )
    follower = Leadership(lease(servers), Led(), name="a task")
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        follower.start()
        assert not follower.leads
        holder.send_signal(number)
        assert until(lambda: follower.leads) < 10
    finally:
        holder.kill()
        holder.wait(60)
        assert holder.stdout is not None
        holder.stdout.close()
        follower.stop()


def test_a_leader_that_cannot_renew_stops_before_another_one_leads(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the database away for longer than the lease lasts, nothing is led by anybody."""
    monkeypatch.setattr(lease_sql, "LASTS_S", 1.0)
    monkeypatch.setattr(SqlLease, "lasts_s", 1.0)
    led = Led()
    leader = Leadership(lease(servers), led, name="a task", look_s=0.05)
    leader.start()
    assert led.events == ["start"]
    with servers.away("postgres", how="killed"):
        until(lambda: led.events == ["start", "stop"])
        assert not leader.leads
    until(lambda: led.events == ["start", "stop", "start"])
    leader.stop()
    assert led.events == ["start", "stop", "start", "stop"]
