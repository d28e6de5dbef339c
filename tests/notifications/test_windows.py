"""A burst of hints becomes one message, and no stream of hints can starve."""

from hypothesis import given
from hypothesis import strategies as st

from app.notifications.windows import LONGEST_S, QUIET_S, Windows

users = st.integers(min_value=1, max_value=4)
bursts = st.lists(st.tuples(users, st.floats(min_value=0, max_value=0.3)), max_size=60)


def closings(hints):
    """Play `(user, gap)` hints, looking at the windows only when told to; log who closed when."""
    windows, now, log = Windows(), 0.0, []

    def run_until(moment):
        while (wake := windows.wake_at()) is not None and wake <= moment:
            log.extend((window.user_id, wake) for window in windows.take_due(wake))

    for user_id, gap in hints:
        now += gap
        run_until(now)
        windows.hint(user_id, now)
    run_until(now + 1)
    return log


def expected(hints):
    """Work the closings out for each user alone: 100 ms after the last, 250 ms after the first."""
    now, opened, log = 0.0, {}, []
    for user_id, gap in [*hints, (None, 1.0)]:
        now += gap
        for user, (first, last) in list(opened.items()):
            due = min(last + QUIET_S, first + LONGEST_S)
            if due <= now:
                log.append((user, due))
                del opened[user]
        first, _ = opened.get(user_id, (now, now))
        opened[user_id] = (first, now)
    return log


def test_window_closes_after_a_quiet_spell():
    """One hint: due 100 ms later, and not before."""
    windows = Windows()
    windows.hint(7, 10.0)
    assert windows.take_due(10.0 + QUIET_S - 0.001) == []
    assert [window.user_id for window in windows.take_due(10.0 + QUIET_S)] == [7]
    assert 7 not in windows


def test_hint_prolongs_an_open_window():
    """The quiet spell counts from the last hint."""
    windows = Windows()
    windows.hint(7, 10.0)
    windows.hint(7, 10.08)
    assert windows.take_due(10.12) == []
    assert [window.user_id for window in windows.take_due(10.18)] == [7]


@given(bursts)
def test_each_window_closes_exactly_when_it_is_due(hints):
    """Whoever wakes only when told to closes each user's window in time, and once."""
    assert sorted(closings(hints)) == sorted(expected(hints))


@given(st.lists(st.floats(min_value=0, max_value=QUIET_S * 0.99), min_size=1, max_size=60))
def test_no_stream_can_starve(gaps):
    """However dense the hints, a window is due at most 250 ms after its first."""
    windows, now, first = Windows(), 0.0, None
    for gap in gaps:
        now += gap
        if windows.take_due(now):
            first = None
        first = now if first is None else first
        windows.hint(7, now)
        assert now < first + LONGEST_S
    assert windows.take_due(first + LONGEST_S)


def test_flushed_window_is_not_due_again():
    """A window that was taken early leaves nothing behind."""
    windows = Windows()
    windows.hint(7, 1.0)
    windows.hint(8, 1.0)
    assert [window.user_id for window in windows.take([7, 9])] == [7]
    assert windows.users() == (8,)
    assert [window.user_id for window in windows.take()] == [8]
    assert windows.wake_at() is None
    assert windows.take_due(2.0) == []


def test_restored_window_is_due_when_asked_and_keeps_its_age():
    """A window that could not be served comes again, merged with one opened since."""
    windows = Windows()
    windows.hint(7, 1.0)
    (window,) = windows.take_due(1.1)
    windows.hint(7, 1.2)
    windows.restore([window], 1.3)
    (again,) = windows.take_due(1.3)
    assert again.first == 1.0
    assert windows.users() == ()
