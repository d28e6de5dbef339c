"""Where a service listens, by IPv4, IPv6 and name."""

import socket

import pytest

from app.listening import CannotListenError, check_port, page_address, place
from app.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("text", "host", "bind", "page"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1:8000", "http://127.0.0.1:8000/"),
        ("0.0.0.0", "0.0.0.0", "0.0.0.0:8000", "http://localhost:8000/"),
        ("::", "::", "[::]:8000", "http://localhost:8000/"),
        ("[::]", "::", "[::]:8000", "http://localhost:8000/"),
        ("::1", "::1", "[::1]:8000", "http://[::1]:8000/"),
        ("[::1]", "::1", "[::1]:8000", "http://[::1]:8000/"),
        ("fe80::1%eth0", "fe80::1%eth0", "[fe80::1%eth0]:8000", "http://[fe80::1%eth0]:8000/"),
        ("web-1.example", "web-1.example", "web-1.example:8000", "http://web-1.example:8000/"),
    ],
)
def test_a_host_is_read_and_written_as_an_address_has_it(
    text: str, host: str, bind: str, page: str
) -> None:
    """IPv6 with and without brackets is the same, and in an address it has them."""
    assert Settings.from_environ({"SHIM_HOST": text}).host == host
    assert place(host, 8000) == bind
    assert page_address(host, 8000) == page


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1:8000", "[::1]:8000", "http://x", "unix:/x", "[x]", "a b", "::1]", ":::", "-"],
)
def test_what_is_no_host_is_refused(text: str) -> None:
    """With the value, and where the port goes."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({"SHIM_HOST": text})
    assert str(refused.value).startswith(f"SHIM_HOST is {text!r}: give an address of this machine")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_a_port_that_is_taken_is_said_for_each_family(host: str) -> None:
    """Before anything is built on it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListenError, match=f"port {port} on {host} is in use"):
            check_port(host, port)
    check_port(host, port)


@pytest.mark.parametrize("host", ["198.51.100.1", "2001:db8::1", "no-such-host.invalid", "a" * 70])
def test_a_host_that_is_not_this_machine_is_said(host: str) -> None:
    """With what to set instead."""
    with pytest.raises(CannotListenError, match="set SHIM_HOST to an address of this machine"):
        check_port(host, 0)
