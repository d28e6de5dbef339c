"""A database that cannot be read loses no window and is not hammered."""

from structlog.testing import capture_logs

from tests.notifications.doubles import ConnectionDouble


def test_windows_and_greetings_survive_an_outage(world):
    """When the database is back, everybody is brought up to date."""
    old = world.connect(known=0)
    world.truth.failing = True
    new = ConnectionDouble("b")
    world.service.register_connection(7, new)
    world.book()
    world.clock.advance(5)
    assert (old.versions, new.versions) == ([], [])
    world.truth.failing = False
    world.clock.advance(1.1)
    assert (old.versions, new.versions) == ([1], [1])


def test_what_is_booked_while_a_new_page_cannot_be_read_is_shown_as_a_change(world):
    """Nobody knows what the page shows; it lacks the newest change at least, so that it is told."""
    world.connect(known=0)
    world.truth.book(7, "3", source="mission")
    world.truth.failing = True
    new = ConnectionDouble("b")
    world.service.register_connection(7, new)
    world.clock.advance(0.5)
    world.book("5")
    world.clock.advance(2)
    world.truth.failing = False
    world.clock.advance(2)
    assert [(f.since, f.change_uni, f.sources) for f in new.begun] == [(1, 5, ("farming",))]


def test_attempts_grow_further_apart(world):
    """The delay doubles up to a second, whatever else is hinted meanwhile."""
    world.connect(known=0)
    world.connect(8, known=0)
    world.truth.failing = True
    world.book()
    for _ in range(100):
        world.book(user_id=8)
        world.clock.advance(0.1)
    assert world.service.counters.reads_failed == len(world.truth.reads)
    assert 10 <= len(world.truth.reads) <= 15


def test_outage_is_logged_once_and_so_is_its_end(world):
    """One line when it begins, one when it is over, with the number of attempts."""
    world.connect(known=0)
    world.truth.failing = True
    world.book()
    with capture_logs() as logs:
        world.clock.advance(3)
        world.truth.failing = False
        world.clock.advance(2)
    assert [line["event"] for line in logs] == ["balances_unreadable", "balances_readable_again"]
    assert "the database is locked" in logs[0]["error"]
    assert logs[1]["failures"] == world.service.counters.reads_failed


def test_reader_with_a_bug_is_an_outage_too(world):
    """An exception of any kind keeps the windows."""
    connection = world.connect(known=0)

    def explode():
        world.truth.before_answering = None
        raise ZeroDivisionError("a bug")

    world.truth.before_answering = explode
    world.book()
    world.clock.advance(1)
    assert connection.versions == [1]
