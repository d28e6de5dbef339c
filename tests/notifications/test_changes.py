"""What a connection is shown follows from the truth and from what it was shown before."""

from decimal import Decimal
from functools import reduce

from hypothesis import assume, given
from hypothesis import strategies as st

from app.notifications.changes import correction, frame_since, merged, steps
from tests.notifications.doubles import EPOCH, MemoryTruth

amounts = st.decimals(min_value=-1000, max_value=1000, places=6).filter(bool)
bookings = st.lists(
    st.tuples(amounts, st.sampled_from(["UNI", "TON"]), st.sampled_from(["farming", "mission"])),
    min_size=1,
    max_size=12,
)


def truth_of(rows, since):
    """Return the truth after these bookings, asked for from version `since`."""
    truth = MemoryTruth()
    for amount, currency, source in rows:
        truth.book(7, amount, currency=currency, source=source)
    return truth.read({7: since})[7]


def frames_since(truth, since, at):
    """Return what a page of this version is shown, one frame after the other."""
    frames = [frame_since(*step, at) for step in steps(truth, since)]
    return tuple(frame for frame in frames if frame is not None)


@given(bookings, st.data())
def test_changes_are_those_between_two_versions(rows, data):
    """Balance before plus changes is balance after, exactly, for any two versions."""
    since = data.draw(st.integers(min_value=0, max_value=len(rows) - 1))
    frames = frames_since(truth_of(rows, 0), since, EPOCH)
    before = truth_of(rows[:since], 0) if since else None
    uni, ton = (before.uni, before.ton) if before else (Decimal(0), Decimal(0))
    for frame in frames:
        uni, ton = uni + frame.change_uni, ton + frame.change_ton
        assert (frame.uni, frame.ton) == (uni, ton)
        assert frame.is_change
    sources = [source for frame in frames for source in frame.sources]
    assert set(sources) == {source for _, _, source in rows[since:]}
    assert (frames[0].since, frames[-1].version) == (since, len(rows))


@given(amounts, st.sampled_from(["UNI", "TON"]))
def test_changes_that_add_up_to_nothing_are_two_frames(amount, currency):
    """A page would show their sum as "+0", and may have read the balance between the two."""
    rows = [("1", "UNI", "mission"), (amount, currency, "a"), (-amount, currency, "b")]
    one, other = frames_since(truth_of(rows, 0), 1, EPOCH)
    assert (one.since, one.version, one.sources) == (1, 2, ("a",))
    assert (other.since, other.version, other.sources) == (2, 3, ("b",))
    assert (other.uni, other.ton) == (Decimal(1), 0)
    assert one.is_change
    assert other.is_change


@given(bookings, st.data())
def test_two_frames_merged_say_what_one_would_have_said(rows, data):
    """Coalescing loses no change and invents none."""
    middle = data.draw(st.integers(min_value=0, max_value=len(rows)))
    first = frames_since(truth_of(rows[:middle], 0), 0, EPOCH) if middle else ()
    second = frames_since(truth_of(rows, 0), middle, EPOCH) if middle < len(rows) else ()
    whole = frames_since(truth_of(rows, 0), 0, EPOCH)
    assume(len(whole) == 1)
    assert (reduce(merged, (*first, *second)),) == whole


def test_nothing_is_said_when_the_truth_is_not_newer():
    """The same version, or one that went back, is no frame."""
    truth = truth_of([("1", "UNI", "farming")], 0)
    assert frames_since(truth, 1, EPOCH) == ()
    assert frames_since(truth, 2, EPOCH) == ()


def test_page_that_has_just_read_the_balance_is_told_nothing():
    """Nobody knows what it shows, and nothing came in since."""
    assert frames_since(truth_of([("1.5", "UNI", "farming")], None), None, EPOCH) == ()


def test_correction_says_what_moves_on_the_page():
    """Its balance plus the change is the balance that there is; nothing came in."""
    truth = truth_of([("1.5", "UNI", "farming")], 0)
    frame = correction(truth, 1, (Decimal(4), Decimal(2)), EPOCH)
    assert (frame.uni, frame.change_uni, frame.change_ton) == (Decimal("1.5"), Decimal("-2.5"), -2)
    assert (frame.since, frame.version, frame.sources) == (1, 1, ())
