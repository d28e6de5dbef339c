"""Reads named values from an environment: each is checked, and every problem is collected."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Environment:
    """An environment of which each value is asked for by name.

    `problems` holds a line for each thing that is wrong; a name that was never asked for is
    unknown.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: set[str] = set()
        self.problems: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._environ

    def text(self, name: str, default: str) -> str:
        """Return a text that is not blank."""
        self._known.add(name)
        value = self._environ.get(name)
        if value is not None and not value.strip():
            self.problems.append(f"{name} is empty: give a value, or unset it")
            return default
        return value if value is not None else default

    def checked(self, name: str, check: Callable[[str], T]) -> T | None:
        """Return what the check makes of the text, None where nothing is set."""
        try:
            text = self.text(name, "")
            return check(text) if text else None
        except ValueError as error:
            self.problems.append(f"{name} {error}")
            return None

    def folder(self, name: str, default: Path) -> Path:
        """Return the absolute path of a folder that is there or can be made."""
        path = Path(self.text(name, str(default))).absolute()
        try:
            present = next(folder for folder in (path, *path.parents) if folder.exists())
        except OSError as error:  # a name that is too long, a folder that may not be looked into
            self.problems.append(f"{name} is {str(path)!r}: {error.strerror}; name another folder")
            return path
        if not present.is_dir():
            self.problems.append(f"{name} is {str(path)!r}: {present} is a file; name a folder")
        elif present != path and not os.access(present, os.W_OK | os.X_OK):
            self.problems.append(
                f"{name} is {str(path)!r}: it cannot be made in {present}; name a folder that"
                " exists or can be made"
            )
        return path

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        """Return one of the choices."""
        value = self.text(name, default)
        if value not in choices:
            self.problems.append(f"{name} is {value!r}: give one of {', '.join(choices)}")
        return value

    def number(
        self, name: str, default: T, read: Callable[[str], T], *, least: float, most: float
    ) -> T:
        """Return a number within bounds, which are part of it."""
        text = self.text(name, str(default))
        try:
            value = read(text)
            if least <= value <= most:  # type: ignore[operator]
                return value
        except ValueError:
            pass
        kind = "a whole number" if read is int else "a number"
        self.problems.append(f"{name} is {text!r}: give {kind} from {least:.10g} to {most:.10g}")
        return default

    def refuse_unknown(self, *, prefix: str, exceptions: Sequence[str]) -> None:
        """Refuse what nobody asked for: names with the prefix, and what looks like an exception."""
        known = self._known | set(exceptions)
        for name in sorted(self._environ):
            if name in known:
                continue
            if name.startswith(prefix):
                near = min(known, key=lambda each: distance(each, name))
                self.problems.append(f"{name} is not a setting: did you mean {near}? Or unset it")
            else:
                self.problems += [
                    f"{name} is not a setting, and looks like {each}: rename it, or unset it"
                    for each in exceptions
                    if distance(each, name) <= 2
                ]


def distance(left: str, right: str) -> int:
    """Return how many letters must be added, removed or replaced to get from one to the other."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        above, row[0] = row[0], i
        for j, b in enumerate(right, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]
