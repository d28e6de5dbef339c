"""The JSON that a request brings: an object without anything that could be read in two ways."""

import json
from typing import Any, NoReturn

from flask import Request

MOST_DEPTH = 20


class BadBodyError(ValueError):
    """What was sent is no JSON object; the message says what it is."""


def json_object(request: Request, *, most_bytes: int) -> dict[str, Any]:
    """Return the object in a request's body. Raises BadBodyError; 413 for one that is too long."""
    request.max_content_length = most_bytes
    text = request.get_data()
    try:
        found = json.loads(
            text.decode(), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise BadBodyError(f"nests deeper than {MOST_DEPTH} levels") from None
    except ValueError:  # an int of thousands of digits and bytes that are no UTF-8, too
        raise BadBodyError("is not JSON") from None
    if not isinstance(found, dict):
        raise BadBodyError("is not a JSON object")
    if _is_deeper(found, MOST_DEPTH):
        raise BadBodyError(f"nests deeper than {MOST_DEPTH} levels")
    return found


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field comes twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inner)
