"""Whether a port is free, asked before anything is built on it."""

import errno
import socket


class CannotListenError(OSError):
    """Nobody can listen there: the message names host and port, and says what to do."""


def check_port(host: str, port: int) -> None:
    """Raise `CannotListenError` if nobody could listen on this port now."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CannotListenError(_what_to_do(host, port, error)) from error


def _what_to_do(host: str, port: int, error: OSError) -> str:
    where = f"port {port} on {host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use: stop what listens there, or choose another with PORT=8001"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return (
            f"cannot listen on {where}: {error.strerror}; set SHIM_HOST to an address of this"
            " machine, such as 127.0.0.1"
        )
    return f"cannot listen on {where}: {error.strerror}; choose another with PORT=8001"
