"""Every place that keeps the latch keeps it alike: file, database, Redis."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from app.adapters.latch_redis import KEY, RedisLatchStore
from app.adapters.latch_sql import SqlLatchStore
from app.models import KeptLatch
from flags.latch import MOST_EPOCH, Latch, LatchStore, LatchStoreError
from flags.latch_file import FileLatchStore
from tests.hosts.conftest import SECRET, Servers
from tests.patience import patient

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
        "sql": lambda: SqlLatchStore(servers.sql(), secret=lambda: SECRET),
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
    store.put(latch(MOST_EPOCH - 1, engaged=True))
    store.put(latch(MOST_EPOCH, engaged=False))
    assert store.read() == latch(MOST_EPOCH, engaged=False)


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
    assert time.monotonic() - began < patient(2)
    assert waiting.read() == latch(1, engaged=True)
    waiting.close()
    writing.close()


@pytest.mark.parametrize("name", ["sql", "redis"])
def test_a_latch_that_nobody_signed_is_not_believed_and_is_written_over(
    servers: Servers, name: str
) -> None:
    """Whoever reaches a server can let nobody go, however high the epoch that they claim."""

    def new(secret: bytes) -> LatchStore:
        if name == "sql":
            return SqlLatchStore(servers.sql(), secret=lambda: secret)
        return RedisLatchStore(servers.redis.url, secret=lambda: secret)

    store = new(SECRET)
    new(b"somebody else's").put(latch(2**39, engaged=False))
    with pytest.raises(LatchStoreError, match="another key's"):
        store.read()
    assert store.put(latch(1, engaged=True)).latch == latch(1, engaged=True)
    assert store.read() == latch(1, engaged=True)


@pytest.mark.parametrize("epoch", ["9000000000000000", "9e15", "-1", "nan", "x"])
def test_numbers_beside_what_is_signed_keep_no_rollback_out(servers: Servers, epoch: str) -> None:
    """Whoever reaches Redis puts an epoch before ours: ours is written all the same."""
    store = RedisLatchStore(servers.redis.url, secret=lambda: SECRET)
    store.put(latch(5, engaged=False))
    with servers.redis.client() as client:
        client.hset(KEY, mapping={"epoch": epoch, "engaged": "1"})
    assert store.put(latch(6, engaged=True)).latch == latch(6, engaged=True)
    assert store.read() == latch(6, engaged=True)
    with servers.redis.client() as client:
        client.delete(KEY)
        client.hset(KEY, mapping={"epoch": epoch, "engaged": "0", "sealed": ""})
    assert store.put(latch(7, engaged=True)).latch == store.read() == latch(7, engaged=True)


def test_numbers_in_the_row_beside_what_is_signed_keep_no_rollback_out(servers: Servers) -> None:
    """The same in the database."""
    store = SqlLatchStore(servers.sql(), secret=lambda: SECRET)
    store.put(latch(5, engaged=False))
    with servers.sql().transaction() as connection:
        connection.execute(update(KeptLatch).values(epoch=9 * 10**15, engaged=True))
    assert store.put(latch(6, engaged=True)).latch == store.read() == latch(6, engaged=True)


def test_something_else_under_the_key_is_said_and_written_over(servers: Servers) -> None:
    """A key of Redis of another type is no store that is empty."""
    store = RedisLatchStore(servers.redis.url, secret=lambda: SECRET)
    for garbage in (b"a string", b"x" * 100_000):
        with servers.redis.client() as client:
            client.delete(KEY)
            client.set(KEY, garbage)
        with pytest.raises(LatchStoreError):
            store.read()
        assert store.put(latch(3, engaged=True)).latch == store.read() == latch(3, engaged=True)
    with servers.redis.client() as client:
        client.hset(KEY, "sealed", b"\xff\x00")
    with pytest.raises(LatchStoreError, match="cannot be read"):
        store.read()


def test_an_older_latch_that_was_signed_is_brought_up_to_date(servers: Servers) -> None:
    """Sent again, it lets nobody go: who knows of a later one puts that back."""
    store = RedisLatchStore(servers.redis.url, secret=lambda: SECRET)
    store.put(latch(5, engaged=False))
    with servers.redis.client() as client:
        before = client.hget(KEY, "sealed")
        store.put(latch(6, engaged=True))
        client.hset(KEY, "sealed", before)
    assert store.put(latch(6, engaged=True)).latch == store.read() == latch(6, engaged=True)


def test_an_epoch_that_is_absurdly_high_is_refused_in_every_store(
    new_store: NewStore, tmp_path: Path
) -> None:
    """No number of changes leads there: whatever says so is mended by the next order."""
    store = new_store()
    with pytest.raises(LatchStoreError, match="up to 1099511627776"):
        store.put(latch(9 * 10**15, engaged=False))
        store.read()
    assert store.put(latch(1, engaged=True)).latch == store.read() == latch(1, engaged=True)


def test_a_key_that_cannot_be_read_is_said(servers: Servers) -> None:
    """The threads that look go on: the key may come back."""

    def no_key() -> bytes:
        raise PermissionError("no")

    for store in (
        RedisLatchStore(servers.redis.url, secret=no_key),
        SqlLatchStore(servers.sql(), secret=no_key),
    ):
        with pytest.raises(LatchStoreError, match="the key cannot be read: no"):
            store.put(latch(1, engaged=True))


def test_a_database_without_its_table_is_a_store_that_cannot_be_read(servers: Servers) -> None:
    """It is never taken for one in which nobody was rolled back."""
    sql = servers.sql()
    with sql.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE latch RENAME TO elsewhere")
    try:
        with pytest.raises(LatchStoreError, match="its tables were made"):
            SqlLatchStore(sql, secret=lambda: SECRET).read()
    finally:
        with sql.transaction() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO latch")
        sql.close()
