"""The audit trail: complete, in order, and never the reason for a failure."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flags.history import FileHistory, HistoryEntry, HistoryLog

MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


def entry(who: str, why: str = "because") -> HistoryEntry:
    """Return an entry by `who`."""
    return HistoryEntry(MOMENT, who, "set", why, "0 %", "25 %")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a history that does not exist yet."""
    return tmp_path / "instance" / "history.jsonl"


def test_without_a_file_nothing_happened_yet(path: Path) -> None:
    """Reading before the first change is no error and makes no file."""
    assert FileHistory(path).read() == HistoryLog(())
    assert not path.exists()


def test_entries_come_back_in_order(path: Path) -> None:
    """What was appended, by any process, is read oldest first."""
    for who in ("ann", "bob", "ann"):
        FileHistory(path).append(entry(who))
    assert [each.who for each in FileHistory(path).read().entries] == ["ann", "bob", "ann"]


@settings(deadline=None)
@given(who=st.text(), why=st.text())
def test_an_entry_is_one_line_whatever_people_type(
    tmp_path_factory: pytest.TempPathFactory, who: str, why: str
) -> None:
    """Line breaks, quotes and lone surrogates come back as they were."""
    history = FileHistory(tmp_path_factory.mktemp("history") / "history.jsonl")
    history.append(entry(who, why))
    history.append(entry(why, who))
    assert history.read() == HistoryLog((entry(who, why), entry(why, who)))


def test_a_line_cut_by_a_crash_costs_only_itself(path: Path) -> None:
    """Entries before and after a torn line are read, and the torn one is counted."""
    history = FileHistory(path)
    history.append(entry("ann"))
    with path.open("a") as file:
        file.write('{"when": "2000-01-')
    history.append(entry("bob"))
    log = history.read()
    assert ([each.who for each in log.entries], log.damaged) == (["ann", "bob"], 1)
