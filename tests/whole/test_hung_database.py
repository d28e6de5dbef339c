"""A PostgreSQL that hangs: it holds every connection, answers none, and times nothing out."""

import time
from contextlib import contextmanager

import pytest

from app.core.BalanceNotificationService import BalanceNotificationService as UserIdOnly
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from flags.stage import Stage
from tests.admission.conftest import Service
from tests.web.live import serving, wait_until
from tests.whole.pages import USER, balance, flip, open_page, say_by_legacy

pytestmark = pytest.mark.postgres


@contextmanager
def frozen(server):
    """Keep the server from answering for the length of the block."""
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@pytest.mark.parametrize("pending", ["window", "read"])
def test_a_rollback_waits_for_no_database_that_hangs(tmp_path, own_postgres, pending):
    """What was pending is dropped and counted; legacy serves at once, while nothing is read."""
    url = own_postgres.url(own_postgres.create_database())
    with serving(tmp_path, database_url=url, sweep_interval_s=3600) as live:
        parts = live.parts
        canonical = parts.reach.canonical
        flip(Service(live), 100)
        with open_page(Service(live)) as page:
            with frozen(own_postgres):
                UserIdOnly.get_instance().notify_balance_update(USER)
                if pending == "read":
                    wait_until(lambda: not canonical._windows.users())
                latch = FileLatchStore(parts.settings.latch_file)
                began = time.monotonic()
                KillSwitch([latch]).engage(who="test", why="it hangs")
                applied = wait_for_epoch(parts, 1)
                assert parts.stage() is Stage.ROLLED_BACK
                say_by_legacy("2049")
                assert balance(page)[:2] == (None, 2049)
            assert applied - began < 1.0  # the database answers never
            wait_until(lambda: canonical.pending_users() == ())
            assert canonical.counters.windows_dropped == 1


def wait_for_epoch(parts, epoch):
    """Wait until the worker's file says that it follows, and return when that was."""
    wait_until(lambda: [v.record.epoch for v in parts.workers.read()] == [epoch])
    return time.monotonic()
