"""Who is left out is told by how busy the users are."""

from hypothesis import given
from hypothesis import strategies as st

from app.report_text import activity_words
from shim.shadow.activity import MARK, Activities, Activity, by_activity
from shim.shadow.counts import MOST_CALLERS, Counts
from shim.shadow.events import LiveCall
from shim.shadow.queue import EventQueue
from shim.shadow.result import NotCompared
from tests.shim.harness import Harness


def call(subject, caller="somebody"):
    """Return a call of this subject."""
    return LiveCall(0.0, "path", subject, None, "legacy", None, None, caller)


def class_after(moments):
    """Return the class of a subject that called at these moments."""
    activities = Activities()
    for at in moments:
        activities.note(7, at)
    return activities.name_of(7).removeprefix(MARK)


def test_the_class_follows_from_the_calls_of_ten_seconds():
    """One, up to nine, and more; long ago does not count."""
    assert class_after([0.0]) == Activity.LONE
    assert class_after([0.0, 9.0]) == Activity.FEW
    assert class_after(range(10)) == Activity.STEADY
    assert class_after([*range(10), 12.0]) == Activity.STEADY
    assert class_after([*range(10), 1000.0]) == Activity.LONE


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_no_clock_makes_a_class_wrong_upwards(moments):
    """Whatever order the moments come in, nobody is busier than by all calls together."""
    busiest = class_after([0.0] * len(moments))
    order = list(Activity)
    assert order.index(class_after(moments)) <= order.index(busiest)


def test_subjects_that_are_remembered_are_bounded():
    """Past the bound the one that was quiet for longest is taken for a lone one."""
    activities = Activities(most=2)
    for subject in (1, 1, 2, 2, 1, 3, 3):
        activities.note(subject, 0.0)
    names = [activities.name_of(subject) for subject in (1, 2, 3)]
    assert names == ["~few", "~lone", "~few"]


def test_only_busy_users_being_raced_shows():
    """A user whose tabs come and go, call after call, is steady; the other one is compared."""
    harness = Harness()
    harness.connect(user_id=7, name="a")
    harness.connect(user_id=8, name="quiet")
    for number in range(12):
        harness.boost(user_id=7)
        harness.connect(user_id=7, name=f"{number}")
        harness.run(0.3)
    harness.boost(user_id=8)
    harness.run()
    told = harness.counts.snapshot()["activity"]
    assert told["lone"]["compared"] >= 3
    assert told["steady"]["not_compared:raced"] >= 9
    assert told["steady"].get("compared", 0) == 0
    assert sum(each["sampled"] for each in told.values()) == 13


def test_what_is_dropped_has_a_class_as_well():
    """By the shadow thread for a reason, or by a full queue on the caller's."""
    harness = Harness()
    harness.refuse = NotCompared.CPU_BUDGET
    harness.connect()
    for _ in range(3):
        harness.boost()
        harness.run(0.02)
    assert harness.counts.snapshot()["activity"] == {
        "lone": {"dropped:cpu_budget": 1},
        "few": {"dropped:cpu_budget": 2},
    }
    queue, counts = EventQueue(1), Counts()
    for subject in (1, 2, 3, 3):
        queue.offer(call(subject))
    counts.lose(queue.take_lost(), at=0.0)
    counts.lose(queue.take_lost(), at=0.0)
    assert counts.snapshot()["activity"] == {
        "lone": {"dropped:queue_full": 1},
        "few": {"dropped:queue_full": 2},
    }


def test_classes_have_their_place_however_many_callers_there_are():
    """They are never counted among the others."""
    counts = Counts()
    for number in range(MOST_CALLERS + 10):
        counts.take_up(call(number, caller=f"module{number}"))
    assert by_activity(counts.cells) == {"lone": {"sampled": MOST_CALLERS + 10}}


def test_the_share_left_out_is_told_of_its_own_class():
    """A dropped call was left out of all three comparisons; nobody to tell is nothing left out."""
    sums = {
        "sampled": 9,
        "compared": 24,
        "dropped:queue_full": 1,
        "not_compared:raced": 3,
        "not_compared:no_connection": 30,
    }
    assert activity_words("steady", sums) == (
        "users with steady activity: 9 calls sampled, 24 compared, 20 % left out:"
        " dropped:queue_full 1, not_compared:no_connection 30, not_compared:raced 3"
    )
    assert "- left out: nothing" in activity_words("few", {"sampled": 1})
