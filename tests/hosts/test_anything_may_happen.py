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
from tests.hosts.model import USERS, Server, Worker, World, time_passes

HOSTS = ("a", "b")
SAMPLE = range(1, 120)


class AnythingMayHappen(RuleBasedStateMachine):
    """Two hosts that always have a worker, a third one that comes and goes, and three servers."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.served: dict[int, frozenset[int]] = {}

    @initialize()
    def start(self) -> None:
        """Begin with a worker on each of two hosts."""
        for host in HOSTS:
            self.world.workers.append(Worker(self.world, host))

    @rule(percent=st.sampled_from([0, 1, 10, 50, 100]))
    def set_percentage(self, percent: int) -> None:
        """Turn the flag on the flag server."""
        with time_passes(self.world):
            revision, _ = self.world.unleash.content
            self.world.unleash.content = (revision + 1, percent)

    @rule(host=st.sampled_from(HOSTS))
    def kill(self, host: str) -> None:
        """Roll back, as an operator, the guard or a file does."""
        with time_passes(self.world):
            self.world.kill(host)

    @rule(host=st.sampled_from(HOSTS))
    def release(self, host: str) -> None:
        """Let go of the kill switch."""
        with time_passes(self.world):
            self.world.release(host)

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
            for worker in self.world.workers:
                worker.switch.poll()
                worker.look()

    @rule(data=st.data(), far=st.booleans())
    def turn(self, data: Any, far: bool) -> None:
        """Have a worker look at its files, and perhaps at its servers first."""
        with time_passes(self.world):
            worker = data.draw(st.sampled_from(self.world.workers))
            if far:
                worker.look()
            worker.control.turn()

    @rule(data=st.data())
    def die_and_fork(self, data: Any) -> None:
        """End a worker without a word; its host starts another one."""
        with time_passes(self.world):
            worker = data.draw(st.sampled_from(self.world.workers))
            self.world.workers.remove(worker)
            self.world.workers.append(Worker(self.world, worker.host))

    @precondition(lambda self: len(self.world.workers) < 4)
    @rule(host=st.sampled_from([*HOSTS, "c"]))
    def fork(self, host: str) -> None:
        """One more worker starts, perhaps on a host that was not there before."""
        with time_passes(self.world):
            self.world.workers.append(Worker(self.world, host))

    @rule(data=st.data(), user=st.sampled_from(USERS))
    def book(self, data: Any, user: int) -> None:
        """Book a reward, and tell whoever serves the user."""
        with time_passes(self.world):
            self.world.book(data.draw(st.sampled_from(self.world.workers)), user)

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
        if not self.world.workers:
            return
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
