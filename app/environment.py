"""Reads named values from an environment: each is checked, and every problem is collected."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Environment:
    """An environment of which each value is asked for by name.

    `problems` holds a line for each thing that is wrong, which begins with the name; the value
    is the default then. A name that was never asked for is unknown.
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
            return default
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

    def refuse_unknown(self, *, prefix: str) -> None:
        """Refuse names with the prefix that nobody asked for; those of others are not ours.

        Kubernetes gives each container the addresses of all services. Those of a service whose
        name begins as the prefix does are no settings, and are passed over.
        """
        for name, value in sorted(self._environ.items()):
            ours = name.startswith(prefix) and name not in self._known
            if ours and not is_service_link(name, value):
                near = min(self._known, key=lambda each: distance(each, name))
                self.problems.append(f"{name} is not a setting: did you mean {near}? Or unset it")


_SERVICE = re.compile(r"[A-Z_][A-Z0-9_]*_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)")
_LINK = re.compile(r"[A-Z_][A-Z0-9_]*_PORT_[0-9]{1,5}_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")
_PORT = re.compile(r"[A-Z_][A-Z0-9_]*_PORT")


def is_service_link(name: str, value: str) -> bool:
    """Tell whether Kubernetes gives a container this variable for a service, by any name.

    `X_PORT` holds an address then, as in `tcp://10.0.0.7:8000`; with a number it is somebody's
    setting.
    """
    if _SERVICE.fullmatch(name) or _LINK.fullmatch(name):
        return True
    return bool(_PORT.fullmatch(name)) and value.startswith(("tcp://", "udp://", "sctp://"))


def distance(left: str, right: str) -> int:
    """Return how many letters must be added, removed or replaced to get from one to the other."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        above, row[0] = row[0], i
        for j, b in enumerate(right, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]
