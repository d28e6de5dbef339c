"""Every place that keeps the latch keeps it alike: file, database, Redis."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.adapters.latch_redis import KEY, RedisLatchStore
from app.adapters.latch_sql import SqlLatchStore
from flags.latch import Latch, LatchStore, LatchStoreError
from flags.latch_file import FileLatchStore
from tests.hosts.conftest import SECRET, Servers

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

NewStore = Callable[[], LatchStore]


def latch(epoch: int, *, engaged: bool, why: str = "because") -> Latch:
    """Return a latch of the given rank."""
    return Latch(epoch, engaged, "ann", datetime(2000, 1, 1, tzinfo=UTC), why)


@pytest.fixture(params=["file", "sql", "redis"])
def new_store(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> NewStore:
    """Return what builds a store as each process has one, all on the same content."""
    return {
        "file": lambda: FileLatchStore(tmp_path / "latch.json"),
        "sql": lambda: SqlLatchStore(servers.sql()),
        "redis": lambda: RedisLatchStore(servers.redis.url, secret=lambda: SECRET),
    }[request.param]


@pytest.fixture
def store(new_store: NewStore) -> LatchStore:
    """Return an empty store."""
    return new_store()


def test_an_empty_store_says_nothing(store: LatchStore) -> None:
    """Nobody was ever rolled back, and nobody was ever told to go on."""
    assert store.read() is None


def test_what_is_put_comes_back_in_another_process(store: LatchStore, new_store: NewStore) -> None:
    """Whatever people type, and with the time to the microsecond."""
    put = latch(7, engaged=True, why="nul \0, quotes \"', \u2603 and a lone \udcff")
    assert store.put(put).latch == put
    assert new_store().read() == put


def test_the_higher_rank_is_kept(store: LatchStore) -> None:
    """A lower epoch changes nothing, an equal one only if it engages, a higher one always."""
    store.put(latch(5, engaged=False))
    assert store.put(latch(4, engaged=True)).latch == latch(5, engaged=False)
    assert store.put(latch(5, engaged=True)).latch == latch(5, engaged=True)
    assert store.put(latch(5, engaged=False)).latch == latch(5, engaged=True)
    assert store.put(latch(5, engaged=True, why="later")).latch == latch(5, engaged=True)
    assert store.put(latch(6, engaged=False)).latch == store.read() == latch(6, engaged=False)


def test_epochs_of_seconds_are_compared_exactly(store: LatchStore) -> None:
    """They are far above those that were counted by ones."""
    store.put(latch(2**53 - 2, engaged=True))
    store.put(latch(2**53 - 1, engaged=False))
    assert store.read() == latch(2**53 - 1, engaged=False)


def test_of_writers_at_once_the_highest_wins(new_store: NewStore) -> None:
    """Eight threads with stores of their own, in any order: nothing higher is overwritten."""
    stores = [new_store() for _ in range(8)]

    def write(number: int) -> None:
        for epoch in range(number, 80, 8):
            stores[number].put(latch(epoch, engaged=epoch % 2 == 0))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert new_store().read() == latch(79, engaged=False)


def test_an_announcement_ends_the_wait(servers: Servers) -> None:
    """Whoever waits on Redis hears of a put at once, and not only at its next look."""
    waiting, writing = servers.latch_stores()[0], servers.latch_stores()[0]
    stopping = threading.Event()
    waiting.wait(stopping, seconds=5)  # the subscription has begun
    threading.Timer(0.1, lambda: writing.put(latch(1, engaged=True))).start()
    began = time.monotonic()
    waiting.wait(stopping, seconds=5)
    assert time.monotonic() - began < 2
    assert waiting.read() == latch(1, engaged=True)
    waiting.close()
    writing.close()


def test_a_latch_that_nobody_signed_is_not_believed_and_is_written_over(servers: Servers) -> None:
    """Whoever reaches Redis can let nobody go, however high the epoch that they claim."""
    store = RedisLatchStore(servers.redis.url, secret=lambda: SECRET)
    stranger = RedisLatchStore(servers.redis.url, secret=lambda: b"somebody else's")
    stranger.put(latch(2**52, engaged=False))
    with pytest.raises(LatchStoreError, match="another key's"):
        store.read()
    assert store.put(latch(1, engaged=True)).latch == latch(1, engaged=True)
    assert store.read() == latch(1, engaged=True)
    with servers.redis.client() as client:
        client.hset(KEY, "sealed", b"\xff\x00")
    with pytest.raises(LatchStoreError, match="cannot be read"):
        store.read()


def test_a_database_without_its_table_is_a_store_that_cannot_be_read(servers: Servers) -> None:
    """It is never taken for one in which nobody was rolled back."""
    sql = servers.sql()
    with sql.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE latch RENAME TO elsewhere")
    try:
        with pytest.raises(LatchStoreError, match="its tables were made"):
            SqlLatchStore(sql).read()
    finally:
        with sql.transaction() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO latch")
        sql.close()
