"""Handing users over: pending windows are finished, then nothing of ours is begun."""

import threading

from app.notifications.ports import BalanceHint
from app.notifications.service import BalanceNotifications
from app.notifications.timers import TimerThread
from tests.notifications.doubles import ConnectionDouble, MemoryTruth


def is_seven(user_id):
    """Lose user 7 and nobody else."""
    return user_id == 7


def test_pending_windows_of_lost_users_are_flushed_at_once(world):
    """The others keep their windows."""
    lost, kept = world.connect(7, known=0), world.connect(8, known=0)
    world.book(user_id=7)
    world.book(user_id=8)
    world.unserved.add(7)
    world.service.relinquish(is_seven)
    assert (lost.versions, kept.versions) == ([1], [])
    assert not world.service.is_pending(7)
    assert world.service.is_pending(8)
    assert 0 < world.truth.timeouts[-1] <= 0.05


def test_nothing_is_begun_for_lost_users_afterwards(world):
    """Hints and new connections of theirs lead to no frame until they are served again."""
    connection = world.connect(known=0)
    world.unserved.add(7)
    world.service.relinquish(is_seven)
    world.book()
    newcomer = ConnectionDouble("b")
    world.service.register_connection(7, newcomer)
    world.clock.advance(0.5)
    assert (connection.begun, newcomer.begun) == ([], [])
    world.unserved.clear()
    world.clock.advance(0.1)
    assert connection.versions == [1]


def test_window_that_nobody_relinquishes_is_dropped_in_the_end(world):
    """A window of a user who is not served waits a second, is counted, and is gone."""
    world.connect(known=0)
    world.unserved.add(7)
    world.book()
    world.clock.advance(1.5)
    assert not world.service.is_pending(7)
    assert world.service.counters.windows_dropped == 1


def test_window_that_cannot_be_read_in_time_is_dropped_and_counted(world):
    """A rollback never waits for the database."""
    connection = world.connect(known=0)
    world.book()
    world.unserved.add(7)
    world.truth.failing = True
    world.service.relinquish(is_seven)
    assert connection.begun == []
    assert world.service.counters.windows_dropped == 1
    assert not world.service.is_pending(7)


def test_frames_of_slow_readers_are_taken_back(world):
    """What was not begun belongs to whoever serves next; the version goes back with it."""
    slow = world.connect(known=0)
    slow.slow = True
    world.book()
    world.pass_window()
    assert (slow.offered[0].version, slow.base_version) == (1, 1)
    world.unserved.add(7)
    world.service.relinquish(is_seven)
    assert (slow.offered, slow.base_version) == ([], 0)
    assert 0 < slow.withdrawals[-1] <= 0.05


def test_read_in_progress_begins_nothing_after_the_handover():
    """A tick that hangs in the database finds its user lost when the answer comes."""
    clock, truth, connection = TimerThread("test-windows", 0.001), MemoryTruth(), ConnectionDouble()
    reading, answer, unserved = threading.Event(), threading.Event(), set()
    service = BalanceNotifications(
        truth=truth, clock=clock, serves=lambda user_id: user_id not in unserved
    )
    connection.base_version = 0
    service.register_connection(7, connection)

    def hang():
        truth.before_answering = None
        reading.set()
        assert answer.wait(60)

    truth.before_answering = hang
    truth.book(7, "1")
    clock.start()
    try:
        service.notify_balance_update(BalanceHint(7))
        assert reading.wait(60)
        unserved.add(7)
        service.relinquish(is_seven)
        answer.set()
    finally:
        clock.stop()
    assert connection.offered == []


def test_handover_under_concurrency_begins_nothing_afterwards():
    """However many threads notify and connect, no frame follows a handover."""
    clock, truth, unserved = TimerThread("test-windows", 0.001), MemoryTruth(), set()
    service = BalanceNotifications(
        truth=truth, clock=clock, serves=lambda user_id: user_id not in unserved
    )
    connections = {user_id: ConnectionDouble(str(user_id)) for user_id in range(1, 9)}
    for user_id, connection in connections.items():
        truth.open_account(user_id)
        service.register_connection(user_id, connection)
    stop = threading.Event()

    def notify(user_id):
        while not stop.is_set():
            truth.book(user_id, "1")
            service.notify_balance_update(BalanceHint(user_id))
            service.flush_pending_updates([user_id])

    threads = [threading.Thread(target=notify, args=(user_id,)) for user_id in connections]
    clock.start()
    try:
        for thread in threads:
            thread.start()
        for round_ in range(20):
            lost = {1 + round_ % 8, 1 + (round_ * 3 + 1) % 8}
            unserved |= lost
            service.relinquish(lost.__contains__)
            begun = {user_id: connections[user_id].versions for user_id in lost}
            service.flush_pending_updates()
            assert {user_id: connections[user_id].versions for user_id in lost} == begun
            unserved -= lost
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        clock.stop()
    for connection in connections.values():
        assert connection.versions == sorted(set(connection.versions))
        assert connection.versions
