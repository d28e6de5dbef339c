"""Where a service listens: how that is written, and whether the port is free.

The latter is asked before anything is built on it.
"""

import errno
import ipaddress
import socket


class CannotListenError(OSError):
    """Nobody can listen there: the message names host and port, and says what to do."""


def place(host: str, port: int) -> str:
    """Return host and port as they stand in an address: IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def page_address(host: str, port: int) -> str:
    """Return where a browser of this machine finds what listens there."""
    return f"http://{place('localhost' if _is_every_address(host) else host, port)}/"


def check_port(host: str, port: int) -> None:
    """Raise `CannotListenError` if nobody could listen on this port now."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:  # the latter for a name that none can be
        raise CannotListenError(_what_to_do(host, port, error)) from error


def _is_every_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _what_to_do(host: str, port: int, error: Exception) -> str:
    where = f"port {port} on {host}"
    code, said = getattr(error, "errno", None), getattr(error, "strerror", None) or str(error)
    if code == errno.EADDRINUSE:
        return f"{where} is in use: stop what listens there, or choose another with PORT=8001"
    if code in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) or not isinstance(error, OSError):
        return _other_host(where, said)
    if isinstance(error, socket.gaierror):
        return _other_host(where, said)
    return f"cannot listen on {where}: {said}; choose another with PORT=8001"


def _other_host(where: str, said: str) -> str:
    return (
        f"cannot listen on {where}: {said}; set SHIM_HOST to an address of this machine, such as"
        " 127.0.0.1 or ::1"
    )
