"""Runs the experiment on a thread of its own, within a deadline and a processor budget.

A thread cannot be killed. One that does not come back within the deadline is given up: its
episodes count as timed out, what it later says is ignored, and a fresh experiment starts on
a fresh thread after a pause that doubles with each loss. Where too many lost threads are
still alive no new one is started until one has ended.
"""

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shim.shadow.budget import CpuBudget
from shim.shadow.counts import Counts
from shim.shadow.events import LiveCall
from shim.shadow.experiment import Experiment
from shim.shadow.observation import Raised
from shim.shadow.queue import EventQueue
from shim.shadow.result import NotCompared

POLL = 0.005
SETTLE = 0.02
"""Seconds between two turns in which nothing came in: timers fire and episodes close in them.

A turn costs as much as a good part of an episode, and callers that meet one find cold caches.
Calls are still taken up at the next poll: what the database held must be noted soon after.
"""
HOLD = 0.01
"""Seconds of work, times the share of a core that shadows may have, after which the thread lets
go of the interpreter: half a millisecond at 5 %. Beside busy threads it gets it back after five.
"""
BREATH = 0.00005
"""For so long, and the time that waking up takes: whoever waits is served before.

Not `sleep(0)`, which has the interpreter back before anybody else has woken. Without this a caller
that comes in the middle of a turn waits for five milliseconds: see `sys.setswitchinterval`.
"""
SLICE = 256
"""Events taken at once: small, so that a flood does not hold the interpreter for long."""
MOST_LOST_THREADS = 4
LONGEST_PAUSE = 60.0


class Breath:
    """Lets other threads have the interpreter, unless they had it a moment ago. For one thread.

    `cpu_share` is the part of a core that shadows may have.
    """

    def __init__(self, cpu_share: float, *, monotonic: Callable[[], float]) -> None:
        self._hold_s = HOLD * cpu_share
        self._monotonic = monotonic
        self._held_since = monotonic()

    def __call__(self) -> None:
        """Sleep for a moment if the thread has held on for too long."""
        if self._monotonic() - self._held_since >= self._hold_s:
            time.sleep(BREATH)
            self._held_since = self._monotonic()


class Alarm(Protocol):
    """Tells the log that shadows are in trouble."""

    def __call__(self, event: str, **fields: object) -> None:
        """Write one line."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`deadline` in seconds for one slice of work, `cpu_share` a fraction of one core.

    `pause` are the seconds before a fresh shadow replaces the first one that was lost.
    """

    deadline: float = 1.0
    cpu_share: float = 0.05
    pause: float = 1.0


