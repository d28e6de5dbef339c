"""The audit trail: who changed what, when, why, from what and to what."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from flags.files import locked, open_written, opened, read_whole

MOST_BYTES = 256 * 2**20
"""Bytes of a trail that is read: about half a million changes."""
PATIENCE_S = 5.0
"""Seconds that another process may hold the trail's lock."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change by a person or a guard; `when` is aware, in UTC."""

    when: datetime
    who: str
    what: str
    why: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class HistoryLog:
    """Entries, oldest first, and how many lines could not be read."""

    entries: tuple[HistoryEntry, ...]
    damaged: int = 0


class History(Protocol):
    """Keeps entries for ever, in order."""

    def append(self, entry: HistoryEntry, *, patience_s: float = PATIENCE_S) -> None:
        """Add an entry durably, within these seconds if others write. Raises OSError."""

    def read(self) -> HistoryLog:
        """Return all entries. Raises OSError."""


class FileHistory:
    """One JSON object per line; lines are added and never changed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, entry: HistoryEntry, *, patience_s: float = PATIENCE_S) -> None:
        """Add a line and make it durable. Raises OSError."""
        with locked(self._path, timeout=patience_s), os.fdopen(self._open(), "a+b") as file:
            torn = file.tell() > 0 and not _ends_a_line(self._path)
            file.write((b"\n" if torn else b"") + _to_line(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _open(self) -> int:
        return open_written(self._path, os.O_RDWR | os.O_APPEND)

    def read(self) -> HistoryLog:
        """Return all entries; a line that a crash left half written is counted, not raised."""
        try:
            lines = _lines(self._path)
        except FileNotFoundError:
            return HistoryLog(())
        entries = [_from_line(line) for line in lines]
        whole = tuple(entry for entry in entries if entry is not None)
        return HistoryLog(whole, damaged=len(lines) - len(whole))


def _lines(path: Path) -> list[str]:
    return read_whole(path, most=MOST_BYTES).decode(errors="replace").splitlines()


def _ends_a_line(path: Path) -> bool:
    """Tell whether the file's last byte ends a line: not so after a crash within a write."""
    with opened(path) as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _to_line(entry: HistoryEntry) -> str:
    return json.dumps(entry_to_json(entry))


def entry_to_json(entry: HistoryEntry) -> dict[str, str]:
    """Return the entry under the names it is stored and shown by."""
    return {
        "when": entry.when.isoformat(),
        "who": entry.who,
        "what": entry.what,
        "why": entry.why,
        "from": entry.before,
        "to": entry.after,
    }


def _from_line(line: str) -> HistoryEntry | None:
    """Return the entry of a line, None if it is not a whole one."""
    try:
        fields = json.loads(line)
        return HistoryEntry(
            when=datetime.fromisoformat(fields["when"]),
            who=str(fields["who"]),
            what=str(fields["what"]),
            why=str(fields["why"]),
            before=str(fields["from"]),
            after=str(fields["to"]),
        )
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
