"""What leaves on a connection, in which order, and what is taken back."""

import threading
from decimal import Decimal

import pytest

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
    writer.join(10)
    waiting.join(10)
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
