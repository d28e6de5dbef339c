"""The faults of the connection-aware legacy service, F1 to F6, cannot happen here."""

from decimal import Decimal

import pytest


@pytest.mark.parametrize("fault", ["closed", "broken"])
def test_f1_dead_connection_costs_the_next_one_nothing(world, fault):
    """Dropping a dead connection skips nobody."""
    dead, live, third = (world.connect(name=name, known=0) for name in "abc")
    dead.is_open, dead.broken = fault != "closed", fault == "broken"
    world.book()
    world.pass_window()
    assert (dead.versions, live.versions, third.versions) == ([], [1], [1])
    assert world.service.connections_of(7) == (live, third)
    assert world.service.counters.connections_dropped == 1


def test_f2_steady_stream_is_shown_all_the_while(world):
    """A hint every 90 ms, for ever, is shown at most 250 ms after each window's first."""
    connection = world.connect(known=0)
    for _ in range(12):
        world.book()
        world.clock.advance(0.09)
    assert connection.versions == [3, 6, 9, 12]


def test_f3_callers_that_finish_out_of_order_leave_the_truth_on_screen(world):
    """Whatever was hinted, and in which order, the newest booked balance is what is shown."""
    connection = world.connect(known=0)
    world.truth.book(7, "5")
    world.truth.book(7, "2.5", currency="TON")
    world.hint()
    world.hint()
    world.pass_window()
    (frame,) = connection.begun
    assert (frame.version, frame.uni, frame.ton) == (2, Decimal(5), Decimal("2.5"))


def test_f4_changes_are_summed_exactly(world):
    """0.1 + 0.2 - 0.2 is 0.1."""
    connection = world.connect(known=0)
    for amount in ("0.1", "0.2", "-0.2"):
        world.book(amount)
    world.pass_window()
    assert connection.begun[0].change_uni == Decimal("0.1")


def test_f5_connection_registered_twice_is_sent_to_once(world):
    """And one removal takes it away."""
    connection = world.connect(known=0)
    world.service.register_connection(7, connection)
    assert world.service.get_connection_stats().connections == 1
    world.book()
    world.pass_window()
    assert connection.versions == [1]
    world.service.remove_connection(7, connection)
    assert world.service.get_connection_stats().users == 0


def test_f6_browser_that_connects_a_moment_later_is_told(world):
    """What was booked while nobody was connected is on the page as soon as somebody is."""
    world.book("3")
    world.clock.advance(0.05)
    late = world.connect()
    assert late.base_version == 1
    world.book("4")
    world.pass_window()
    (frame,) = late.begun
    assert (frame.uni, frame.change_uni) == (Decimal(7), Decimal(4))
