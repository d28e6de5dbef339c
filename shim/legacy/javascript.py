"""The few habits of JavaScript that browsers and callers of the legacy services can notice."""

import json
import math
from collections.abc import Hashable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

_MOST_INDEX = 2**32 - 2
"""The largest key that JavaScript takes for the index of an array."""


class Undefined(Enum):
    """The value of what was not given; JavaScript tells it apart from null."""

    UNDEFINED = "undefined"


UNDEFINED = Undefined.UNDEFINED


class _Identity:
    """A map key that equals nothing but a key made from the very same object."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


_NAN = _Identity(math.nan)


def map_key(value: object) -> Hashable:
    """Return the key under which a `Map` or `Set` files `value`.

    Numbers and text are keys by value and never equal each other; true is not 1; NaN equals
    itself; anything else, an update object for one, is a key by identity alone.
    """
    if type(value) is str or (type(value) is int and -(2**53) <= value <= 2**53):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        double = number(value)
        return _NAN if math.isnan(double) else double
    return _Identity(value)


def number(value: object) -> float:
    """Return `value` as a `number`, a binary double; what is not numeric becomes NaN."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
    except OverflowError:
        return math.inf if isinstance(value, int) and value > 0 else -math.inf


def plus(left: object, right: object) -> float | str:
    """Return what `left + right` is: joined if either is text, a list or an object, else summed.

    null counts as 0, true as 1, undefined as NaN.
    """
    ours, theirs = _primitive(left), _primitive(right)
    if isinstance(ours, str) or isinstance(theirs, str):
        return _whole_text(_text(ours) + _text(theirs))
    return _as_number(ours) + _as_number(theirs)


def _primitive(value: object) -> object:
    match value:
        case list() | tuple():
            return ",".join("" if _is_nothing(item) else _text(item) for item in value)
        case Mapping():
            return "[object Object]"
    return value


def _is_nothing(value: object) -> bool:
    return value is None or value is UNDEFINED


def _as_number(value: object) -> float:
    return 0.0 if value is None else number(value)


def _text(value: object) -> str:
    match _primitive(value):
        case str() as text:
            return text
        case None:
            return "null"
        case Undefined():
            return "undefined"
        case bool() as truth:
            return "true" if truth else "false"
        case other:
            return _text_of_double(number(other))


def _whole_text(text: str) -> str:
    """Return the text with halves of a character that came to stand side by side made one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _text_of_double(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return number_text(value)


def number_text(value: float) -> str:
    """Return the JSON text of a `number`: 100 and not 100.0, 1e-7 and not 1e-07, null for NaN."""
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    text = repr(value)
    mantissa, exponential, exponent = text.partition("e")
    if not exponential:
        return text.removesuffix(".0")
    power = int(exponent)
    return format(Decimal(text), "f") if -6 <= power < 21 else f"{mantissa}e{power:+d}"


def stringify(value: object) -> str:
    """Return what `JSON.stringify` makes of `value`; raises TypeError for what it cannot say.

    Members that are undefined are left out; in a list, undefined is null.
    """
    match value:
        case None | Undefined():
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return number_text(number(value))
        case str():
            quoted = json.dumps(value, ensure_ascii=False)
            return quoted.encode("utf-8", "backslashreplace").decode()
        case datetime():
            return f'"{iso_text(value)}"'
        case Mapping():
            members = (f"{stringify(name)}:{stringify(item)}" for name, item in _members(value))
            return "{" + ",".join(members) + "}"
        case list() | tuple():
            return "[" + ",".join(map(stringify, value)) + "]"
    raise TypeError(
        f"a {type(value).__name__} cannot be put into a frame: "
        "pass numbers, text, booleans, times, None, lists and mappings"
    )


def _members(value: Mapping[object, object]) -> Iterable[tuple[str, object]]:
    """Return the members that are defined, in JavaScript's order: indexes first, by size."""
    named = [(_text(name), item) for name, item in value.items() if item is not UNDEFINED]
    # `sorted` keeps the order of equals, so the other names stay as they were added.
    return sorted(named, key=lambda member: _index(member[0]))


def _index(name: str) -> float:
    if name.isascii() and name.isdigit() and (name == "0" or name[0] != "0"):
        index = number(name)
        if index <= _MOST_INDEX:
            return index
    return math.inf


def iso_text(moment: datetime) -> str:
    """Return an aware time as `Date.toISOString()` prints it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
