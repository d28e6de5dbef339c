"""Whatever strangers do to the servers, and wherever an order is given: confirmed is true."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flags.places import Place
from flags.workers import SILENCE_LIMIT_S
from tests.hosts.model import FORGED, Follower, Server, World, time_passes

A, B = Place("a", "boot a", "pid:[1]"), Place("b", "boot b", "pid:[1]")
CONTAINER = Place("a", "boot a", "pid:[2]")
"""Shares the folder of `A`, and sees none of its processes."""
PLACES = (A, B, CONTAINER)
HOW = st.sampled_from(["delete", "stamp", "forge", "repeat"])
NAMES = st.sampled_from([("redis", "sql"), ("redis",), ("sql",)])


class ConfirmedIsTrue(RuleBasedStateMachine):
    """A worker at each of three places. Strangers cannot sign: they keep, delete, send again."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.silent = 0.0

    @initialize()
    def start(self) -> None:
        """Begin with a worker everywhere."""
        for place in PLACES:
            self.world.fork(place, Follower)

    @rule(place=st.sampled_from(PLACES))
    def roll_back(self, place: Place) -> None:
        """Give the order there, and believe what it says."""
        with time_passes(self.world):
            self.world.kill(place)

    @rule(place=st.sampled_from(PLACES))
    def resume(self, place: Place) -> None:
        """Let go, which every running worker follows."""
        with time_passes(self.world):
            self.world.release(place.host)
        self.live(0.0)

    @rule(data=st.data())
    def stop(self, data: Any) -> None:
        """Stop a worker for longer than a heartbeat lasts."""
        data.draw(st.sampled_from(self.world.workers)).stopped = True
        self.live(3.0)

    @rule(data=st.data())
    def go_on(self, data: Any) -> None:
        """Let a worker go on."""
        data.draw(st.sampled_from(self.world.workers)).stopped = False
        self.live(0.0)

    @rule(data=st.data(), with_a_word=st.booleans())
    def end_and_fork(self, data: Any, with_a_word: bool) -> None:
        """End a worker; its host starts another one."""
        worker = data.draw(st.sampled_from(self.world.workers))
        with time_passes(self.world):
            self.world.end(worker, with_a_word=with_a_word and not worker.stopped)
            self.world.fork(worker.place, Follower)

    @rule(seconds=st.sampled_from([3.0, 60.0, 1000.0]))
    def live(self, seconds: float) -> None:
        """Let time pass in which the running workers do what they always do.

        Who has been stopped for an hour is taken for lost: within that time it goes on here.
        """
        if seconds > 3 and len(self.world.running) < len(self.world.workers):
            self.silent += seconds
            seconds = 3.0 if self.silent > SILENCE_LIMIT_S - 200 else seconds
        with time_passes(self.world):
            self.world.live(seconds)

    @rule(names=NAMES, data=st.data(), how=HOW)
    def tamper_with_the_workers(self, names: tuple[str, ...], data: Any, how: str) -> None:
        """Delete all records, give them another age or none of our signatures, repeat old ones."""
        stamp = self.world.now - data.draw(st.sampled_from([0.0, 3.0, 61.0, 4000.0, 9000.0]))
        for name in names:
            server: Server = getattr(self.world, name)
            if how == "delete":
                server.rows.clear()
            elif how == "repeat":
                for word in data.draw(st.lists(st.sampled_from(server.words), max_size=3)):
                    server.rows[word.id] = (word, stamp)
            else:
                for id_, (row, _) in list(server.rows.items()):
                    server.rows[id_] = (FORGED if how == "forge" else row, stamp)

    @rule(data=st.data(), how=HOW, place=st.sampled_from(PLACES), rested=st.booleans())
    def roll_back_under_attack(self, data: Any, how: str, place: Place, rested: bool) -> None:
        """Change what is known of a worker that hangs, and give the order then."""
        self.resume(place)
        self.stop(data)
        self.tamper_with_the_workers(("redis", "sql"), data, how)
        if rested:
            self.live(3.0)
            self.tamper_with_the_workers(("redis", "sql"), data, how)
        self.roll_back(place)
        self.confirmed_is_true()

    @rule(names=NAMES, data=st.data())
    def tamper_with_the_latch(self, names: tuple[str, ...], data: Any) -> None:
        """Delete it, put an older one back, or one that nobody signed."""
        for name in names:
            server: Server = getattr(self.world, name)
            server.content = data.draw(st.sampled_from([None, FORGED, *server.latches[-5:]]))

    @invariant()
    def confirmed_is_true(self) -> None:
        """When an order said that all have confirmed, everybody is on legacy who lives."""
        if self.world.acknowledged:
            assert all(worker.migration.latch.engaged for worker in self.world.workers)

    def teardown(self) -> None:
        """Remove the files."""
        self.world.close()


TestConfirmedIsTrue = ConfirmedIsTrue.TestCase
TestConfirmedIsTrue.settings = settings(
    max_examples=60,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
