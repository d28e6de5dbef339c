"""Flips while many threads call: who serves is never in doubt."""

import threading

from tests.shim.harness import ENGAGED, Harness

THREADS, FLIPS = 8, 60


class Watched:
    """A canonical that knows whether it may be called at this moment."""

    def __init__(self, behind):
        self._behind = behind
        self.forbidden = False
        self.violations = 0
        self.calls = 0
        self._lock = threading.Lock()

    def notify_balance_update(self, hint):
        """Count the call, and whether it came after a rollback had been acknowledged."""
        with self._lock:
            self.calls += 1
            self.violations += self.forbidden
        return self._behind.notify_balance_update(hint)

    def __getattr__(self, name):
        return getattr(self._behind, name)


def test_after_an_acknowledged_rollback_no_call_is_served_by_the_canonical():
    """Eight threads, sixty rollbacks: none served after, none lost, none doubled."""
    harness = Harness(percent=100, shadow=0)
    migration = harness.migration
    watched = migration.canonical = Watched(migration.canonical)
    stop, made = threading.Event(), [0] * THREADS

    def call(number):
        while not stop.is_set():
            harness.by_id.notify_balance_update(number + 1)
            made[number] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(FLIPS):
            target = sum(made) + 200
            while sum(made) < target:
                threading.Event().wait(0.0005)
            migration.apply(harness.provider.state, ENGAGED)
            watched.forbidden = True
            target = sum(made) + 200
            while sum(made) < target:
                threading.Event().wait(0.0005)
            watched.forbidden = False
            migration.apply(harness.provider.state, harness.latch)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    tally = migration.tallies["user_id_only"]
    assert watched.violations == 0
    assert watched.calls > 0
    assert tally.canonical == watched.calls
    assert tally.canonical + tally.legacy == sum(made)
