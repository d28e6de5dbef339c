"""Whatever operators, servers and workers do, and in whatever order, a few things always hold."""

import itertools
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from flags.decision import CANONICAL_FLAG
from flags.places import Place
from tests.hosts.model import FORGED, USERS, Server, World, time_passes

A, B = Place("a", "boot a", "pid:[1]"), Place("b", "boot b", "pid:[1]")
CONTAINER = Place("a", "boot a", "pid:[2]")
"""Shares the folder of `A`, and sees none of its processes."""
C = Place("c", "boot c", "pid:[1]")
SAMPLE = range(1, 120)


class AnythingMayHappen(RuleBasedStateMachine):
    """Two hosts that always have a worker, one that comes and goes, a container, three servers.

    Strangers reach the servers: they cannot sign, and can keep, delete and send again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.served: dict[int, frozenset[int]] = {}

    @initialize()
    def start(self) -> None:
        """Begin with a worker on each of two hosts."""
        for place in (A, B):
            self.world.fork(place)

    @rule(percent=st.sampled_from([0, 1, 10, 50, 100]))
    def set_percentage(self, percent: int) -> None:
        """Turn the flag on the flag server."""
        with time_passes(self.world):
            revision, _ = self.world.unleash.content
            self.world.unleash.content = (revision + 1, percent)

    @rule(place=st.sampled_from([A, B, CONTAINER]))
    def kill(self, place: Place) -> None:
        """Roll back, as an operator, the guard or a file does."""
        with time_passes(self.world):
            self.world.kill(place)

    @rule(place=st.sampled_from([A, B]))
    def release(self, place: Place) -> None:
        """Let go of the kill switch."""
        with time_passes(self.world):
            self.world.release(place.host)

    @rule(data=st.data())
    def stop_or_go_on(self, data: Any) -> None:
        """Stop a worker, or let a stopped one go on: it does not look before it serves."""
        with time_passes(self.world):
            worker = data.draw(st.sampled_from(self.world.workers))
            worker.stopped = not worker.stopped

    @rule(seconds=st.sampled_from([3.0, 60.0, 1000.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass in which the running workers do what they always do."""
        with time_passes(self.world):
            self.world.live(seconds)

    @rule(name=st.sampled_from(["redis", "sql"]), data=st.data())
    def tamper_with_the_latch(self, name: str, data: Any) -> None:
        """Delete it, put an older one back, or one that nobody signed."""
        with time_passes(self.world):
            server: Server = getattr(self.world, name)
            server.content = data.draw(st.sampled_from([None, FORGED, *server.latches[-5:]]))

    @rule(names=st.sampled_from([["redis"], ["sql"], ["redis", "sql"]]), data=st.data())
    def tamper_with_the_workers(self, names: list[str], data: Any) -> None:
        """Delete all records, or send one again, or one that nobody signed, with any stamp."""
        with time_passes(self.world):
            for name in names:
                server: Server = getattr(self.world, name)
                if data.draw(st.booleans()) or not server.words:
                    server.rows.clear()
                    continue
                word = data.draw(st.sampled_from(server.words[-20:]))
                row = data.draw(st.sampled_from([word, FORGED]))
                age = data.draw(st.sampled_from([0.0, 3.0, 61.0, 4000.0, 9000.0]))
                server.rows[word.id] = (row, self.world.now - age)

    @rule(name=st.sampled_from(["redis", "sql", "unleash"]))
    def lose(self, name: str) -> None:
        """Take a server away."""
        with time_passes(self.world):
            getattr(self.world, name).there = False

    @rule(name=st.sampled_from(["redis", "sql", "unleash"]), empty=st.booleans())
    def bring_back(self, name: str, empty: bool) -> None:
        """Bring a server back, Redis perhaps with nothing in it; workers look at it again."""
        with time_passes(self.world):
            server: Server = getattr(self.world, name)
            server.there = True
            if empty and name == "redis":
                server.content = None
                server.rows.clear()
            for worker in self.world.running:
                worker.switch.poll()
                worker.look()

    @rule(data=st.data(), far=st.booleans())
    def turn(self, data: Any, far: bool) -> None:
        """Have a worker look at its files, and perhaps at its servers first."""
        with time_passes(self.world):
            worker = data.draw(st.sampled_from(self.world.workers))
            worker.stopped = False
            if far:
                worker.look()
            worker.control.turn()

    @rule(data=st.data(), with_a_word=st.booleans())
    def end_and_fork(self, data: Any, with_a_word: bool) -> None:
        """End a worker, perhaps without a word; its host starts another one."""
        with time_passes(self.world):
            worker = data.draw(st.sampled_from(self.world.workers))
            self.world.end(worker, with_a_word=with_a_word and not worker.stopped)
            self.world.fork(worker.place)

    @precondition(lambda self: len(self.world.workers) < 4)
    @rule(place=st.sampled_from([A, B, C, CONTAINER]))
    def fork(self, place: Place) -> None:
        """One more worker starts, perhaps on a host or in a container that was not there before."""
        with time_passes(self.world):
            self.world.fork(place)

    @rule(data=st.data(), user=st.sampled_from(USERS))
    def book(self, data: Any, user: int) -> None:
        """Book a reward, and tell whoever serves the user."""
        with time_passes(self.world):
            worker = data.draw(st.sampled_from(self.world.workers))
            worker.stopped = False
            self.world.book(worker, user)

    @invariant()
    def killed_means_killed(self) -> None:
        """After the acknowledgement the canonical serves nobody, on any worker."""
        assert self.world.violations == 0
        if self.world.acknowledged:
            assert not any(w.serves(user) for w in self.world.workers for user in USERS)

    @invariant()
    def the_side_follows_from_id_percentage_and_flag(self) -> None:
        """Workers with the same percentage serve the same users, and a higher one keeps them."""
        for worker in self.world.workers:
            table = worker.harness.migration.table
            flag = table.flags.definition(CANONICAL_FLAG)
            if flag is None or table.latch.engaged:
                continue
            served = frozenset(filter(worker.serves, SAMPLE))
            assert served == self.served.setdefault(flag.percentage, served)
        ordered = [self.served[percent] for percent in sorted(self.served)]
        assert all(fewer <= more for fewer, more in itertools.pairwise(ordered))

    @invariant()
    def nothing_is_shown_twice_and_nothing_older_after_newer(self) -> None:
        """Versions on a connection only grow."""
        for worker in self.world.workers:
            for page in worker.pages.values():
                assert page.versions == sorted(set(page.versions))

    def teardown(self) -> None:
        """After quiet all agree, and the last balance is on each page that the canonical serves."""
        if self.world.workers:
            self.come_to_rest()
        self.world.close()

    def come_to_rest(self) -> None:
        """Bring everything back, and see what holds then."""
        self.world.quiet()
        first = self.world.workers[0]
        for worker in self.world.workers:
            assert worker.switch.latch == first.switch.latch
            assert worker.provider.state.digest == first.provider.state.digest
            for user, page in worker.pages.items():
                booked = len(self.world.booked[user])
                if worker.serves(user) and booked:
                    assert page.base_version == booked
        stores = [self.world.redis, self.world.sql, *self.world.files.values()]
        held = {store.content for store in stores if store.content is not None}
        assert held == {first.switch.latch}
        self.killed_means_killed()
        self.nothing_is_shown_twice_and_nothing_older_after_newer()


TestAnythingMayHappen = AnythingMayHappen.TestCase
TestAnythingMayHappen.settings = settings(
    max_examples=25,
    stateful_step_count=35,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
