"""What every source of flags keeps, whatever it is: one contract, run over each of them.

A new provider joins by a `Source` of its own in `SOURCES`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from flags.decision import CANONICAL_FLAG, SHADOW_FLAG, FlagContext, Reason
from flags.definition import FlagDefinition
from flags.embedded import EmbeddedProvider
from flags.kept import KeptBody
from flags.latch import NEVER_ENGAGED
from flags.provider import FlagProvider, StaticProvider
from flags.stage import Stage, stage_of
from flags.targets import FileTargets
from flags.unleash import Address
from flags.unleash_feed import UnleashFeed
from flags.unleash_provider import UnleashProvider
from tests.flags.bodies import good_body
from tests.flags.fake_unleash import TOKEN, FakeUnleash, eventually, html


class Source(Protocol):
    """A provider together with the means to change, spoil and mend what it reads."""

    provider: FlagProvider

    def write(self, *, canonical: int, shadow: int, revision: int) -> None:
        """Set both percentages in the source, as its revision."""

    def spoil(self) -> bool:
        """Make the source unusable; return False if that cannot happen to it."""

    def close(self) -> None:
        """End what the source runs."""


class StaticSource:
    """Flags in code cannot be spoiled."""

    def __init__(self, _: Path) -> None:
        self.provider = StaticProvider({CANONICAL_FLAG: 0, SHADOW_FLAG: 0})

    def write(self, *, canonical: int, shadow: int, revision: int) -> None:
        """Put both percentages."""
        self.provider.put({CANONICAL_FLAG: canonical, SHADOW_FLAG: shadow})

    def spoil(self) -> bool:
        """Say that it cannot be spoiled."""
        return False

    def close(self) -> None:
        """Do nothing."""


class EmbeddedSource:
    """A file is spoiled by writing half of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "flags.json"
        self.provider = EmbeddedProvider(self.path)

    def write(self, *, canonical: int, shadow: int, revision: int) -> None:
        """Write the file in place, as an editor might."""
        self.path.write_text(good_body(canonical=canonical, shadow=shadow, revision=revision))

    def spoil(self) -> bool:
        """Leave half of the file."""
        self.path.write_text(good_body()[:100])
        return True

    def close(self) -> None:
        """Do nothing."""


class LookingProvider(UnleashProvider):
    """Has its thread ask the server at each look, and waits for what comes of it."""

    def __init__(self, feed: UnleashFeed, folder: Path) -> None:
        super().__init__(
            feed,
            targets=FileTargets(folder / "targets.json"),
            kept=KeptBody(folder / "unleash.json"),
        )
        self._own_feed = feed
        self._running = False

    def start(self) -> None:
        """Start the thread."""
        super().start()
        self._running = True

    def poll(self) -> bool:
        """Wait for an answer that was asked for from now on, and look."""
        if self._running:
            asked = self._own_feed.asked
            self.hurry()
            eventually(lambda: self._own_feed.asked >= asked + 2 or self.hurry())
        return super().poll()


class UnleashSource:
    """A server is turned by our own commands, and spoiled by a proxy in front of it."""

    def __init__(self, folder: Path) -> None:
        self.server = FakeUnleash()
        self.server.start()
        self.targets = FileTargets(folder / "targets.json")
        self.provider = LookingProvider(UnleashFeed(Address(self.server.url, TOKEN)), folder)

    def write(self, *, canonical: int, shadow: int, revision: int) -> None:
        """Authorise the percentage, then have the server hold it."""
        self.targets.authorise(
            FlagDefinition(CANONICAL_FLAG, True, canonical, frozenset(), CANONICAL_FLAG)
        )
        self.server.fault = None
        self.server.holds(canonical=canonical, shadow=shadow, revision=revision)

    def spoil(self) -> bool:
        """Answer with a page."""
        self.server.fault = html
        return True

    def close(self) -> None:
        """Stop both."""
        self.provider.stop()
        self.server.stop()


SOURCES: dict[str, Callable[[Path], Source]] = {
    "static": StaticSource,
    "embedded": EmbeddedSource,
    "unleash": UnleashSource,
}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """Yield each source in turn, not started."""
    source = SOURCES[request.param](tmp_path)
    yield source
    source.close()


