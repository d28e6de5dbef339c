"""The flag file: made once, watched, and never able to take the flags down."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from flags.decision import CANONICAL_FLAG
from flags.embedded import EmbeddedProvider, ensure_flag_file
from flags.files import replace_file
from tests.flags.bodies import BAD_BODIES, good_body


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the flag file of a new machine: neither it nor its folder exists."""
    return tmp_path / "instance" / "flags.json"


@pytest.fixture
def provider(path: Path) -> EmbeddedProvider:
    """Return a started provider at 50 %, revision 5."""
    provider = EmbeddedProvider(path)
    replace_file(path, good_body(canonical=50, revision=5))
    provider.start()
    return provider


def percentage(provider: EmbeddedProvider) -> int:
    """Return the canonical percentage in use."""
    definition = provider.state.definition(CANONICAL_FLAG)
    assert definition is not None
    return definition.percentage


def test_the_file_is_made_once_and_never_over_another(path: Path) -> None:
    """The first run makes the file; later ones leave it alone, good or bad."""
    assert ensure_flag_file(path)
    assert not ensure_flag_file(path)
    path.write_text("mine")
    assert not ensure_flag_file(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_bad_file_changes_nothing_and_is_reported_once(
    path: Path, provider: EmbeddedProvider, case: str
) -> None:
    """The last good state goes on; one log line names the file and what is wrong."""
    body, words = BAD_BODIES[case]
    path.write_text(body)
    with capture_logs() as logs:
        for _ in range(5):
            provider.poll()
    assert percentage(provider) == 50
    assert [entry["event"] for entry in logs] == ["flags_refused"]
    assert logs[0]["problem"] == provider.problem
    assert provider.problem is not None
    assert provider.problem.startswith(f"the flag file {path} cannot be applied: ")
    assert words in provider.problem


def test_a_file_that_is_gone_and_back_is_the_same_again(
    path: Path, provider: EmbeddedProvider
) -> None:
    """Missing is a problem like any other, and ends when the very same file is back."""
    aside = path.with_name("aside.json")
    path.rename(aside)
    assert provider.poll()
    assert provider.state.stale
    assert f"there is no flag file {path}: start the service" in str(provider.problem)
    aside.rename(path)
    assert provider.poll()
    assert (provider.state.stale, provider.problem, percentage(provider)) == (False, None, 50)


def test_bytes_that_are_no_text_are_refused_and_mended(
    path: Path, provider: EmbeddedProvider
) -> None:
    """A binary file is refused, and the former content put back is applied again."""
    good = path.read_bytes()
    path.write_bytes(b"\xff\xfe\x00")
    assert provider.poll()
    assert "utf-8" in str(provider.problem)
    path.write_bytes(good)
    assert provider.poll()
    assert provider.problem is None


def test_a_folder_in_the_files_place_is_a_problem(tmp_path: Path) -> None:
    """Whatever lies there, the provider starts, is not ready and says why."""
    provider = EmbeddedProvider(tmp_path)
    provider.start()
    assert not provider.ready
    assert "cannot be read" in str(provider.problem)


def test_a_file_that_cannot_be_made_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    """Without a folder to write to the provider starts, and says that it has no flags."""
    (tmp_path / "instance").write_text("a file where the folder should be")
    provider = EmbeddedProvider(tmp_path / "instance" / "flags.json")
    provider.start()
    assert not provider.ready
    assert "cannot be read" in str(provider.problem)


def test_a_replacement_by_rename_is_seen(path: Path, provider: EmbeddedProvider) -> None:
    """A new file under the old name is a change, even with an old time stamp and size."""
    stat = path.stat()
    other = path.with_name("other.json")
    other.write_text(good_body(canonical=60, revision=5))
    os.utime(other, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    other.rename(path)
    assert path.stat().st_size == stat.st_size
    assert provider.poll()
    assert percentage(provider) == 60


def test_changes_within_one_tick_of_the_file_system_are_told_apart(path: Path) -> None:
    """The same inode, size and time stamp hide nothing while the stamp is young."""
    path.parent.mkdir()
    path.write_text(good_body(canonical=50))
    stamp = path.stat().st_mtime_ns
    provider = EmbeddedProvider(path, now_ns=lambda: stamp + 4_000_000)
    provider.start()
    for value in (10, 20, 30, 40):
        path.write_text(good_body(canonical=value))
        os.utime(path, ns=(stamp, stamp))
        assert provider.poll()
        assert percentage(provider) == value


def test_an_old_file_that_did_not_change_is_not_read_again(
    path: Path, provider: EmbeddedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at a settled file costs one `stat`."""
    os.utime(path, (1_000_000_000, 1_000_000_000))
    provider.poll()

    def refuse(_: Path) -> bytes:
        raise AssertionError("read again")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert [provider.poll() for _ in range(3)] == [False, False, False]


def test_a_flag_taken_out_of_the_file_reaches_nobody(
    path: Path, provider: EmbeddedProvider
) -> None:
    """An archived flag is applied at once: it is gone, and nobody is let through."""
    path.write_text('{"version": 2, "meta": {"revisionId": 6}, "features": []}')
    assert provider.poll()
    assert provider.state.definition(CANONICAL_FLAG) is None
    assert provider.problem is None
