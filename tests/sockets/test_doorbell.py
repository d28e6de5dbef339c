"""How balance frames keep their distance on real sockets."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.sockets.conftest import Client, Server

DISTANCE_S = 0.4


@pytest.fixture
def spaced(serve: Callable[..., AbstractContextManager[Server]]) -> Iterator[Server]:
    """Return a server whose balance frames keep a distance."""
    with serve(distance_s=DISTANCE_S) as server:
        yield server


@pytest.fixture
def told(spaced: Server) -> Iterator[Client]:
    """Open a page that was told of one booking just now, and is owed another."""
    with spaced.client() as client:
        spaced.truth.open_account(74)
        client.subscribe(74)
        spaced.book(74, "1")
        client.hear("balance_update")
        spaced.book(74, "2")
        yield client


def heard_at(client: Client) -> tuple[dict[str, Any], float]:
    """Return the next balance and when it came."""
    update = client.hear("balance_update")
    return update, time.monotonic()


def test_frames_to_a_page_keep_their_distance_and_lack_nothing(spaced: Server) -> None:
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


def test_whoever_leaves_says_first_what_keeps_its_distance(spaced: Server, told: Client) -> None:
    """A page that is told to come back knows all that there was to say."""
    (connection,) = spaced.service.connections_of(74)
    spaced.service.flush_pending_updates()
    spaced.sockets.leave()
    assert told.hear("balance_update")["version"] == 2
    assert connection.closing.code == 1012


def test_user_who_is_lost_is_told_everything_first(spaced: Server, told: Client) -> None:
    """A rollback waits for no distance, and withdraws nothing that could leave."""
    spaced.unserved.add(74)
    spaced.service.relinquish(lambda user_id: user_id == 74, read_timeout=5)
    (connection,) = spaced.service.connections_of(74)
    assert (connection.base_version, connection.waiting) == (2, 0)
    assert told.hear("balance_update")["version"] == 2
