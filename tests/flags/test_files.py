"""Files are read without waiting and within bounds, whatever somebody put in their place."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from flags.files import UnfitFileError, opened, read_start, read_whole


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "kind"), [(_pipe, "a pipe"), (_socket, "a socket"), (_device, "a device")]
)
@pytest.mark.timeout(10)
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], None], kind: str
) -> None:
    """Opening a pipe would wait for a writer, and a device may never end."""
    path = tmp_path / "file"
    make(path)
    for read in (read_whole, lambda path: read_start(path, most=10)):
        with pytest.raises(UnfitFileError, match=f"{path} is {kind}, not a regular file"):
            read(path)


def test_a_folder_is_refused_in_the_usual_words(tmp_path: Path) -> None:
    """The reason has the system's own words, for messages that quote them."""
    with pytest.raises(UnfitFileError) as refused:
        read_whole(tmp_path)
    assert refused.value.strerror == "Is a directory"


def test_no_more_is_read_than_was_asked_for(tmp_path: Path) -> None:
    """A file that is larger than it may be is an error that says so, without having been read."""
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(b"0123456789")
        file.truncate(2**40)  # more than any memory holds
    assert read_start(path, most=10) == b"0123456789"
    with pytest.raises(UnfitFileError, match="is larger than 1000 bytes"):
        read_whole(path, most=1000)
    path.write_bytes(b"0123456789")
    assert read_whole(path, most=10) == read_start(path, most=1000) == b"0123456789"


def test_a_link_is_followed_only_where_the_caller_says_so(tmp_path: Path) -> None:
    """A mounted file may be a link; a file that anybody may make must not quote another one."""
    (tmp_path / "target").write_bytes(b"secret")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    assert read_whole(link) == b"secret"
    for read in (read_whole, lambda path, follow: read_start(path, most=9, follow=follow)):
        with pytest.raises(UnfitFileError, match="is a symbolic link, not a regular file"):
            read(link, follow=False)


@pytest.mark.timeout(10)
def test_a_file_that_becomes_a_pipe_while_it_is_opened_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at is looked at again once it is open."""
    path = tmp_path / "file"
    path.write_bytes(b"1")
    looked = Path.stat

    def replaced(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = looked(self, follow_symlinks=follow_symlinks)
        path.unlink()
        os.mkfifo(path)
        return found

    monkeypatch.setattr(Path, "stat", replaced)
    with pytest.raises(UnfitFileError, match="is a pipe"), opened(path):
        pass
