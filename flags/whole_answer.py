"""Reads what a server answers to its end, but no more of it, and no longer, than is sensible."""

import time
from typing import Any, Protocol

ANSWER_S = 3.0
"""Seconds that a whole answer may take, however steadily it drips."""
MOST_BYTES = 16 * 1024 * 1024


class Streamed(Protocol):
    """An answer of `requests` that is read piece by piece: its body was not read yet."""

    raw: Any
    """urllib3's, whose errors reach whoever reads."""

    def close(self) -> None:
        """Let go of the connection."""


def read_whole(answer: Streamed) -> bytes:
    """Return the body. Raises ValueError if it is too long or too slow, and urllib3's errors."""
    until = time.monotonic() + ANSWER_S
    content = bytearray()
    while chunk := answer.raw.read1(65_536, decode_content=True):
        content += chunk
        if len(content) > MOST_BYTES:
            raise ValueError(f"its answer is longer than {MOST_BYTES} bytes")
        if time.monotonic() > until:
            raise ValueError(f"its answer was not whole after {ANSWER_S:g} s")
    answer.close()
    return bytes(content)
