"""The sweep finds whoever was not told, and costs one query where nothing is amiss."""

import pytest
import structlog

from app.notifications.ports import TruthUnavailable
from app.notifications.sweep import BATCH, Sweep
from tests.bus.conftest import until
from tests.notifications.conftest import World


class MemoryVersions:
    """Versions out of a memory truth, with a log of the queries."""

    def __init__(self, truth):
        self.truth = truth
        self.queries = []
        self.failing = False

    def versions(self, users, *, timeout=None):
        """Answer as the database does, or raise if it is failing."""
        self.queries.append(list(users))
        if self.failing:
            raise TruthUnavailable("the database is locked: try again")
        booked = self.truth.booked
        return {user: len(booked[user]) for user in users if user in booked}


@pytest.fixture
def world():
    """Return a fresh world with a sweep."""
    world = World()
    world.versions = MemoryVersions(world.truth)
    world.sweep = Sweep(
        service=world.service,
        versions=world.versions,
        serves=lambda user: user not in world.unserved,
        interval_s=3600,
    )
    return world


def test_a_change_that_nobody_told_of_is_sent(world):
    """A lost message or a crash between commit and notify: the next sweep makes up for it."""
    connection = world.connect(known=0)
    world.truth.book(7, "1.5", source="mission")
    assert world.sweep.sweep() == 1
    world.pass_window()
    [frame] = connection.begun
    assert (frame.since, frame.version, frame.change_uni, frame.sources) == (
        0,
        1,
        1.5,
        ("mission",),
    )


def test_where_nothing_is_amiss_a_batch_costs_one_query_and_no_read(world):
    """Versions alone are read, of all connected users of a batch at once."""
    for user in range(1, BATCH + 2):
        world.connect(user, known=0)
    world.truth.reads.clear()
    assert world.sweep.sweep() == 0
    world.pass_window()
    assert [len(query) for query in world.versions.queries] == [BATCH, 1]
    assert world.truth.reads == []


def test_only_those_behind_are_read_and_in_one_read(world):
    """Of many users two are read again."""
    for user in range(1, 51):
        world.connect(user, known=0)
    for user in (7, 33):
        world.truth.book(user, "1")
    world.truth.reads.clear()
    assert world.sweep.sweep() == 2
    world.pass_window()
    assert world.truth.reads == [{7: 0, 33: 0}]


def test_whoever_is_served_by_another_is_not_looked_at(world):
    """Nothing is sent to them that production would not send, and nothing read."""
    connection = world.connect(known=0)
    world.truth.book(7, "1")
    world.unserved.add(7)
    assert world.sweep.sweep() == 0
    world.pass_window()
    assert (connection.offered, world.versions.queries) == ([], [])


def test_after_a_flip_up_the_page_catches_up(world):
    """Everything since the page's version is told at once, by sources and sums."""
    connection = world.connect(known=0)
    world.unserved.add(7)
    world.truth.book(7, "1")
    world.truth.book(7, "2", source="boost_income")
    world.sweep.sweep()
    world.unserved.clear()
    world.sweep.sweep()
    world.pass_window()
    [frame] = connection.begun
    assert (frame.version, frame.change_uni, frame.sources) == (2, 3, ("farming", "boost_income"))


def test_what_is_under_way_is_left_to_its_window(world):
    """A sweep neither doubles nor delays what was told of in the ordinary way."""
    connection = world.connect(known=0)
    world.book("1")
    assert world.sweep.sweep() == 0
    world.clock.advance(0.11)
    assert connection.versions == [1]
    assert world.sweep.sweep() == 0


def test_a_page_that_another_service_has_told_is_not_read_again_and_again(world):
    """What its frame showed is noted once; from then on the sweep finds nothing amiss."""
    connection = world.connect(known=0)
    world.truth.book(7, "1")
    connection.overheard = (
        '{"type":"balance_update","userId":7,"data":{"balance_uni":1,"balance_ton":0}}'
    )
    assert world.sweep.sweep() == 1
    world.pass_window()
    assert connection.offered == []
    assert world.sweep.sweep() == 0


def test_a_page_that_another_service_misled_is_found(world):
    """It knows the version and shows another balance: no version tells of that."""
    connection = world.connect(known=0)
    world.book("1")
    world.pass_window()
    connection.overheard = (
        '{"type":"balance_update","userId":7,"data":{"balance_uni":0.5,"balance_ton":0}}'
    )
    assert world.sweep.sweep() == 1
    world.pass_window()
    assert connection.versions == [1, 1]
    assert world.sweep.sweep() == 0


def test_of_several_tabs_the_one_behind_counts(world):
    """It is told, and the others hear nothing twice."""
    behind, newer = world.connect(name="a", known=0), world.connect(name="b", known=1)
    world.truth.book(7, "1")
    assert world.sweep.sweep() == 1
    world.pass_window()
    assert (behind.versions, newer.versions) == ([1], [])


def test_closed_connections_and_unknown_users_are_never_behind(world):
    """Nobody is read for nobody."""
    world.connect(known=0).is_open = False
    world.truth.book(7, "1")
    world.connect(8, known=None)
    del world.truth.booked[8]
    assert world.sweep.sweep() == 0


@pytest.fixture
def running(world):
    """Return a world whose sweep runs on its thread."""
    world.sweep.start()
    yield world
    world.sweep.stop()


def test_a_hurried_sweep_does_not_wait_for_its_time(running):
    """As after a gap in the bus."""
    running.connect(known=0)
    running.truth.book(7, "1")
    running.sweep.hurry()
    until(lambda: running.sweep.counts.behind == 1)


def test_a_failing_database_is_logged_once_and_the_sweep_goes_on(running):
    """The next sweep comes, finds what the failed ones could not, and says how many."""
    with structlog.testing.capture_logs() as log:
        running.connect(known=0)
        running.truth.book(7, "1")
        running.versions.failing = True
        for failures in (1, 2):
            running.sweep.hurry()
            until(lambda failures=failures: running.sweep.counts.failed == failures)
        running.versions.failing = False
        running.sweep.hurry()
        until(lambda: running.sweep.counts.sweeps == 1)
        running.sweep.stop()
    assert [line["event"] for line in log] == ["sweep_failed", "sweep_found"]
    assert log[1]["users"] == 1


def test_hints_of_other_workers_are_for_those_who_are_served(world):
    """An unasked send goes to nobody whom the canonical does not serve."""
    served, unserved = world.connect(7, known=0), world.connect(8, name="b", known=0)
    world.unserved.add(8)
    for user in (7, 8):
        world.truth.book(user, "1")
    world.service.look_again([7, 8, 9])
    assert world.service.pending_users() == (7,)
    world.pass_window()
    assert (served.versions, unserved.versions) == ([1], [])
