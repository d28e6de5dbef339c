"""The real clock: callbacks in time, on one thread, that harm each other not."""

import threading
from datetime import UTC

import pytest
from structlog.testing import capture_logs

from app.notifications.timers import TimerThread


@pytest.fixture
def timers():
    """Return a running clock that looks every millisecond."""
    clock = TimerThread("test-timers", resolution=0.001)
    clock.start()
    yield clock
    clock.stop()


def test_callback_runs_after_its_delay_on_the_clocks_own_thread(timers):
    """Not before its time, and not on the caller's thread."""
    seen, done = [], threading.Event()

    def note():
        seen.append((timers.monotonic(), threading.current_thread().name))
        done.set()

    asked = timers.monotonic()
    timers.call_later(0.02, note)
    assert done.wait(60)
    ((called, name),) = seen
    assert called >= asked + 0.02
    assert name == "test-timers"


def test_callbacks_run_in_the_order_in_which_they_are_due(timers):
    """The order in which they were set does not matter."""
    order, done = [], threading.Event()
    timers.call_later(0.04, done.set)
    timers.call_later(0.03, lambda: order.append("late"))
    timers.call_later(0.01, lambda: order.append("early"))
    assert done.wait(60)
    assert order == ["early", "late"]


def test_timer_that_is_seen_coming_is_not_kept_waiting():
    """A thread that looks seldom still calls on time, for it knows by then when to look."""
    clock, done = TimerThread("test-seldom", resolution=60), threading.Event()
    clock.call_later(0.02, done.set)
    clock.start()
    assert done.wait(60)
    clock.stop()


def test_cancelled_callback_is_not_called(timers):
    """Cancelling after the call does nothing."""
    called, done = [], threading.Event()
    handle = timers.call_later(0.01, lambda: called.append(1))
    last = timers.call_later(0.02, done.set)
    handle.cancel()
    assert done.wait(60)
    last.cancel()
    assert called == []


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3)])
def test_callback_that_raises_is_logged_and_harms_no_other(error):
    """Not even SystemExit ends the thread."""
    done = threading.Event()

    def fail():
        raise error

    clock = TimerThread("test-timers", resolution=0.001)
    clock.call_later(0, fail)
    clock.call_later(0, done.set)
    with capture_logs() as logs:
        clock.start()
        assert done.wait(60)
        clock.stop()
    assert [line["event"] for line in logs] == ["timer_callback_failed"]


def test_timers_wait_for_the_start_and_survive_a_stop():
    """Nothing runs before the start; what a stop left waits for the next start."""
    called = threading.Event()
    clock = TimerThread("test-timers", resolution=0.001)
    clock.call_later(0, called.set)
    assert not called.is_set()
    clock.stop()
    clock.start()
    assert called.wait(60)
    clock.stop()
    called.clear()
    clock.call_later(0, called.set)
    clock.start()
    assert called.wait(60)
    clock.stop()


def test_second_start_is_refused(timers):
    """The error names the thread and says what to do."""
    with pytest.raises(RuntimeError, match="'test-timers' runs already: stop it first"):
        timers.start()


def test_clock_may_be_stopped_from_its_own_callback():
    """It does not wait for itself."""
    clock, done = TimerThread("test-timers", resolution=0.001), threading.Event()
    clock.call_later(0, lambda: (clock.stop(), done.set()))
    clock.start()
    assert done.wait(60)


def test_time_of_day_is_aware_and_in_utc(timers):
    """No naive time leaves the clock."""
    assert timers.utc_now().tzinfo is UTC
