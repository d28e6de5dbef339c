"""What is remembered of pages whose socket ended, and for how long."""

from app.notifications.departed import BACK_WITHIN_S, MOST_PAGES, Departed
from shim.shadow.clock import VirtualClock


def test_the_page_that_showed_the_oldest_version_is_back_first():
    """Of several pages none may lack anything."""
    departed = Departed(monotonic=VirtualClock().monotonic)
    for version in (5, 3, 4):
        departed.add(7, version)
    assert departed.take({7: 2, 8: 1}) == {7: [3, 4]}
    assert [departed.take({7: 1}) for _ in range(2)] == [{7: [5]}, {}]


def test_whoever_stays_away_is_forgotten():
    """Whoever comes later has been opened anew, and has read the balance."""
    clock = VirtualClock()
    departed = Departed(monotonic=clock.monotonic)
    departed.add(7, 3)
    clock.advance(BACK_WITHIN_S)
    assert departed.take({7: 1}) == {}


def test_memory_is_bounded_by_users_and_by_pages_of_a_user():
    """The oldest are forgotten first."""
    departed = Departed(monotonic=VirtualClock().monotonic, most=10)
    for user_id in range(100):
        departed.add(user_id, 1)
    assert departed.take({89: 1, 90: 1}) == {90: [1]}
    for version in range(10 * MOST_PAGES):
        departed.add(7, version)
    assert departed.take({7: 1}) == {7: [9 * MOST_PAGES]}
