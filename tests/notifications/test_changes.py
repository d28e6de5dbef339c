"""What a connection is shown follows from the truth and from what it was shown before."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.notifications.changes import frame_since, merged
from tests.notifications.doubles import EPOCH, MemoryTruth

amounts = st.decimals(min_value=-1000, max_value=1000, places=6)
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


@given(bookings, st.data())
def test_changes_are_those_between_two_versions(rows, data):
    """Balance before plus changes is balance after, exactly, for any two versions."""
    since = data.draw(st.integers(min_value=0, max_value=len(rows) - 1))
    frame = frame_since(truth_of(rows, 0), since, EPOCH)
    before = truth_of(rows[:since], 0) if since else None
    assert frame.uni == (before.uni if before else 0) + frame.change_uni
    assert frame.ton == (before.ton if before else 0) + frame.change_ton
    assert frame.sources == tuple(dict.fromkeys(source for _, _, source in rows[since:]))


@given(bookings, st.data())
def test_two_frames_merged_say_what_one_would_have_said(rows, data):
    """Coalescing loses no change and invents none."""
    middle = data.draw(st.integers(min_value=0, max_value=len(rows)))
    first = frame_since(truth_of(rows[:middle], 0), 0, EPOCH) if middle else None
    second = frame_since(truth_of(rows, 0), middle, EPOCH) if middle < len(rows) else None
    whole = frame_since(truth_of(rows, 0), 0, EPOCH)
    assert (merged(first, second) if first and second else first or second) == whole


def test_nothing_is_said_when_the_truth_is_not_newer():
    """The same version, or one that went back, is no frame."""
    truth = truth_of([("1", "UNI", "farming")], 0)
    assert frame_since(truth, 1, EPOCH) is None
    assert frame_since(truth, 2, EPOCH) is None


def test_connection_that_was_shown_nothing_gets_the_balance_without_a_change():
    """The present balance is no news of an income."""
    frame = frame_since(truth_of([("1.5", "UNI", "farming")], None), None, EPOCH)
    assert (frame.uni, frame.change_uni, frame.sources) == (Decimal("1.5"), 0, ())
    assert (frame.since, frame.version) == (None, 1)
