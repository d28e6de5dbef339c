"""Percentages as people and Unleash write them."""

import re

_PERCENTAGE = re.compile(r"0|[1-9][0-9]?|100")


class InvalidPercentageError(ValueError):
    """The value is no percentage: the message shows it and says what one looks like."""


def percentage_of(value: object) -> int:
    """Return the whole number from 0 to 100 that the text `value` writes.

    Unleash would take "150" or "abc" for 0 % in silence. Raises `InvalidPercentageError`.
    """
    if type(value) is str and _PERCENTAGE.fullmatch(value):
        return int(value)
    shown = "missing" if value is None else ascii(value)[:60]
    raise InvalidPercentageError(f"{shown} is not a percentage: give a whole number from 0 to 100")
