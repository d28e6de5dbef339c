"""What leaves on a connection, in which order, and what is taken back."""

import threading
from decimal import Decimal

import pytest

from app.notifications.doorbell import BELL, BULK, Doorbell
from app.notifications.messages import BalanceFrame
from app.notifications.outbox import LIMIT, Closing, Outbox, OutboxClosedError
from tests.notifications.doubles import EPOCH


def frame(since, version, *, change="1", sources=("farming",)):
    """Return a frame whose balance is its version."""
    return BalanceFrame(
        user_id=7,
        version=version,
        since=since,
        uni=Decimal(version),
        ton=Decimal(0),
        change_uni=Decimal(change),
        change_ton=Decimal(0),
        sources=sources,
        at=EPOCH,
    )


class Hands:
    """A clock that shows what it is set to, and a chance that is always the same."""

    now = 100.0
    chance = 0.5


@pytest.fixture
def hands():
    """Return a clock to be set."""
    return Hands()


@pytest.fixture
def spaced(hands):
    """Return an outbox whose balance frames keep a distance of one second."""
    return Outbox(lambda: None, doorbell=Doorbell(1.0, monotonic=lambda: hands.now))


@pytest.fixture
def outbox():
    """Return an empty outbox."""
    return Outbox(lambda: None)


def test_texts_keep_count_and_order(outbox):
    """Nothing is merged and nothing overtakes."""
    for text in ("a", "b", "b"):
        outbox.put(text)
    assert [outbox.take() for _ in range(3)] == ["a", "b", "b"]


def test_state_that_was_not_begun_is_merged(outbox):
    """Newest balance, summed changes, merged sources, earliest since: one frame."""
    outbox.offer(frame(0, 1, change="0.1"))
    outbox.offer(frame(1, 3, change="0.2", sources=("mission", "farming")))
    assert outbox.base_version == 3
    assert outbox.take() == frame(0, 3, change="0.3", sources=("farming", "mission"))
    outbox.put("end")
    assert outbox.take() == "end"


def test_state_stands_behind_the_texts_before_its_newest_part(outbox):
    """A page never ends on a frame that is older than state it was given before."""
    outbox.offer(frame(0, 1))
    outbox.put("legacy")
    outbox.offer(frame(1, 2))
    outbox.put("later")
    assert outbox.take() == "legacy"
    assert outbox.take() == frame(0, 2, change="2")
    assert outbox.take() == "later"


def test_versions_only_grow(outbox):
    """State that is no newer than what was handed over is ignored."""
    outbox.offer(frame(0, 5))
    outbox.offer(frame(0, 5))
    outbox.offer(frame(0, 4))
    assert outbox.take() == frame(0, 5)
    outbox.put("end")
    assert outbox.take() == "end"


def test_withdrawn_state_takes_its_version_back(outbox):
    """Whoever serves next starts from what the page really shows."""
    outbox.offer(frame(2, 3))
    outbox.offer(frame(3, 4))
    outbox.withdraw(0)
    assert outbox.base_version == 2
    outbox.put("end")
    assert outbox.take() == "end"


def test_begun_state_is_not_withdrawn(outbox):
    """What has left stays: the version stays, too."""
    outbox.offer(frame(2, 3))
    outbox.take()
    outbox.withdraw(0)
    assert outbox.base_version == 3


def test_withdrawal_brings_back_what_was_overheard(outbox):
    """A legacy frame that was shown before the state is remembered again."""
    outbox.base_version, outbox.overheard = 0, "legacy"
    outbox.offer(frame(1, 2))
    assert outbox.overheard is None
    outbox.withdraw(0)
    assert (outbox.base_version, outbox.overheard) == (1, "legacy")
    outbox.offer(frame(1, 2))
    outbox.take()
    outbox.withdraw(0)
    assert outbox.overheard is None


def test_withdrawal_waits_for_a_writer_that_is_about_to_begin(outbox):
    """A healthy reader gets its frame, and the withdrawal returns as soon as it has."""
    outbox.offer(frame(0, 1))
    taken = []
    writer = threading.Thread(target=lambda: taken.append(outbox.take()))
    waiting = threading.Thread(target=outbox.withdraw, args=(30,))
    waiting.start()
    writer.start()
    writer.join(60)
    waiting.join(60)
    assert not waiting.is_alive()
    assert taken == [frame(0, 1)]
    assert outbox.base_version == 1


