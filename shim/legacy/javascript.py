"""The few habits of JavaScript that browsers and callers of the legacy services can notice."""

import json
import math
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime
from decimal import Decimal


class _Identity:
    """A map key that equals nothing but a key made from the very same object."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def map_key(value: object) -> Hashable:
    """Return the key under which a `Map` files `value`.

    Numbers and text are keys by value and never equal each other; true is not 1;
    anything else, an update object for one, is a key by identity alone.
    """
    kind = type(value)
    if kind is int or kind is str or kind is float:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value)
    return _Identity(value)


def number(value: object) -> float:
    """Return `value` as a `number`, a binary double; what is not numeric becomes NaN."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan


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
    """Return what `JSON.stringify` makes of `value`; raises TypeError for what it cannot say."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return number_text(number(value))
        case str():
            quoted = json.dumps(value, ensure_ascii=False)
            return quoted.encode("utf-8", "backslashreplace").decode()
        case Mapping():
            members = (f"{stringify(str(name))}:{stringify(item)}" for name, item in value.items())
            return "{" + ",".join(members) + "}"
        case list() | tuple():
            return "[" + ",".join(map(stringify, value)) + "]"
    raise TypeError(
        f"a {type(value).__name__} cannot be put into a frame: "
        "pass numbers, text, booleans, None, lists and mappings"
    )


def iso_text(moment: datetime) -> str:
    """Return an aware time as `Date.toISOString()` prints it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
