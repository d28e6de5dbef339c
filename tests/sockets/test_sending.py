"""The send that keeps the interpreter does what Python's own does."""

import socket

import pytest

from app.web.sending import send_now


@pytest.fixture
def pair():
    """Return two connected sockets."""
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def test_bytes_arrive_as_they_are(pair):
    """Zeros included."""
    left, right = pair
    assert send_now(left.fileno(), b"\x81\x00\x00a\x00") == 5
    assert right.recv(10) == b"\x81\x00\x00a\x00"


def test_full_socket_takes_a_part_then_nothing(pair):
    """It says how much, and never waits, even on a socket that would."""
    left, _ = pair
    with pytest.raises(BlockingIOError):
        while True:
            assert send_now(left.fileno(), b"x" * 1_000_000) > 0


def test_broken_socket_is_an_error_and_no_signal(pair):
    """As `socket.send` has it."""
    left, right = pair
    right.close()
    with pytest.raises(BrokenPipeError):
        send_now(left.fileno(), b"x")
    with pytest.raises(OSError, match="Bad file descriptor"):
        send_now(-1, b"x")