def stage(provider: FlagProvider) -> Stage:
    """Return the stage that the provider's flags describe."""
    state = provider.state
    return stage_of(state.definition(CANONICAL_FLAG), state.definition(SHADOW_FLAG), NEVER_ENGAGED)


def test_before_the_start_everybody_is_on_legacy(source: Source) -> None:
    """A provider that was only built is not ready, and its decisions say so."""
    decision = source.provider.state.decide(CANONICAL_FLAG, FlagContext(7))
    assert (decision.value, decision.reason) == (False, Reason.NOT_LOADED)
    assert not source.provider.ready


def test_the_start_loads_flags_that_move_nobody(source: Source) -> None:
    """On a new machine the provider is ready and the stage is off."""
    source.provider.start()
    assert source.provider.ready
    assert source.provider.problem is None
    assert stage(source.provider) is Stage.OFF


def test_a_change_is_seen_at_the_next_look_and_once(source: Source) -> None:
    """`poll` says that something changed exactly when something did."""
    source.provider.start()
    assert not source.provider.poll()
    for canonical, expected in ((0, Stage.SHADOW), (50, Stage.RAMP), (100, Stage.COMPLETE)):
        before = source.provider.state
        source.write(canonical=canonical, shadow=100, revision=canonical + 2)
        assert source.provider.poll()
        assert stage(source.provider) is expected
        assert source.provider.state is not before
        assert not source.provider.poll()


def test_a_decision_follows_the_change_and_its_revision(source: Source) -> None:
    """What was remembered under the old flags is not said under the new ones."""
    source.provider.start()
    old = source.provider.state.decide(CANONICAL_FLAG, FlagContext(7))
    source.write(canonical=100, shadow=0, revision=2)
    source.provider.poll()
    new = source.provider.state.decide(CANONICAL_FLAG, FlagContext(7))
    assert (old.value, new.value) == (False, True)
    assert new.flag_version > old.flag_version
    assert new.flag_version == source.provider.state.revision


def test_a_state_in_hand_does_not_change(source: Source) -> None:
    """A call that took the state before a change is answered on that state to its end."""
    source.provider.start()
    held = source.provider.state
    source.write(canonical=100, shadow=100, revision=2)
    source.provider.poll()
    assert not held.decide(CANONICAL_FLAG, FlagContext(7)).value
    assert not held.decide(SHADOW_FLAG, FlagContext(7)).value


def test_a_spoiled_source_leaves_the_last_good_flags_and_says_so(source: Source) -> None:
    """Decisions go on as they were, marked stale, until the source is mended."""
    source.provider.start()
    source.write(canonical=100, shadow=100, revision=2)
    source.provider.poll()
    if not source.spoil():
        assert source.provider.problem is None
        return
    assert source.provider.poll()
    assert source.provider.problem
    decision = source.provider.state.decide(CANONICAL_FLAG, FlagContext(7))
    assert (decision.value, decision.stale, decision.flag_version) == (True, True, 2)
    assert source.provider.ready
    assert not source.provider.poll()
    source.write(canonical=0, shadow=100, revision=3)
    assert source.provider.poll()
    assert source.provider.problem is None
    decision = source.provider.state.decide(CANONICAL_FLAG, FlagContext(7))
    assert (decision.value, decision.stale) == (False, False)


def test_a_source_spoiled_from_the_start_is_not_ready(source: Source) -> None:
    """Being asked for flags is not having them."""
    if not source.spoil():
        return
    source.provider.start()
    assert not source.provider.ready
    assert source.provider.problem
    decision = source.provider.state.decide(CANONICAL_FLAG, FlagContext(7))
    assert (decision.value, decision.reason) == (False, Reason.NOT_LOADED)


def test_after_the_stop_the_last_flags_go_on(source: Source) -> None:
    """Stopping leaves no caller without an answer."""
    source.provider.start()
    source.write(canonical=100, shadow=0, revision=2)
    source.provider.poll()
    source.provider.stop()
    assert source.provider.state.decide(CANONICAL_FLAG, FlagContext(7)).value
