"""Any value in words, for people and for logs: whatever the value does when it is asked."""

from typing import TypeGuard

LONGEST = 200
"""Characters of a value that are shown."""
_MOST_BITS = 1_000
"""Bits of a whole number that is printed: Python refuses to print very long ones."""
_DIGITS_PER_BIT = 0.30103


def in_words(value: object, longest: int = LONGEST) -> str:
    """Return what a value looks like, at most `longest` characters of it. Never raises."""
    if is_huge(value):
        return f"an int of about {int(value.bit_length() * _DIGITS_PER_BIT) + 1} digits"
    try:
        # What is cut off a text is not printed first: it may be very long.
        return encodable(repr(value[:longest] if type(value) is str else value)[:longest])
    except Exception as error:  # noqa: BLE001 - a value's own `__repr__` may raise anything
        return f"a {type(value).__name__} whose repr raises {type(error).__name__}"


def is_huge(value: object) -> TypeGuard[int]:
    """Whether it is a whole number that is too long to be printed."""
    return isinstance(value, int) and int.bit_length(value) > _MOST_BITS


def encodable(text: str) -> str:
    """Return a text that UTF-8 can say: half a character is written as its number."""
    return text.encode("utf-8", "backslashreplace").decode()
