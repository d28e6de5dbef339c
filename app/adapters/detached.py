"""A sink on a thread of its own, for a reader that may stop reading."""

import threading
from collections import deque
from collections.abc import Callable

LIMIT = 4 * 2**20
"""Bytes that may wait for the sink; more are dropped, and their lines counted."""


class Detached:
    """Hands data on without ever waiting for the sink behind it.

    The thread begins with the first data, so after a fork. As long as the sink's last attempt
    failed, its error is raised to whoever hands more data over: they are queued all the same.
    """

    def __init__(
        self, sink: Callable[[bytes], object], *, limit: int = LIMIT, name: str = "shadow-stdout"
    ) -> None:
        self._sink = sink
        self._limit = limit
        self._name = name
        self.dropped = 0
        """Lines that found the queue full, or that the sink did not take."""
        self._error: Exception | None = None
        self.begin()

    @property
    def error(self) -> Exception | None:
        """What the sink raised at its last attempt, None if it took all."""
        return self._error

    def __call__(self, data: bytes) -> None:
        """Queue `data`. Raises what the sink raised last, if it has not worked since."""
        with self._changed:
            if self._size + len(data) > self._limit:
                self.dropped += data.count(b"\n")
            else:
                self._waiting.append(data)
                self._size += len(data)
                self._changed.notify()
            if self._thread is None:
                self._stopping = False
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        if self._error is not None:
            raise self._error

    def close(self, timeout: float = 1.0) -> None:
        """End the thread once all is handed on; one that is held up is left behind."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(timeout)

    def begin(self) -> None:
        """Begin with nothing queued: after a fork, where thread and lock are gone."""
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def _run(self) -> None:
        while (data := self._next()) is not None:
            try:
                self._sink(data)
                self._error = None
            except Exception as error:  # noqa: BLE001 - told to whoever comes next
                self.dropped += data.count(b"\n")
                self._error = error

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            if not self._waiting:
                return None
            data = self._waiting.popleft()
            self._size -= len(data)
            return data
