"""Writes the shadow log: one JSON line per record, encoded and written on a thread of its own."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
import structlog

from shim.shadow.words import in_words

FORMAT = 1
"""Stands in every line as `v`; whoever changes what a line means counts it up."""

POLL = 0.05
LIMIT = 10_000
"""Records that may wait; more are dropped and counted."""
BATCH = 1000
"""Records of one write: what a writer holds in memory, and what a cut may cost."""

Sink = Callable[[bytes], object]

_COMMA = ord(",")
_log = structlog.get_logger("shim")


class Publisher:
    """Takes records from any thread without blocking it and hands whole lines to the sinks.

    A record is anything that encodes to a JSON object with `event` and `at` in it. `common` is
    asked at the first write, until it answers, for the fields that every line has; the lines wait
    for it. A sink that raises is reported once until it works again; the other sinks get their
    lines all the same. So is a record that cannot be encoded, which costs its own line only.
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
        self._common = common
        self._head: bytes | None = None
        self._records: deque[object] = deque()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing: set[object] = set()
        self.dropped = 0
        """Records that found the queue full."""
        self.unencodable = 0
        """Records that could not be written down."""

    def publish(self, event: str, **fields: object) -> None:
        """Queue one event; what it refers to must not change any more."""
        self.put({"event": event, "at": self._utc_now(), **fields})

    def put(self, record: object) -> None:
        """Queue a record as it is; it must not change any more."""
        if len(self._records) >= LIMIT:
            self.dropped += 1
            return
        self._records.append(record)

    def start(self) -> None:
        """Start writing."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="shadow-log", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Write what is queued and end the thread; one that hangs in a sink is left to it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return
            self._thread = None
        self.flush()

    def flush(self) -> None:
        """Write what is queued, on this thread."""
        head = self._line_head()
        while head and (batch := self._take()):
            if lines := self._encode(head, batch):
                self._write(lines)

    def _run(self) -> None:
        while not self._stopping.wait(POLL):
            self.flush()

    def _take(self) -> list[object]:
        batch: list[object] = []
        try:
            while len(batch) < BATCH:
                batch.append(self._records.popleft())
        except IndexError:
            pass  # the queue is empty
        return batch

    def _encode(self, head: bytes, batch: Sequence[object]) -> bytes:
        """Return the records as lines that begin with the common fields."""
        lines = bytearray()
        encode = ENCODER.encode_into
        for record in batch:
            begun = len(lines)
            lines += head
            body = len(lines)
            try:
                encode(record, lines, body)
            except Exception as error:  # noqa: BLE001 - whatever a record's parts raise
                del lines[begun:]
                self.unencodable += 1
                if self._begins_to_fail("encoding"):
                    _log.error("shadow_log_line_lost", error=repr(error)[:500])
                continue
            lines[body] = _COMMA  # for the record's own opening brace
            lines += b"\n"
        return bytes(lines)

    def _line_head(self) -> bytes | None:
        """Return what every line begins with, None while nobody can say it."""
        if self._head is None:
            try:
                self._head = ENCODER.encode({"v": FORMAT, **self._common()})[:-1]
            except Exception as error:  # noqa: BLE001 - the thread must live until it can be said
                if self._begins_to_fail("head"):
                    _log.error("shadow_log_unwritable", error=repr(error)[:500])
        return self._head

    def _write(self, lines: bytes) -> None:
        for number, sink in enumerate(self._sinks):
            try:
                sink(lines)
                self._failing.discard(number)
            except Exception as error:  # noqa: BLE001 - a full disk must not stop the others
                if self._begins_to_fail(number):
                    _log.error("shadow_log_unwritable", error=str(error))

    def _begins_to_fail(self, what: object) -> bool:
        """Note that something fails; return whether it worked before."""
        new = what not in self._failing
        self._failing.add(what)
        return new


ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=in_words)
"""Decimals are exact numbers; what JSON cannot say is put into words."""
