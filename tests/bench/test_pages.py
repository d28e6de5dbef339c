"""What browsers were shown is held against the database, from what a page showed when it opened."""

import json
from decimal import Decimal

from bench.kit.pages import Booking, Page, problems

BOOKINGS = [
    Booking(
        version, "UNI", Decimal(1), "farming", Decimal(version), Decimal(0), 100.0 + 10 * version
    )
    for version in (1, 2, 3)
]


def frame(since, version, change):
    """Return a frame that leads from one version to another."""
    return json.dumps(
        {
            "type": "balance_update",
            "userId": 7,
            "balanceData": {
                "balanceUni": version,
                "balanceTon": 0,
                "changes": {"uni": change, "ton": 0},
                "sources": ["farming"],
                "timestamp": "2026-01-01T00:00:00.000Z",
            },
            "version": version,
            "since": since,
        }
    )


def found(*frames, opened_at=115.0, closed=False):
    """Return the kinds of problems of one page."""
    page = Page(7, "a", recording=True)
    page.opened_at, page.closed = opened_at, closed
    page.heard = [(100.0 + 10 * json.loads(text)["version"], text) for text in frames]
    return set(problems([page], {7: BOOKINGS}))


def test_a_page_is_to_be_told_of_what_came_after_it_opened() -> None:
    """What it had is what its first frame says that it had: nothing that came later."""
    assert found(frame(1, 2, 1), frame(2, 3, 1)) == set()
    assert found(frame(1, 3, 2)) == set()
    assert found(opened_at=131.0) == set()
    assert found(frame(1, 2, 1), closed=True) == set()


def test_what_is_wrong_has_its_name() -> None:
    """A change that was not told, told twice, or is another."""
    untold = "a change that no page was told of"
    assert found() == {untold}
    assert found(frame(1, 2, 1)) == {untold}
    assert found(frame(2, 3, 1)) == {untold}
    assert found(frame(1, 3, 1)) == {"wrong changes"}
    assert "something older, or the same again" in found(frame(1, 3, 2), frame(2, 3, 1))