def test_reader_that_does_not_read_is_closed(outbox):
    """More than 64 waiting texts: closed with 1013, and the sender is told."""
    for number in range(LIMIT):
        outbox.put(str(number))
    with pytest.raises(OutboxClosedError, match="64 frames wait already"):
        outbox.put("one too many")
    assert not outbox.is_open
    assert outbox.take() == Closing(1013, "reads too slowly: try again later")


def test_state_never_counts_against_the_limit(outbox):
    """However much is booked, it is one frame."""
    for version in range(1, 1001):
        outbox.offer(frame(version - 1, version))
    assert outbox.is_open
    assert outbox.take() == frame(0, 1000, change="1000")


def test_closed_outbox_lets_nothing_in_and_only_the_close_out(outbox):
    """The first close stands; handing over says that the connection should be dropped."""
    outbox.put("text")
    outbox.offer(frame(0, 1))
    outbox.close(1012, "restart")
    outbox.close(1000, "")
    assert outbox.take() == Closing(1012, "restart")
    with pytest.raises(ConnectionError, match="closed \\(1012 restart\\): drop it"):
        outbox.put("more")
    with pytest.raises(ConnectionError):
        outbox.offer(frame(1, 2))


def test_state_after_a_greeting_keeps_its_change(outbox):
    """Merged into a greeting that has not left, an income is still an income."""
    outbox.offer(frame(None, 4, change="0", sources=()))
    outbox.offer(frame(4, 5))
    assert outbox.take() == frame(None, 5)
    outbox.withdraw(0)
    assert outbox.base_version == 5


def test_texts_that_wait_may_go_along(outbox):
    """In order, up to a size, and never past the state that stands between them."""
    for text in ("a", "bb", "ccc", "dddd"):
        outbox.put(text)
    assert outbox.take() == "a"
    assert outbox.take_along(5) == ["bb", "ccc"]
    outbox.offer(frame(0, 1))
    outbox.put("later")
    assert outbox.take_along(100) == ["dddd"]
    assert outbox.take_along(100) == []
    assert outbox.take() == frame(0, 1)
    assert outbox.take() == "later"
    assert not outbox.announced


def test_what_went_along_no_longer_counts(outbox):
    """The limit is on what waits."""
    for number in range(LIMIT):
        outbox.put(str(number))
    assert len(outbox.take_along(10)) == 10
    for number in range(10):
        outbox.put(str(number))
    assert (outbox.waiting, outbox.is_open) == (LIMIT, True)


def test_the_same_version_is_offered_again_only_where_another_service_spoke(outbox):
    """And it stands behind what that one said, with the changes that had not left yet."""
    outbox.offer(frame(1, 2, change="5"))
    outbox.put("legacy")
    outbox.offer(frame(2, 2, change="0", sources=()))
    assert outbox.waiting == 2
    outbox.overheard = "legacy"
    outbox.offer(frame(2, 2, change="0", sources=()))
    assert outbox.take() == "legacy"
    assert outbox.take() == frame(1, 2, change="5")
    assert outbox.overheard is None


def test_whoever_watches_hears_of_each_version_and_of_the_close(outbox):
    """When it hears of a change, the change is there to be read; afterwards it hears nothing."""
    heard = []

    def note():
        heard.append((outbox.base_version, outbox.is_open))

    outbox.watch(note)
    outbox.base_version = 1
    outbox.offer(frame(1, 2))
    outbox.withdraw()
    outbox.close()
    outbox.close()
    assert heard == [(1, True), (2, True), (1, True), (1, False)]
    outbox.unwatch(note)
    outbox.base_version = 3
    assert len(heard) == 4


def test_first_frame_leaves_at_once_and_the_next_keeps_its_distance(spaced, hands):
    """What is booked meanwhile is merged into it: nothing lacks in changes and sources."""
    spaced.offer(frame(0, 1))
    assert spaced.take() == frame(0, 1)
    hands.now += 0.7
    spaced.offer(frame(1, 2, sources=("mission",)))
    spaced.offer(frame(2, 3))
    assert (spaced.take(), spaced.due, spaced.announced) == (None, 101.0, False)
    hands.now = 101.0
    assert spaced.take() == frame(1, 3, change="2", sources=("mission", "farming"))
    assert spaced.due is None


