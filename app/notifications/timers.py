"""The real clock: time, and timers on one thread of their own."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

_log = structlog.get_logger(__name__)


class _Timer:
    """A callback that is called unless it was cancelled before."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Do not call it any more; nothing happens if it was called already."""
        self.callback = None


class TimerThread:
    """A `Clock` whose callbacks run one after the other on a daemon thread.

    The thread looks at its timers every `resolution` seconds, so that setting one never
    wakes a thread; what it saw coming it calls on time. A callback that raises is logged
    and harms no other. Timers that are set before `start()` or after `stop()` wait for the
    next start.
    """

    monotonic = staticmethod(time.monotonic)
    """Return seconds that never go back. Not a method of its own: every hint asks for it."""

    def __init__(self, name: str, resolution: float = 0.005) -> None:
        self._name = name
        self._resolution = resolution
        self._lock = threading.Lock()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._sequence = itertools.count()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def utc_now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return datetime.now(UTC)

    def call_later(self, delay: float, callback: Callable[[], None]) -> _Timer:
        """Call `callback` on the thread, `delay` seconds from now or up to `resolution` later."""
        timer = _Timer(callback)
        due = time.monotonic() + delay
        with self._lock:
            heapq.heappush(self._timers, (due, next(self._sequence), timer))
        return timer

    def start(self) -> None:
        """Start the thread. Raises RuntimeError if it runs already."""
        if self._thread is not None:
            raise RuntimeError(f"timer thread {self._name!r} runs already: stop it first")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop the thread and wait for a callback in progress, at most `timeout` seconds."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        if thread is not threading.current_thread():
            thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.wait(self._patience()):
            while (timer := self._next_due()) is not None and not self._stopping.is_set():
                self._call(timer)

    def _patience(self) -> float:
        with self._lock:
            if not self._timers:
                return self._resolution
            return min(max(self._timers[0][0] - time.monotonic(), 0.0), self._resolution)

    def _next_due(self) -> _Timer | None:
        now = time.monotonic()
        with self._lock:
            if self._timers and self._timers[0][0] <= now:
                return heapq.heappop(self._timers)[2]
        return None

    def _call(self, timer: _Timer) -> None:
        callback = timer.callback
        if callback is None:
            return
        try:
            callback()
        except BaseException:  # noqa: BLE001 - SystemExit would end every user's windows
            _log.exception("timer_callback_failed", thread=self._name)
