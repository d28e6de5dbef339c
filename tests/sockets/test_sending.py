"""The send that keeps the interpreter does what Python's own does."""

import socket

import pytest

from app.web.sending import send_each, send_now


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
    left, right = pair
    taken = []
    while not taken or taken[-1] > 0:
        taken.append(send_now(left.fileno(), b"x" * 1_000_000))
    left.close()
    arrived = 0
    while data := right.recv(1_000_000):
        arrived += len(data)
    assert sum(taken[:-1]) == arrived
    assert taken[-1] == -1


def test_broken_socket_is_no_signal(pair):
    """Whoever wants to know why asks the socket."""
    left, right = pair
    right.close()
    assert send_now(left.fileno(), b"x") == -1
    with pytest.raises(BrokenPipeError):
        left.send(b"x")
    assert send_now(-1, b"x") == -1


def test_many_are_sent_to_each_its_own(pair):
    """One that fails harms no other."""
    left, right = pair
    frames = [(left.fileno(), b"one"), (-1, b"lost"), (right.fileno(), b"three")]
    assert send_each(frames) == [3, -1, 5]
    assert (right.recv(10), left.recv(10)) == (b"one", b"three")
