"""Where flags come from: the protocol that every source keeps, and the simplest one."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from flags.body import flag_body, flag_feature
from flags.definition import Held
from flags.state import FlagState, load_state


class FlagProvider(Protocol):
    """A source of flag states.

    One thread calls `poll`; any thread may read the properties. A provider that cannot get
    a newer state keeps the last good one, marked stale, and says why in `problem`.
    """

    @property
    def state(self) -> FlagState:
        """The state that holds now; one that is not `loaded` before the first success."""

    @property
    def ready(self) -> bool:
        """Whether flags were loaded: not merely that somebody was asked for them."""

    @property
    def problem(self) -> str | None:
        """Why the newest flags are not in use, None when they are."""

    @property
    def held(self) -> tuple[Held, ...]:
        """The canonical flags that wait for a person to let them through."""

    def attach(self, changed: Callable[[], object]) -> None:
        """Call `changed`, on any thread, when there is something to `poll`, if that is known."""

    def start(self) -> None:
        """Load the flags for the first time; a source that cannot be read is a `problem`."""

    def poll(self) -> bool:
        """Look at the source once. Return whether `state` changed. Never raises."""

    def stop(self) -> None:
        """Let go of what `start` took; the last state goes on answering."""


class StaticProvider:
    """Flags that are given in code, for tests and for embedding.

    `put` is what somebody does to the source; the next `poll` sees it.
    """

    def __init__(
        self,
        percentages: Mapping[str, int] | None = None,
        *,
        cohorts: Mapping[str, Collection[int]] | None = None,
    ) -> None:
        self._revision = 0
        self._state = FlagState(0, "static")
        self._next: FlagState | None = None
        self.put(percentages or {}, cohorts=cohorts)

    @property
    def state(self) -> FlagState:
        """The state that holds now."""
        return self._state

    @property
    def ready(self) -> bool:
        """Whether it was started."""
        return self._state.loaded

    @property
    def problem(self) -> str | None:
        """None: what is given in code was checked when it was given."""
        return None

    @property
    def held(self) -> tuple[Held, ...]:
        """Nothing: what is given in code is meant."""
        return ()

    def attach(self, changed: Callable[[], object]) -> None:
        """Do nothing: whoever puts flags polls."""

    def put(
        self,
        percentages: Mapping[str, int],
        *,
        cohorts: Mapping[str, Collection[int]] | None = None,
    ) -> None:
        """Replace all flags. Raises `FlagFormatError` for flags that cannot be applied."""
        self._revision += 1
        features = [
            flag_feature(name, percentage=percentage, cohort=(cohorts or {}).get(name, ()))
            for name, percentage in percentages.items()
        ]
        self._next = load_state(flag_body(self._revision, features), source="static")

    def start(self) -> None:
        """Apply what was put."""
        self.poll()

    def poll(self) -> bool:
        """Apply what was put since the last look."""
        changed = self._next is not None
        self._state, self._next = self._next or self._state, None
        self._state.seen.confirm()
        return changed

    def stop(self) -> None:
        """Do nothing: nothing was taken."""
