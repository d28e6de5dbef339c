"""The file of known divergences: changed by one process, seen by all, never half read."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from shim.balance.known import SHIPPED, SHIPPED_IDS
from shim.known_store import MOST, KnownFile, KnownStoreError
from shim.shadow.known import KnownDivergenceError
from tests.shim.test_known import NOW, at_place, by_mark, known


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is, or will be."""
    return tmp_path / "known.json"


def ids(store):
    """Return the ids in use, in order."""
    return [each.id for each in store.known]


def test_without_a_file_only_what_is_shipped_is_known(path):
    """And that excuses nothing by its rule: the binding says what it is."""
    store = KnownFile(path, shipped=SHIPPED)
    assert not store.poll()
    assert ids(store) == [*SHIPPED_IDS]
    assert store.accepted == ()
    assert not path.exists()


def test_what_one_process_accepts_and_ends_another_sees(path):
    """At its next look, whole, with everything that was said of it."""
    writer, reader = KnownFile(path, shipped=SHIPPED), KnownFile(path, shipped=SHIPPED)
    reader.poll()
    new = known(by_mark(), stays=True)
    writer.accept(new, now=NOW)
    assert reader.poll()
    assert reader.accepted == (new,)
    assert not reader.poll()
    assert writer.end("stale") == new
    assert reader.poll()
    assert reader.accepted == ()


def test_the_shipped_one_cannot_be_ended_and_its_place_is_taken(path):
    """It ends with the migration; a rule as wide as its own would excuse more than the fault."""
    store = KnownFile(path, shipped=SHIPPED)
    with pytest.raises(KnownDivergenceError, match="comes with the project"):
        store.end("legacy-reaches-nobody")
    with pytest.raises(KnownDivergenceError, match="overlaps that of legacy-reaches-nobody"):
        store.accept(known(SHIPPED[0].rule), now=NOW)


def test_ending_what_is_not_there_names_what_is(path):
    """A mistyped id is found by reading the message."""
    store = KnownFile(path)
    with pytest.raises(KnownDivergenceError, match="'x': none is accepted"):
        store.end("x")
    store.accept(known(), now=NOW)
    with pytest.raises(KnownDivergenceError, match="'x': stale"):
        store.end("x")


def test_no_more_than_a_hundred_are_kept(path):
    """Each one is looked at for every divergence."""
    store = KnownFile(path)
    for number in range(MOST):
        store.accept(known(at_place(f"p{number}"), id_=f"k{number}"), now=NOW)
    with pytest.raises(KnownDivergenceError, match="no more can be kept"):
        store.accept(known(), now=NOW)


RULE = '"rule":{"comparison":"%s","path":%s,"kind":"value"}'
ENTRY = (
    '{"version":1,"known":[{"id":"a","owner":"b","reason":"c","until":"2031-01-01T00:00:00Z",%s}]}'
)


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        '{"known":5}',
        "[" * 100_000,
        "\x00\xff",
        ENTRY % (RULE % ("truth", '"a"')),
        ENTRY % (RULE % ("saying", '"*"')),
        ENTRY % (RULE % ("saying", "null")),
        ENTRY.replace("00:00:00Z", "00:00:00") % (RULE % ("saying", '"a"')),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing_and_is_said_once(path, damage):
    """The last good ones hold, also where somebody wrote a rule that would be refused."""
    store = KnownFile(path)
    store.accept(known(), now=NOW)
    store.poll()
    good = path.read_text()
    path.write_text(damage)
    with capture_logs() as said:
        for _ in range(3):
            assert not store.poll()
    assert ids(store) == ["stale"]
    assert [line["event"] for line in said] == ["known_divergences_unusable"]
    assert str(path) in (store.problem or "")
    with pytest.raises(KnownStoreError, match="put the file right"):
        store.accept(known(by_mark(), id_="new"), now=NOW)
    path.write_text(good)
    store.poll()
    assert (store.problem, ids(store)) == (None, ["stale"])


def test_an_id_that_stands_twice_in_the_file_is_refused(path):
    """Written by hand: nobody could say which of them is meant."""
    store = KnownFile(path)
    store.accept(known(), now=NOW)
    body = path.read_text()
    start, end = body.index("{", 1), body.rindex("]")
    path.write_text(f"{body[:end]},{body[start:end]}{body[end:]}")
    assert not store.poll()
    assert "has stale twice" in (store.problem or "")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    """What to look at, instead of a stack trace."""
    (tmp_path / "file").touch()
    with pytest.raises(KnownStoreError, match=r"cannot be (used|written)"):
        KnownFile(tmp_path / "file" / "known.json").accept(known(), now=NOW)


def test_a_change_within_one_tick_of_the_file_system_is_seen(path):
    """A file written a moment ago is read again: two writes may have one time stamp."""
    clock = datetime.now(UTC)
    store = KnownFile(path, now_ns=lambda: int(clock.timestamp() * 1e9))
    store.accept(known(), now=NOW)
    assert store.poll()
    status = path.stat()
    path.write_text(path.read_text().replace("a cache", "a catch"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.poll()
