"""The alarm: the shadow ought to be running and is not, said with its numbers, once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shim.shadow.alarm import AlarmLimits, Reading, Watch, alarms

LIMITS = AlarmLimits()


def reading(at, *, expected=True, everything=True, **numbers):
    """Return a reading; what is not given is nought."""
    return Reading(at, expected, everything, **numbers)


def healthy(at):
    """Return the reading of a worker where each second a call is routed and compared."""
    events = int(at) * 2
    return reading(
        at,
        routed=int(at),
        offered=events,
        taken=events,
        compared=int(at) * 3,
        answered=int(at) * 3,
    )


def test_a_shadow_that_keeps_up_raises_nothing():
    """Minute after minute."""
    assert alarms([healthy(at) for at in range(0, 61, 10)], LIMITS) == ()


def test_no_reading_or_no_call_raises_nothing():
    """A service without traffic has nothing to compare."""
    assert alarms([], LIMITS) == ()
    assert alarms([reading(at) for at in (0, 60, 120)], LIMITS) == ()


def test_where_nobody_is_to_be_told_nothing_is_wrong():
    """Users without a page are looked at, and answered: both sides can only be silent."""
    readings = [
        reading(at, routed=at, offered=at, taken=at, answered=at * 3) for at in range(0, 61, 10)
    ]
    assert alarms(readings, LIMITS) == ()


def test_a_queue_from_which_nothing_is_taken_is_stuck():
    """Events wait and none was taken: the message says how many, and for how long."""
    readings = [reading(at, offered=50 + at, taken=7, queued=43 + at) for at in (0, 4, 8, 12)]
    [problem] = alarms(readings, LIMITS)
    assert problem == (
        "the shadows' queue is stuck: 55 events wait, and none was taken for 12 s (limit 10 s)"
    )


def test_a_long_queue_that_is_worked_on_is_not_stuck():
    """However many wait, as long as some are taken."""
    readings = [reading(at, offered=9000, taken=at, queued=9000 - at) for at in (0, 10, 20)]
    assert alarms(readings, LIMITS) == ()


def test_nothing_compared_though_calls_were_routed():
    """A minute without an answer, with what became of the calls."""
    readings = [
        reading(at, routed=at, offered=at, taken=at, left_out=at // 10, reasons={"raced": at // 10})
        for at in range(0, 61, 10)
    ]
    [problem] = alarms(readings, LIMITS)
    assert problem == (
        "nothing was compared for 60 s (limit 60 s), though 50 calls were routed: 50 events for"
        " the shadows, 0 wait, 6 comparisons were left out: raced 6"
    )


def test_calls_that_never_reach_the_shadows_are_noticed_where_everything_is_compared():
    """At a share of the users they may all be among those who are not sampled."""
    for everything, found in ((True, 1), (False, 0)):
        readings = [reading(at, routed=at, everything=everything) for at in range(0, 61, 10)]
        assert len(alarms(readings, LIMITS)) == found


def test_a_call_that_has_just_come_is_given_time():
    """One call in a quiet minute, a moment ago, is not an outage."""
    readings = [reading(at) for at in range(0, 60, 10)]
    assert alarms([*readings, reading(60, routed=1, offered=1, queued=1)], LIMITS) == ()


def test_too_small_a_share_is_compared():
    """Of enough that were sampled: the share, both numbers, and the reasons."""
    readings = [
        reading(0, compared=10, answered=10),
        reading(30, compared=50, answered=50, left_out=60, reasons={"cpu_budget": 20}),
    ]
    assert alarms(readings, LIMITS) == (
        "40 of 100 comparisons were made in 30 s, 40% of what was sampled (limit 80%):"
        " cpu_budget 20",
    )


@pytest.mark.parametrize(("compared", "left_out"), [(80, 20), (79, 19), (0, 59)])
def test_a_share_at_the_limit_or_of_too_few_raises_nothing(compared, left_out):
    """80 % is enough, and of less than sixty comparisons nothing is concluded."""
    last = reading(30, compared=compared, answered=compared + 1, left_out=left_out)
    assert alarms([reading(0), last], LIMITS) == ()


@given(st.lists(st.builds(healthy, st.floats(0, 1e6)), max_size=10))
def test_where_nothing_is_to_be_compared_nothing_is_wrong(readings):
    """At stage off, whatever the numbers are."""
    off = reading(2e6, expected=False, routed=5, queued=100)
    assert alarms([*readings, off], LIMITS) == ()


def stuck(at):
    """Return the reading of a stuck queue."""
    return reading(at, queued=5, offered=5)


def test_an_outage_is_logged_once_and_so_is_its_end():
    """However long it lasts; what is wrong can be asked all the time."""
    watch = Watch()
    with capture_logs() as said:
        for at in range(0, 200, 10):
            watch.look(stuck(at))
        assert watch.problems
        for at in range(200, 300, 10):
            watch.look(reading(at, taken=5, offered=5, compared=at, answered=at))
        assert watch.problems == ()
    assert [line["event"] for line in said] == ["shadow_not_comparing", "shadow_comparing_again"]
    assert "5 events wait" in said[0]["problems"][0]


def test_switching_the_shadow_on_begins_a_new_window():
    """What was routed before nobody wanted to compare."""
    watch = Watch()
    for at in range(0, 120, 10):
        watch.look(reading(at, expected=False, routed=at * 5))
    watch.look(reading(120, routed=600))
    watch.look(reading(130, routed=601))
    assert watch.problems == ()


def test_a_watch_remembers_one_window_only():
    """A worker that runs for months does not grow; an old outage does not count."""
    watch = Watch()
    for at in range(0, 100_000, 10):
        watch.look(healthy(at))
    assert len(watch._readings) <= LIMITS.window / 10 + 1
    assert watch.problems == ()
