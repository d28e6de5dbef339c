"""What browsers ask for: their frames, parsed and checked."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from app.notifications.proofs import InitData, Proof, Token

MAX_BYTES = 4096
"""A browser's frames are some 60 bytes."""
MAX_DEPTH = 8
MAX_USER_ID = 2**53 - 1


class BadFrameError(ValueError):
    """A frame that cannot be acted on: `code` for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Wants this user's balance updates; `proof` shows who asks.

    `version` is the newest that the page shows; None if it does not know.
    """

    user_id: int
    proof: Proof | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """Wants the same `timestamp` back, any JSON value; None if there was none."""

    timestamp: object


def parse_request(data: str | bytes) -> Subscribe | Ping:
    """Return what a frame asks for. Raises BadFrameError."""
    if not isinstance(data, str):
        raise BadFrameError("not_text", "the frame is binary: send JSON in a text frame")
    size = len(data.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise BadFrameError(
            "too_large", f"the frame has {size} bytes, at most {MAX_BYTES} are read: send less"
        )
    frame = _decode(data)
    match frame.get("type"):
        case "subscribe":
            return Subscribe(
                _user_id(frame.get("userId")), _proof(frame), _version(frame.get("version"))
            )
        case "ping":
            return Ping(frame.get("timestamp"))
    raise BadFrameError(
        "unknown_type",
        f'the type {_shown(frame.get("type"))} is unknown: send "subscribe" or "ping"',
    )


def _decode(data: str) -> Mapping[str, object]:
    too_deep = f"the frame nests deeper than {MAX_DEPTH} levels: send a flat object"
    try:
        frame = msgspec.json.decode(data)
    except RecursionError:
        raise BadFrameError("too_deep", too_deep) from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadFrameError(
            "not_json", f"the frame is not JSON ({error}): send an object"
        ) from None
    if _is_deeper(frame, MAX_DEPTH):
        raise BadFrameError("too_deep", too_deep)
    if not isinstance(frame, dict):
        raise BadFrameError(
            "not_an_object", f'the frame is {_shown(frame)}: send an object with a "type"'
        )
    return frame


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inner)


def _user_id(value: object) -> int:
    """Return a whole number from 1 to 2**53 - 1, given as such or as its exact decimal text."""
    number = value
    if isinstance(value, str) and value.isascii() and value.isdigit() and value[0] != "0":
        number = int(value[:17])
    if type(number) is not int or not 1 <= number <= MAX_USER_ID:
        raise BadFrameError(
            "bad_user_id",
            f"userId is {_shown(value)}: send a whole number from 1 to {MAX_USER_ID}",
        )
    return number


def _proof(frame: Mapping[str, object]) -> Proof | None:
    """Return what the frame proves itself with; of two it is production's own."""
    token, init_data = frame.get("token"), frame.get("initData")
    if not isinstance(token, str | None):
        raise BadFrameError("bad_token", "token is no text: send the JSON Web Token as it is")
    if not isinstance(init_data, str | None):
        raise BadFrameError(
            "bad_init_data", "initData is no text: send Telegram.WebApp.initData as it is"
        )
    if token is not None:
        return Token(token)
    return None if init_data is None else InitData(init_data)


def _version(value: object) -> int | None:
    """Return a whole number from 0 to 2**53 - 1, None for anything else: it is but a help."""
    return value if type(value) is int and 0 <= value <= MAX_USER_ID else None


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:60] + "…"
