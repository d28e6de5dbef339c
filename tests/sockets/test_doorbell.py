"""How balance frames keep their distance on real sockets."""

import time

import pytest

DISTANCE_S = 0.4


@pytest.fixture
def spaced(serve):
    """Return a server whose balance frames keep a distance."""
    with serve(distance_s=DISTANCE_S) as server:
        yield server


def heard_at(client):
    """Return the next balance and when it came."""
    update = client.hear("balance_update")
    return update, time.monotonic()


def test_frames_to_a_page_keep_their_distance_and_lack_nothing(spaced):
    """The first one comes at once; what is booked in the pause comes together, after it."""
    with spaced.client() as client:
        spaced.truth.open_account(74)
        client.subscribe(74)
        spaced.book(74, "1")
        first, at = heard_at(client)
        for _ in range(3):
            spaced.book(74, "2")
        second, later = heard_at(client)
        assert later - at >= DISTANCE_S - 0.01
        assert (second["since"], second["version"]) == (first["version"], 4)
        assert second["balanceData"]["changes"]["uni"] == 6


def test_whoever_leaves_says_first_what_keeps_its_distance(spaced):
    """A page that is told to come back knows all that there was to say."""
    with spaced.client() as client:
        spaced.truth.open_account(74)
        client.subscribe(74)
        spaced.book(74, "1")
        client.hear("balance_update")
        spaced.book(74, "2")
        (connection,) = spaced.service.connections_of(74)
        spaced.service.flush_pending_updates()
        spaced.sockets.leave()
        assert client.hear("balance_update")["version"] == 2
        assert connection.closing.code == 1012


def test_user_who_is_lost_is_told_everything_first(spaced):
    """A rollback waits for no distance, and withdraws nothing that could leave."""
    with spaced.client() as client:
        spaced.truth.open_account(74)
        client.subscribe(74)
        spaced.book(74, "1")
        client.hear("balance_update")
        spaced.book(74, "2")
        spaced.unserved.add(74)
        spaced.service.relinquish(lambda user_id: user_id == 74, read_timeout=5)
        (connection,) = spaced.service.connections_of(74)
        assert (connection.base_version, connection.waiting) == (2, 0)
        assert client.hear("balance_update")["version"] == 2
