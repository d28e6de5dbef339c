"""Booking from many threads and processes at once loses nothing and books nothing twice."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from functools import partial
from threading import Barrier

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.credits import Booked, Credit, IdempotencyKeyReusedError, InsufficientFundsError
from app.database import Database
from app.money import MILLIONTH
from tests.money.bookings import account, assert_books_balance, book_now, credit, make_users

THREADS = 4


def at_once(tasks: Iterable[Callable[[], list[Booked]]]) -> list[list[Booked]]:
    """Run the tasks in a thread each, all let go at the same moment."""
    tasks = list(tasks)
    barrier = Barrier(len(tasks))

    def run(task: Callable[[], list[Booked]]) -> list[Booked]:
        barrier.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def test_credits_from_threads_lose_nothing(database: Database) -> None:
    """Each of many threads books many credits: all of them are in the balance."""
    make_users(database, 7)

    def book_ten() -> list[Booked]:
        return [book_now(database, credit(7, MILLIONTH))[0] for _ in range(10)]

    results = at_once([book_ten] * THREADS)
    versions = sorted(booked.version for result in results for booked in result)
    assert versions == list(range(1, 10 * THREADS + 1))
    assert account(database, 7).uni == 10 * THREADS * MILLIONTH
    assert_books_balance(database, 7)


def test_the_same_key_from_threads_books_once(database: Database) -> None:
    """Of many threads that book the same credit, one does; the others get its booking."""
    make_users(database, 7)
    for _ in range(5):
        asked = credit(7, 1)
        results = at_once([partial(book_now, database, asked)] * THREADS)
        assert sorted(booked.duplicate for [booked] in results) == [False] + [True] * (THREADS - 1)
        assert len({booked.version for [booked] in results}) == 1
    assert account(database, 7).uni == 5
    assert_books_balance(database, 7)


def test_the_same_key_for_two_users_at_once_is_refused_for_one(database: Database) -> None:
    """Two users cannot both be booked under one key, not even at the same moment."""
    make_users(database, 7, 8)

    def attempt(asked: Credit) -> list[Booked]:
        with suppress(IdempotencyKeyReusedError):
            return book_now(database, asked)
        return []

    for number in range(5):
        asked = [credit(user, 1, idempotency_key=f"one:{number}") for user in (7, 8)]
        results = at_once([partial(attempt, one) for one in asked])
        assert sorted(map(len, results)) == [0, 1]
    assert account(database, 7).uni + account(database, 8).uni == 5
    assert_books_balance(database, 7)
    assert_books_balance(database, 8)


def test_debits_at_once_never_go_below_zero(database: Database) -> None:
    """Of many debits that each need the whole balance, one is booked."""
    make_users(database, 7)
    book_now(database, credit(7, 1))

    def debit() -> list[Booked]:
        with suppress(InsufficientFundsError):
            return book_now(database, credit(7, -1))
        return []

    assert sorted(map(len, at_once([debit] * THREADS))) == [0] * (THREADS - 1) + [1]
    assert account(database, 7).uni == 0


def test_batches_over_the_same_users_in_opposite_order_both_succeed(database: Database) -> None:
    """Two batches never wait for each other crosswise."""
    users = range(1, 21)
    make_users(database, *users)
    for _ in range(3):
        batch = [credit(user, 1) for user in users]
        back = [credit(user, 1) for user in reversed(users)]
        at_once([partial(book_now, database, *batch), partial(book_now, database, *back)])
    assert {account(database, user).uni for user in users} == {Decimal(6)}


def test_credits_from_processes_lose_nothing(database: Database, database_url: str) -> None:
    """Processes that share half of their keys book each key once, and all of their own."""
    make_users(database, 7)
    command = [sys.executable, "-m", "tests.money.credit_process", database_url, "7", "15"]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=240) for process in processes] == [0, 0, 0]
    found = account(database, 7)
    assert (found.uni, found.ton) == (15 * MILLIONTH, 45 * MILLIONTH)
    assert_books_balance(database, 7)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    plan=st.lists(
        st.lists(
            st.tuples(
                st.sampled_from([1, 2, 3]),
                st.decimals("0.000001", "1000", places=6),
                st.integers(0, 6),
            ),
            max_size=6,
        ),
        min_size=2,
        max_size=THREADS,
    )
)
def test_any_threads_with_any_keys_book_each_key_once(
    database: Database, plan: list[list[tuple[int, Decimal, int]]]
) -> None:
    """Whatever threads ask, each key is booked once, for the user and amount of one that asked."""
    make_users(database, 1, 2, 3)
    before = {user: account(database, user) for user in (1, 2, 3)}
    prefix = f"plan:{sum(one.version for one in before.values())}"

    def run(steps: list[tuple[int, Decimal, int]]) -> list[Booked]:
        done = []
        for user, amount, number in steps:
            asked = credit(user, amount, idempotency_key=f"{prefix}:{number}")
            with suppress(IdempotencyKeyReusedError):
                done += book_now(database, asked)
        return done

    results = at_once([partial(run, steps) for steps in plan])
    booked = [one for result in results for one in result if not one.duplicate]
    asked_keys = {f"{prefix}:{number}" for steps in plan for _, _, number in steps}
    assert sorted(one.idempotency_key for one in booked) == sorted(asked_keys)
    for user in (1, 2, 3):
        mine = [one.amount for one in booked if one.user_id == user]
        after = account(database, user)
        assert after.uni == before[user].uni + sum(mine)
        assert after.version == before[user].version + len(mine)
        assert_books_balance(database, user)
