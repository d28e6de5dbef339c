"""What stands for the settings that all hosts should have alike, so that each can be compared."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from app.settings import PREFIX, Settings

_OF_THE_HOST = ("instance_path", "host_name", "host", "port", "workers", "threads")
"""What hosts may have set differently."""
_NAMES = {
    "unleash_url": "UNLEASH_URL",
    "guard.on": "SHIM_GUARD",
    "guard.guarded": "SHIM_GUARD_…",
    "guard.steps": "SHIM_RAMP",
    "guard.criteria": "SHIM_RAMP_STEP_S, SHIM_RAMP_CALLS",
}
"""How settings are called that are not called as their fields are."""
_NAMES_OF_SERVICE = {
    f"token_rules.{part}": f"SHIM_JWT_{part.upper()}" for part in ("audience", "algorithm", "claim")
}
"""The same of settings by which no command goes."""
OF_COMMANDS = frozenset(_NAMES.values())
"""Settings by which commands go; all others are the service's alone."""


def settings_digest(settings: Settings) -> str:
    """Return a mark for each setting that is not the default, by field; no secret is in them."""
    marks = (
        f"{name}={hashlib.sha256(repr(value).encode()).hexdigest()[:8]}"
        for name, value, default in _alike(settings)
        if value != default
    )
    return " ".join(sorted(marks))


def differing(one: str, other: str) -> list[str]:
    """Return how those settings are called that two digests do not have alike."""
    found = {mark.partition("=")[0] for mark in {*one.split()} ^ {*other.split()}}
    names = {**_NAMES, **_NAMES_OF_SERVICE}
    return sorted(names.get(name, PREFIX + name.upper()) for name in found)


def _alike(settings: Settings) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, value and default of each setting that hosts should have alike."""
    plain = Settings(instance_path=settings.instance_path, database_url="")
    for each in fields(settings):
        if not each.repr or each.name in _OF_THE_HOST:
            continue
        value, default = getattr(settings, each.name), getattr(plain, each.name)
        if is_dataclass(value):
            for part in fields(value):
                if part.repr:
                    name = f"{each.name}.{part.name}"
                    yield name, getattr(value, part.name), getattr(default, part.name, None)
        else:
            yield each.name, value, default
