"""Under which names the demonstration is reached: it serves nobody under any other.

Whoever owns a name can let it point to this machine, and a page under it is then of the same
origin as ours to a browser (DNS rebinding). The demonstration shows everybody's money and books
rewards for whoever asks, so it listens to addresses and to its own names alone.
"""

import ipaddress
import socket
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Response, request

from app.parts import parts
from app.settings import Settings

_ASKED_BY_MACHINES = ("health", "hooks")
"""They have names of their own for us; what they are answered is for anybody, or takes a token."""


def refuse_foreign_host() -> Response | None:
    """Answer a request of the demonstration that was made under a name which is not ours."""
    settings = parts().settings
    if request.blueprint in _ASKED_BY_MACHINES:
        return None
    if not settings.demo or is_ours(request.host, settings):
        return None
    return Response(
        "the demonstration is not reached under this name: open it by its address, or add where"
        " you open it to SHIM_ORIGINS\n",
        HTTPStatus.MISDIRECTED_REQUEST,
        mimetype="text/plain",
    )


def is_ours(host: str, settings: Settings) -> bool:
    """Whether the Host header names an address, this machine, or where pages may come from."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if name is None:
        return False
    name = name.rstrip(".")
    listed = {urlsplit(origin).hostname for origin in settings.origins}
    ours = {"localhost", settings.host, settings.host_name, socket.gethostname()}
    return (
        _is_address(name)
        or name.endswith(".localhost")
        or name in {each.lower() for each in {*ours, *listed} if each}
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
