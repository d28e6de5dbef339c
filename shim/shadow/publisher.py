"""Writes the shadow log: one JSON line per event, encoded and written on a thread of its own."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog
from structlog.types import Processor

POLL = 0.05
LIMIT = 10_000
"""Events that may wait; more are dropped and counted."""

Sink = Callable[[bytes], object]
Event = MutableMapping[str, Any]

_log = structlog.get_logger("shim")


class Publisher:
    """Takes events from any thread without blocking it and hands whole lines to the sinks.

    `common` is asked once, at the first event, for the fields that every line has.
    A sink that raises is reported once until it works again; the other sinks get their
    lines all the same.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        *,
        utc_now: Callable[[], datetime],
        common: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        self._sinks = tuple(sinks)
        self._utc_now = utc_now
        self._ask_common = common
        self._common: Mapping[str, object] | None = None
        self._events: deque[Event] = deque()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing: set[int] = set()
        self._processors: tuple[Processor, ...] = (
            structlog.processors.JSONRenderer(serializer=_encode),
        )
        self.dropped = 0
        """Events that found the queue full."""

    def publish(self, event: str, **fields: object) -> None:
        """Queue one event; what it refers to must not change any more."""
        if len(self._events) >= LIMIT:
            self.dropped += 1
            return
        if self._common is None:
            self._common = self._ask_common()
        self._events.append({"event": event, "at": self._utc_now(), **self._common, **fields})

    def start(self) -> None:
        """Start writing."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="shadow-log", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Write what is queued and end the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
            self._thread = None
        self.flush()

    def flush(self) -> None:
        """Write what is queued, on this thread."""
        lines = []
        while self._events:
            lines.append(self._line(self._events.popleft()))
        if lines:
            self._write(b"".join(lines))

    def _run(self) -> None:
        while not self._stopping.wait(POLL):
            self.flush()

    def _line(self, event: Event) -> bytes:
        rendered: Any = event
        for processor in self._processors:
            rendered = processor(None, "info", rendered)
        return bytes(rendered) + b"\n"

    def _write(self, data: bytes) -> None:
        for number, sink in enumerate(self._sinks):
            try:
                sink(data)
                self._failing.discard(number)
            except Exception as error:  # noqa: BLE001 - a full disk must not stop the others
                if number not in self._failing:
                    self._failing.add(number)
                    _log.error("shadow_log_unwritable", error=str(error))


def _encode(value: object, **_: object) -> bytes:
    """Encode with Decimals as exact numbers and, for what JSON cannot say, its repr."""
    return _ENCODER.encode(value)


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=repr)
