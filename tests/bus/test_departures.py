"""What pages showed whose socket ended, kept in the database for all workers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.adapters import departures
from app.adapters.departures import SqlDepartures
from app.database import Database
from app.models import DepartedPage
from app.notifications.departed import BACK_WITHIN_S
from app.notifications.ports import TruthUnavailable
from tests.bus.conftest import until

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Hands:
    """A clock that shows what it is set to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


def workers(database: Database) -> tuple[SqlDepartures, SqlDepartures, Hands]:
    """Return two workers' memories of one database, and their clock."""
    clock = Hands()
    return SqlDepartures(database, utc_now=clock), SqlDepartures(database, utc_now=clock), clock


def rows(database: Database) -> int | None:
    """Return how many pages the database knows."""
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(DepartedPage))


def test_a_page_is_back_on_whichever_worker(database: Database) -> None:
    """Once: the oldest first, and no more than came."""
    one, other, _ = workers(database)
    for version in (5, 3, 4):
        one.add(7, version)
    one.write()
    assert other.take({7: 2, 8: 1}) == {7: [3, 4]}
    assert other.take({7: 2}) == {7: [5]}
    other.write()
    assert (rows(database), one.take({7: 1})) == (0, {})


def test_a_page_may_be_back_before_anything_is_written(database: Database) -> None:
    """And then nothing of it is, also if it was on its way."""
    one, other, _ = workers(database)
    one.add(7, 3)
    assert one.take({7: 1}) == {7: [3]}
    one.write()
    assert rows(database) == 0
    one.add(7, 4)
    write = one._write

    def back_meanwhile(left: Any, taken: Any) -> None:
        one._write = write
        write(left, taken)
        assert one.take({7: 1}) == {7: [4]}

    one._write = back_meanwhile
    one.write()
    assert one.take({7: 1}) == {}
    one.write()
    assert (rows(database), other.take({7: 1})) == (0, {})


def test_whoever_stays_away_is_forgotten(database: Database) -> None:
    """Whoever comes later has been opened anew, and has read the balance."""
    one, other, clock = workers(database)
    one.add(7, 3)
    one.write()
    clock.now += timedelta(seconds=BACK_WITHIN_S)
    assert other.take({7: 1}) == {}
    clock.now += timedelta(seconds=1)
    other.write()
    assert rows(database) == 0


def test_thread_writes_what_is_left_when_it_stops(database: Database) -> None:
    """A restart loses nothing: the next worker knows."""
    one, other, _ = workers(database)
    one.start()
    for user_id in range(1, 1201):
        one.add(user_id, 3)
    one.stop()
    assert len(other.take(dict.fromkeys(range(1, 1201), 1))) == 1200


def test_database_that_cannot_be_read_is_an_outage_like_any_other(database: Database) -> None:
    """Whoever asks tries again; who left meanwhile is not lost."""
    one, _, _ = workers(database)
    one.add(7, 3)
    with database.transaction() as session:
        DepartedPage.__table__.drop(session.connection())
    with pytest.raises(TruthUnavailable, match="who is back could not be read"):
        one.take({7: 1})
    with pytest.raises(Exception, match="departed_pages"):
        one.write()
    with database.transaction() as session:
        DepartedPage.__table__.create(session.connection())
    assert one.take({7: 1}) == {7: [3]}


def test_clock_that_was_set_back_keeps_nobody_from_being_forgotten(database):
    """A worker does not wait for the clock to be where it was."""
    one, _, clock = workers(database)
    clock.now += timedelta(days=1)
    one.write()
    clock.now = NOW
    one.add(7, 3)
    one.write()
    clock.now += timedelta(seconds=BACK_WITHIN_S + 1)
    one.write()
    assert rows(database) == 0


def test_whoever_stays_away_is_forgotten_though_nobody_else_comes_or_goes(database, monkeypatch):
    """A quiet worker removes them, too."""
    one, other, clock = workers(database)
    other.add(7, 3)
    other.write()
    clock.now += timedelta(seconds=BACK_WITHIN_S + 1)
    monkeypatch.setattr(departures, "FORGET_EVERY", timedelta(milliseconds=10))
    one.start()
    try:
        until(lambda: rows(database) == 0)
    finally:
        one.stop()
