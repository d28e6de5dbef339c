"""Values that are hard to handle, to be put wherever a caller may put anything."""

from typing import NoReturn


class Raising:
    """A value that raises whatever it is asked."""

    def __eq__(self, other: object) -> NoReturn:
        raise ValueError("no")

    def __hash__(self) -> NoReturn:
        raise ValueError("no")

    def __repr__(self) -> NoReturn:
        raise ValueError("no")


def nested(depth: int) -> list[object]:
    """Return a list in a list in a list."""
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value