def test_frame_after_a_pause_leaves_at_once(spaced, hands):
    """The distance is no delay for a page that was told nothing for long."""
    spaced.offer(frame(0, 1))
    assert spaced.take() == frame(0, 1)
    hands.now += 1.0
    spaced.offer(frame(1, 2))
    assert spaced.take() == frame(1, 2)


def test_other_texts_pass_a_frame_that_keeps_its_distance(spaced):
    """A pong is no balance; a balance of another service keeps its place behind."""
    spaced.offer(frame(0, 1))
    assert spaced.take() == frame(0, 1)
    spaced.offer(frame(1, 2))
    spaced.put("pong")
    spaced.put(BELL)
    spaced.put("late")
    assert [spaced.take(), spaced.take()] == ["pong", None]
    spaced.release()
    assert [spaced.take(), spaced.take(), spaced.take()] == [frame(1, 2), BELL, "late"]


def test_distance_is_kept_from_another_service_too(spaced, hands):
    """A page that reads for a frame of legacy's drops one of ours."""
    spaced.put(BELL)
    spaced.offer(frame(0, 1))
    assert [spaced.take(), spaced.take()] == [BELL, None]
    hands.now += 1.0
    assert spaced.take() == frame(0, 1)


def test_released_frames_leave_at_once(spaced):
    """Whoever loses a user, or leaves, has said everything first; then the distance is back."""
    spaced.offer(frame(0, 1))
    assert spaced.take() == frame(0, 1)
    spaced.offer(frame(1, 2, change="5"))
    spaced.offer(frame(2, 3, change="-5"))
    spaced.release()
    assert [spaced.take(), spaced.take()] == [frame(1, 2, change="5"), frame(2, 3, change="-5")]
    spaced.offer(frame(3, 4))
    assert spaced.take() is None


def test_withdrawal_that_waits_lets_a_held_frame_leave_first(spaced):
    """The last flush of whoever loses a user keeps no distance."""
    spaced.offer(frame(0, 1))
    spaced.take()
    spaced.offer(frame(1, 2))
    withdrawn = threading.Thread(target=spaced.withdraw, args=(30,))
    withdrawn.start()
    while (taken := spaced.take()) is None:
        pass
    withdrawn.join(60)
    assert taken == frame(1, 2)
    assert (spaced.base_version, withdrawn.is_alive()) == (2, False)


def test_distance_of_a_frame_that_left_slowly_begins_at_its_end(spaced, hands):
    """It is read when all of it is there."""
    spaced.offer(frame(0, 1))
    spaced.take()
    hands.now += 5
    spaced.finished()
    spaced.offer(frame(1, 2))
    assert (spaced.take(), spaced.due) == (None, hands.now + 1)


def test_changes_that_add_up_to_nothing_stay_two_frames(spaced, hands):
    """No "+0" is ever said; what makes a sum of them again is one frame again."""
    spaced.offer(frame(0, 1))
    spaced.take()
    spaced.offer(frame(1, 2, change="5"))
    spaced.offer(frame(2, 3, change="-5"))
    assert spaced.waiting == 2
    hands.now += 1
    assert [spaced.take(), spaced.take()] == [frame(1, 2, change="5"), None]
    hands.now += 1
    assert spaced.take() == frame(2, 3, change="-5")
    spaced.offer(frame(3, 4, change="5"))
    spaced.offer(frame(4, 5, change="-5"))
    spaced.offer(frame(5, 6, change="3"))
    assert spaced.waiting == 1
    spaced.withdraw()
    assert (spaced.base_version, spaced.waiting) == (3, 0)


def test_frames_of_a_bulk_are_spread(hands):
    """The first pages of a second are rung for at once, more of them by chance within the time."""
    doorbell = Doorbell(spread_s=10.0, monotonic=lambda: hands.now, chance=lambda: hands.chance)
    pages = [Outbox(lambda: None, doorbell=doorbell) for _ in range(BULK + 1)]
    for page in pages:
        page.offer(frame(0, 1))
    *first, last = pages
    assert all(page.take() == frame(0, 1) for page in first)
    assert (last.take(), last.due) == (None, hands.now + 5)
    hands.now += 5
    assert last.take() == frame(0, 1)
    last.offer(frame(1, 2))
    assert last.take() == frame(1, 2)
