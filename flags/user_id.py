"""What counts as a user id: 7 and "7" are one user, everything else is nobody."""

MAX_USER_ID = 2**53 - 1
"""The largest whole number that a browser's number still holds exactly."""

_LONGEST = len(str(MAX_USER_ID))


class InvalidUserIdError(ValueError):
    """The value is no user id: the message shows it and says what one looks like."""


def user_id_of(value: object) -> int:
    """Return the user id that `value` is, or is the decimal text of.

    An id is a whole number from 1 to 2**53 - 1. `True`, `7.0`, `" 7 "` and `"07"` are
    none. Raises `InvalidUserIdError`.
    """
    if type(value) is int and 1 <= value <= MAX_USER_ID:
        return value
    if type(value) is str and _is_canonical_decimal(value) and 1 <= int(value) <= MAX_USER_ID:
        return int(value)
    raise InvalidUserIdError(
        f"{_shown(value)} is not a user id: give a whole number from 1 to {MAX_USER_ID},"
        " without spaces or leading zeros"
    )


def _shown(value: object) -> str:
    """Return a value as Python writes it; Python cannot write every value."""
    try:
        return ascii(value)
    except Exception:  # noqa: BLE001 - a value's own `__repr__` may raise anything
        return f"a {type(value).__name__} that cannot be printed"


def _is_canonical_decimal(text: str) -> bool:
    """Tell whether `text` is how a whole number is written, and short enough to be one."""
    return len(text) <= _LONGEST and text.isascii() and text.isdigit() and text[0] != "0"
