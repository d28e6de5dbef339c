"""A read in time or none, and a handover that waits for no database that hangs."""

import threading
import time

import pytest

from app.notifications.deadline import within
from app.notifications.ports import TruthUnavailable
from tests.patience import patient


def test_what_is_done_in_time_is_returned():
    """The value as it is."""
    assert within(10, lambda: (1, None)) == (1, None)


def test_what_fails_in_time_raises_its_own_error():
    """As if it had been called here."""
    with pytest.raises(ZeroDivisionError):
        within(10, lambda: 1 / 0)


def test_what_hangs_is_left_alone():
    """After the time that was given, with what to do; it harms nobody when it ends."""
    hanging = threading.Event()
    began = time.monotonic()
    try:
        with pytest.raises(TruthUnavailable, match="did not answer within 20 ms"):
            within(0.02, hanging.wait)
        assert time.monotonic() - began < patient(1)
    finally:
        hanging.set()


def test_relinquishing_goes_on_without_a_database_that_hangs(world):
    """The window is dropped and counted, and what is read in the end is sent to nobody."""
    hanging, read = threading.Event(), threading.Event()
    connection = world.connect(known=0)
    world.book()

    def hang():
        hanging.wait(60)
        read.set()

    world.truth.before_answering = hang
    world.unserved.add(7)
    began = time.monotonic()
    try:
        world.service.relinquish(lambda user_id: user_id == 7, read_timeout=0.05)
        assert time.monotonic() - began < patient(1)
        assert world.service.counters.windows_dropped == 1
        assert not world.service.is_pending(7)
    finally:
        hanging.set()
    assert read.wait(60)
    assert connection.offered == []


def test_what_has_no_deadline_is_called_on_the_thread_that_asks():
    """A thread for each of a shadow's handovers would cost more than the handover."""
    assert within(86_400.0, threading.get_ident) == threading.get_ident()
    assert within(60.0, threading.get_ident) != threading.get_ident()
