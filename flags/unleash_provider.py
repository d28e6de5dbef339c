"""Flags of an Unleash server: asked for in the background, guarded, and kept over a restart."""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from flags.definition import Held
from flags.features import FlagFormatError
from flags.feed import Feed
from flags.feed_guard import Bars, Guard, Verdict, nothing_bars
from flags.kept import KeptBody
from flags.ramp import RAMP
from flags.state import FlagState
from flags.targets import AuthorisedTargets

SOURCE = "unleash"
KEPT_SOURCE = "unleash-kept"
"""The source of flags that a server held before this process was started."""
START_S = 2.0
"""Seconds that the start waits for the server's first answer at most."""
STALE_AFTER_S = 5.0
"""Seconds without an answer after which the flags are stale."""

_log = structlog.get_logger(__name__)


class UnleashProvider:
    """A `FlagProvider` whose feed runs in a thread between `start` and `stop`.

    In a process that was not started, as on the command line, `poll` asks the server itself
    and writes nothing down. `steps` is the ramp; `bars` tells what keeps its last step from being
    taken.
    """

    def __init__(
        self,
        feed: Feed,
        *,
        targets: AuthorisedTargets,
        kept: KeptBody,
        steps: Sequence[int] = RAMP,
        bars: Bars = nothing_bars,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._feed = feed
        self._targets = targets
        self._kept = kept
        self._steps = steps
        self._bars = bars
        self._changed: Callable[[], object] = _nobody
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._state = self._arrived = self._good = FlagState(0, SOURCE)
        self._problem: str | None = None
        self._silence = "it was not asked yet"
        self._answered_at = 0.0
        self._first = threading.Event()
        self._started = False
        self._guard = self._new_guard(observe=True)
        self._held: tuple[Held, ...] = ()

    @property
    def state(self) -> FlagState:
        """The state that holds now."""
        return self._state

    @property
    def ready(self) -> bool:
        """Whether flags were loaded, from the server or from what was kept."""
        return self._arrived.loaded

    @property
    def problem(self) -> str | None:
        """Why the newest flags are not in use, None when they are."""
        return self._problem

    @property
    def held(self) -> tuple[Held, ...]:
        """The canonical flags that wait for a person to let them through."""
        return self._held

    @property
    def seen_revision(self) -> int:
        """The newest revision that the server was seen at, followed or not."""
        return self._guard.seen_revision

    def attach(self, changed: Callable[[], object]) -> None:
        """Call `changed`, on the feed's thread, as soon as there are other flags to `poll`."""
        self._changed = changed

    def start(self) -> None:
        """Begin from what was kept, then wait two seconds at most for the server's answer."""
        self._started = True
        self._first.clear()
        self._answered_at = self._monotonic()
        self._guard = self._new_guard(observe=False)
        self._load_kept()
        self._feed.start(self)
        if not self._first.wait(START_S):
            self.take_failure(f"it has not answered within {START_S:g} s")
        self.poll()

    def poll(self) -> bool:
        """Follow what has arrived. Return whether `state` changed. Never raises."""
        if not self._started:
            if not self._good.loaded:
                self._load_kept()
            self._feed.ask_once(self)
        elif self._monotonic() - self._answered_at > STALE_AFTER_S:
            self._go_stale()
        changed = self._arrived is not self._state
        self._state = self._arrived
        return changed

    def hurry(self, revision: int = 0) -> None:
        """Ask the server now, and go on until it is at `revision`."""
        self._feed.hurry(revision)

    def stop(self) -> None:
        """End the thread; the last state goes on answering."""
        self._feed.stop()
        self._started = False

    def take_body(self, text: str) -> bool:
        """Judge a body and follow what of it may be followed. See `Inbox`."""
        self._answered_at = self._monotonic()
        followed = self._good
        try:
            verdict = self._guard.judge(text, follow=self._follow)
        except FlagFormatError as error:
            with self._lock:
                self._refuse(f"what Unleash answered cannot be applied: {error}")
            self._first.set()
            return False
        if self._started and verdict.state is not followed:
            self._kept.write(verdict.body)
        return verdict.problem is None

    def take_unchanged(self) -> None:
        """Note that the server still holds what it sent last, which is followed. See `Inbox`."""
        with self._lock:
            self._answered_at = self._monotonic()
            self._good.seen.confirm()
            self._arrived = self._good
            self._note_problem(None)
            self._first.set()

    def take_failure(self, why: str) -> None:
        """Note that no flags were had; they go stale if that lasts. See `Inbox`."""
        with self._lock:
            self._silence = why
            if not self._good.loaded or self._good.source == KEPT_SOURCE:
                self._refuse(f"no flags from Unleash: {why}")
            self._first.set()

    def _follow(self, verdict: Verdict) -> None:
        """Take over what the guard lets through, before anything that may be slow."""
        with self._lock:
            self._held = verdict.held
            verdict.state.seen.confirm()
            news = verdict.state is not self._good
            if news:
                self._good = verdict.state
                _log.info("flags_loaded", source=SOURCE, revision=verdict.state.revision)
            self._arrived = self._good
            self._note_problem(verdict.problem)
        self._first.set()
        if news:
            self._changed()

    def _refuse(self, problem: str) -> None:
        """Keep the last good state, marked stale."""
        self._note_problem(problem)
        if self._good.loaded and not self._arrived.stale:
            self._arrived = self._good.as_stale()

    def _note_problem(self, problem: str | None) -> None:
        """Log each problem once for as long as it lasts."""
        if problem is not None and problem != self._problem:
            _log.error("flags_refused", problem=problem, kept_revision=self._good.revision)
        self._problem = problem

    def _go_stale(self) -> None:
        """Say that the server has been silent for too long."""
        with self._lock:
            if self._problem is None or not self._arrived.stale:
                self._refuse(
                    f"Unleash has sent no flags for more than {STALE_AFTER_S:g} s: {self._silence}"
                )

    def _load_kept(self) -> None:
        """Begin from what was followed before this process, if that can be read."""
        try:
            found = self._kept.read()
            if found is None:
                return
            state = self._guard.remember(found[0], source=KEPT_SOURCE)
        except (OSError, FlagFormatError) as error:
            _log.warning("kept_flags_unusable", path=str(self._kept.path), problem=str(error))
            return
        state.seen.confirm(age_s=found[1])
        self._good = state
        self._arrived = state.as_stale()

    def _new_guard(self, *, observe: bool) -> Guard:
        return Guard(
            targets=self._targets,
            source=SOURCE,
            observe=observe,
            steps=self._steps,
            bars=self._bars,
            monotonic=self._monotonic,
        )


def _nobody() -> None:
    """Stand in for who polls, until somebody does."""
