"""The town that candidates are played in has what real users have."""

from datetime import UTC, datetime

from bench.kit import day
from bench.kit.town import USERS, _start, _tabs
from bench.kit.traffic import SOURCES


def test_the_town_is_not_tame() -> None:
    """Ids of 33 and 53 bits, a dozen tabs, balances next to the greatest, sources of any script."""
    assert len(set(USERS)) == len(USERS) > 1_000
    assert {user.bit_length() > 31 for user in USERS} == {True, False}
    assert 2**52 < max(USERS) < 2**53
    assert {_tabs(user) for user in USERS} >= {1, 2, 3, 12}
    balances = [_start(number, user)[0].amount for number, user in enumerate(USERS, 1)]
    assert 2**33 - 1_000_000 < max(balances) < 2**33
    assert any('"' in source for source in SOURCES)
    assert all(len(source) <= 64 and source.isprintable() for source in SOURCES)


def test_a_trial_crosses_midnight() -> None:
    """The modules of the application see a time of day shortly before it, and go on from there."""
    from app.notifications import timers

    before = timers.datetime
    try:
        day.set_before_midnight()
        now = timers.TimerThread("test").utc_now()
        seconds = (now - now.replace(hour=0, minute=0, second=0)).total_seconds()
        assert type(now) is datetime
        assert 86_400 - seconds < day.BEFORE_MIDNIGHT_S + 1
        assert abs(day.unix() - now.timestamp()) < 5
        assert isinstance(datetime.now(UTC), timers.datetime)
    finally:
        day.set_back()
    assert timers.datetime is before