class _Generation:
    """One experiment with its thread; replaced whole when the thread is lost."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.thread: threading.Thread | None = None
        self.busy_since: float | None = None


class ShadowExecutor:
    """Polls the queue on a daemon thread; a second one watches the first."""

    def __init__(
        self,
        *,
        queue: EventQueue,
        counts: Counts,
        new_experiment: Callable[[], Experiment],
        alarm: Alarm,
        monotonic: Callable[[], float],
        thread_time: Callable[[], float],
        limits: Limits | None = None,
    ) -> None:
        self._queue = queue
        self._counts = counts
        self._new_experiment = new_experiment
        self._alarm = alarm
        self._monotonic = monotonic
        self._thread_time = thread_time
        self._limits = limits or Limits()
        self._budget = CpuBudget(self._limits.cpu_share)
        self._stopping = threading.Event()
        self._generation: _Generation | None = None
        self._watchdog: threading.Thread | None = None
        self._lost: list[threading.Thread] = []
        self._pause = self._limits.pause
        self._resume_at = 0.0
        # What a process takes to get going is nobody's share: imports, the first compilation of
        # a statement, a full collection of garbage that falls upon this thread.
        self._begun = False

    @property
    def state(self) -> str:
        """Return `stopped`, `running`, `over budget` or `stuck`."""
        if self._watchdog is None or self._stopping.is_set():
            return "stopped"
        if self._generation is None:
            return "stuck"
        return "over budget" if self._budget.exhausted else "running"

    def start(self) -> None:
        """Start both threads."""
        self._stopping.clear()
        self._begin()
        self._watchdog = threading.Thread(target=self._watch, name="shadow-watchdog", daemon=True)
        self._watchdog.start()

    def stop(self, timeout: float = 2.0) -> None:
        """End the threads; what was not compared yet is counted as left over."""
        self._stopping.set()
        for thread in (self._watchdog, self._generation.thread if self._generation else None):
            if thread is not None:
                thread.join(timeout)
        self._watchdog = None

    def _begin(self) -> None:
        generation = _Generation(self._new_experiment())
        thread = threading.Thread(target=self._run, args=(generation,), name="shadow", daemon=True)
        generation.thread = thread
        self._generation = generation
        thread.start()

    def _run(self, generation: _Generation) -> None:
        last_cpu = self._thread_time()
        while not (self._stopping.is_set() or generation.experiment.abandoned):
            generation.busy_since = self._monotonic()
            try:
                self._slice(generation.experiment)
            except BaseException as error:  # noqa: BLE001 - shadows end here, whatever they did
                if generation.experiment.abandoned:
                    return  # it was told to end, and all of it is counted
                self._alarm("shadow_broken", error=repr(Raised.of(error)))
                generation.experiment.discard(NotCompared.BROKEN)
            generation.busy_since = None
            cpu = self._thread_time()
            if self._begun:
                self._spend(cpu - last_cpu)
            self._begun = self._begun or self._queue.taken > 0
            last_cpu = cpu
            self._wait_for_work()
        if not generation.experiment.abandoned:
            generation.experiment.discard(NotCompared.LEFT_OVER)
            self._drop_queued(NotCompared.LEFT_OVER)

    def _wait_for_work(self) -> None:
        """Sleep until something came in, or it is time to settle what is under way.

        Not on the event: waiting for that costs five times the look at the queue, 200 times a
        second.
        """
        settle_at = self._monotonic() + SETTLE
        while len(self._queue) < SLICE:
            time.sleep(POLL)
            if len(self._queue) or self._stopping.is_set() or self._monotonic() >= settle_at:
                return

    def _slice(self, experiment: Experiment) -> None:
        if self._budget.overdrawn:
            experiment.discard(NotCompared.CPU_BUDGET)
            self._drop_queued(NotCompared.CPU_BUDGET)
            return
        now = self._monotonic()
        self._counts.lose(self._queue.take_lost(), at=now)
        experiment.step(
            now,
            lambda: self._queue.take(SLICE),
            self._queue.take_holed(),
            refuse=NotCompared.CPU_BUDGET if self._budget.exhausted else None,
            waiting=self._queue.__len__,
            breathe=Breath(self._limits.cpu_share, monotonic=self._monotonic),
        )

    def _spend(self, cpu: float) -> None:
        was = self._budget.exhausted
        self._budget.spend(cpu, now=self._monotonic())
        if self._budget.exhausted and not was:
            self._alarm("shadow_over_budget", share=self._limits.cpu_share)

    def _drop_queued(self, reason: NotCompared) -> None:
        while events := self._queue.take(SLICE):
            for event in events:
                if isinstance(event, LiveCall):
                    self._counts.drop(event, reason)

    def _watch(self) -> None:
        while not self._stopping.wait(self._limits.deadline / 10):
            generation = self._generation
            if generation is None:
                self._drop_queued(NotCompared.TIMED_OUT)
                self._begin_again()
            elif self._is_stuck(generation):
                self._give_up(generation)

    def _is_stuck(self, generation: _Generation) -> bool:
        since = generation.busy_since
        return since is not None and self._monotonic() - since > self._limits.deadline

    def _give_up(self, generation: _Generation) -> None:
        self._generation = None
        self._resume_at = self._monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        experiment = generation.experiment
        self._alarm(
            "shadow_stuck",
            side=experiment.running[1] if experiment.running else None,
            deadline=self._limits.deadline,
            episodes=experiment.open_episodes,
        )
        experiment.abandon(NotCompared.TIMED_OUT)
        if generation.thread is not None:
            self._lost.append(generation.thread)
            _raise_in(generation.thread)

    def _begin_again(self) -> None:
        self._lost = [thread for thread in self._lost if thread.is_alive()]
        if self._monotonic() >= self._resume_at and len(self._lost) < MOST_LOST_THREADS:
            self._begin()


def _raise_in(thread: threading.Thread) -> None:
    """Ask a lost thread to end: it sees `SystemExit` when it next runs Python code.

    Without this a shadow in an endless loop would go on taking the interpreter from the
    callers; one that sleeps in C code wakes up first.
    """
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
        )
