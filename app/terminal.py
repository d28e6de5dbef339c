r"""What may reach a terminal: text that cannot move its cursor, change its title or turn its words.

Reasons, names, log lines and saved cases come from people and from other machines. A terminal
obeys control characters in them; here each becomes its escape, `\u001b`, which is the same
character in JSON.
"""

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_KEPT = "\n\t"
_CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _KEPT]
_DIRECTIONS = [chr(code) for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F))]
_ISOLATES = [chr(code) for code in range(0x2066, 0x206A)]
_LINES = ["\u2028", "\u2029"]
_ESCAPES = {
    ord(each): f"\\u{ord(each):04x}" for each in (*_CONTROLS, *_DIRECTIONS, *_ISOLATES, *_LINES)
}
_UNSAFE = re.compile("[" + "".join(map(re.escape, map(chr, _ESCAPES))) + "]")


def clean(text: str) -> str:
    """Return the text with control and direction characters as escapes; lines and tabs stay."""
    return text.translate(_ESCAPES) if _UNSAFE.search(text) else text


class CleanStream(io.TextIOBase):
    """Hands clean text on to a stream, and outlives it: who reads no more misses the rest.

    An order was done before anything is told of it. That nobody hears of it is no failure of it.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.raw = stream
        self.broken = False
        """Whether nobody takes any more."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self.raw.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """How the stream takes what its encoding has not."""
        return self.raw.errors

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self.raw.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        return self.raw.fileno()

    def write(self, text: str) -> int:
        """Write the text, as long as somebody takes it."""
        if not self.broken:
            encodable = clean(text).encode(self.encoding, "backslashreplace").decode(self.encoding)
            self._attempt(lambda: self.raw.write(encodable))
        return len(text)

    def flush(self) -> None:
        """Flush the stream, as long as somebody takes it."""
        if not self.broken:
            self._attempt(self.raw.flush)

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError:  # a closed pipe, a full disk
            self.broken = True
            _discard_the_rest(self.raw)


def _discard_the_rest(stream: TextIO) -> None:
    """Let what is still in the stream's buffer go nowhere, or the exit would raise once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):  # a stream without a descriptor
        return
    finally:
        os.close(nowhere)


def open_standard_streams() -> None:
    """Open what this process was started without, on nothing.

    Otherwise the next file that is opened, a database perhaps, gets the number that standard
    output is written to.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, "w", closefd=False))


@contextmanager
def clean_output() -> Iterator[None]:
    """Clean all that is printed, on standard output and standard error."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        each if isinstance(each, CleanStream) else CleanStream(each) for each in before
    )
    try:
        yield
    finally:
        for each in (sys.stdout, sys.stderr):
            each.flush()
        sys.stdout, sys.stderr = before


def output_is_gone() -> bool:
    """Tell whether nobody takes what is printed any more."""
    return isinstance(sys.stdout, CleanStream) and sys.stdout.broken


def uncleaned(stream: TextIO) -> TextIO:
    """Return the stream itself, for a bar that draws itself with control characters."""
    return stream.raw if isinstance(stream, CleanStream) else stream
