"""Flags of a server while what this worker writes down for others takes for ever."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flags.decision import CANONICAL_FLAG
from flags.feed import Inbox
from flags.kept import KeptBody
from flags.targets import FileTargets, Standing
from flags.unleash_provider import STALE_AFTER_S, UnleashProvider
from tests.flags.bodies import good_body
from tests.flags.fake_unleash import eventually


class Hanging:
    """Something that is waited for until the test lets go."""

    def __init__(self) -> None:
        self.hangs = False
        self.reached = threading.Event()
        self.let_go = threading.Event()

    def pass_through(self) -> None:
        """Go on at once, or hang."""
        if self.hangs:
            self.reached.set()
            assert self.let_go.wait(60)


class SlowTargets(FileTargets):
    """Targets whose reading or writing hangs."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reading, self.writing = Hanging(), Hanging()

    def read(self, flag: str) -> Standing:
        """Read, once that is possible."""
        self.reading.pass_through()
        return super().read(flag)

    def confirm(self, *arguments: object, **named: object) -> None:
        """Write, once that is possible."""
        self.writing.pass_through()
        super().confirm(*arguments, **named)  # type: ignore[arg-type]


class SlowDisk(KeptBody):
    """A kept body whose writing hangs."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.writing = Hanging()

    def write(self, text: str) -> None:
        """Write, once that is possible."""
        self.writing.pass_through()
        super().write(text)


class Answers:
    """A feed whose answers are given by hand, each on a thread, as of a server."""

    def __init__(self) -> None:
        self._inbox: Inbox | None = None
        self._threads: list[threading.Thread] = []

    def start(self, inbox: Inbox) -> None:
        """Answer with 1 %."""
        self._inbox = inbox
        inbox.take_body(good_body(canonical=1, revision=10))

    def answer(self, percentage: int, revision: int) -> None:
        """Answer, and wait for nothing."""
        assert self._inbox is not None
        body = good_body(canonical=percentage, revision=revision)
        self._threads.append(threading.Thread(target=self._inbox.take_body, args=(body,)))
        self._threads[-1].start()

    def stop(self) -> None:
        """Wait for every answer that was given."""
        for thread in self._threads:
            thread.join(60)

    def ask_once(self, inbox: Inbox) -> None:
        """Do nothing: the provider is started."""

    def hurry(self, revision: int = 0) -> None:
        """Do nothing: answers are given by hand."""


class Bench:
    """A provider at 1 %, its stores, and a clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.targets = SlowTargets(folder / "targets.json")
        self.disk = SlowDisk(folder / "unleash.json")
        self.server = Answers()
        self.provider = UnleashProvider(
            self.server, targets=self.targets, kept=self.disk, monotonic=lambda: self.now
        )
        self.provider.start()
        self.hanging = {
            "targets read": self.targets.reading,
            "targets write": self.targets.writing,
            "disk": self.disk.writing,
        }

    def percentage(self) -> int:
        """Look, and return the percentage in use."""
        self.provider.poll()
        definition = self.provider.state.definition(CANONICAL_FLAG)
        return 0 if definition is None else definition.percentage


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Yield a started provider; whatever hangs is let go."""
    bench = Bench(tmp_path)
    yield bench
    for hanging in bench.hanging.values():
        hanging.let_go.set()
    bench.provider.stop()


@pytest.mark.parametrize("what", ["targets write", "disk"])
def test_a_change_is_followed_before_it_is_written_down(bench: Bench, what: str) -> None:
    """Neither the others' store nor the own disk keeps a change from its worker."""
    bench.hanging[what].hangs = True
    bench.server.answer(5, revision=11)
    eventually(lambda: bench.percentage() == 5)
    assert bench.hanging[what].reached.wait(60)
    assert not bench.hanging[what].let_go.is_set()


def test_the_way_down_to_nobody_asks_no_store(bench: Bench) -> None:
    """0 % is followed although it cannot be found out what the others know."""
    bench.targets.reading.hangs = True
    bench.server.answer(0, revision=11)
    eventually(lambda: bench.percentage() == 0)
    assert not bench.targets.reading.reached.is_set()


@pytest.mark.parametrize("what", ["targets read", "targets write", "disk"])
def test_a_store_that_hangs_never_holds_up_who_looks(bench: Bench, what: str) -> None:
    """The thread that looks follows the kill switch as well: it waits for no store."""
    bench.hanging[what].hangs = True
    bench.server.answer(5, revision=11)
    assert bench.hanging[what].reached.wait(60)
    bench.now += STALE_AFTER_S + 1
    looking = threading.Thread(target=bench.provider.poll)
    looking.start()
    looking.join(60)
    assert not looking.is_alive()
    assert bench.provider.state.stale
