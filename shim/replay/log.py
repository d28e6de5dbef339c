"""The divergences in a shadow log, which a case can be made of."""

from decimal import Decimal

import msgspec

from shim.log_records import Divergence
from shim.shadow.publisher import FORMAT


class _Line(Divergence, frozen=True, kw_only=True, tag_field="event", tag="divergence"):
    """A line of the log: a divergence, and which process wrote it."""

    v: int
    host: str
    worker: int
    started: float


_DECODER = msgspec.json.Decoder(_Line, float_hook=Decimal)


def read_lines(data: bytes) -> list[Divergence]:
    """Return the divergences among the lines of a log; all others are passed over."""
    found: list[Divergence] = []
    for line in data.split(b"\n"):
        try:
            read = _DECODER.decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
        if read.v == FORMAT:
            found.append(read)
    return found
