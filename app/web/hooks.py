"""Where the flag server says that it was turned. It is not believed: workers then ask it."""

import hashlib
import hmac
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from flask import Blueprint, request

from app.parts import parts
from app.secret import signing_key
from app.settings import Settings
from app.web.bodies import BadBodyError, json_object

hooks = Blueprint("hooks", __name__)

MOST_BYTES = 256 * 1024
"""Longer than any event of a flag."""
PATH = "/ops/hooks/unleash"


class Event(msgspec.Struct, frozen=True):
    """All that is read of an event of Unleash: its number, which is a revision."""

    id: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


def hook_token(settings: Settings) -> str:
    """Return what a webhook must send as its Authorization. Raises OSError."""
    if settings.hook_token is not None:
        return settings.hook_token
    return hmac.digest(signing_key(settings), b"unleash webhook", hashlib.sha256).hex()


@hooks.post(PATH)
def unleash() -> tuple[dict[str, Any], int]:
    """Take an event of Unleash: ask until the flags are at its number, and have others ask."""
    found = parts()
    if found.settings.unleash_url is None:
        return {"problem": "UNLEASH_URL is not set: flags come from a file"}, HTTPStatus.NOT_FOUND
    if not _is_let_in(found.settings, request.headers.get("Authorization", "")):
        return {"problem": "Authorization is not the hook's token"}, HTTPStatus.UNAUTHORIZED
    try:
        body = json_object(request, most_bytes=MOST_BYTES)
        event = msgspec.convert(body, type=Event)
    except (msgspec.MsgspecError, BadBodyError):
        return {"problem": "this is no event of Unleash: it has no id"}, HTTPStatus.BAD_REQUEST
    found.flag_hints.tell(event.id)
    return {"revision": event.id}, HTTPStatus.ACCEPTED


def _is_let_in(settings: Settings, authorization: str) -> bool:
    given = authorization.removeprefix("Bearer ").encode()
    return hmac.compare_digest(given, hook_token(settings).encode())
