"""What stands for the settings that all hosts should have alike."""

import hashlib
from dataclasses import fields

from app.settings import Settings

_OF_THE_HOST = ("instance_path", "host_name", "host", "port", "workers", "threads")
"""What hosts may have set differently."""


def settings_digest(settings: Settings) -> str:
    """Return twelve letters that differ if anything does that should not; no secret is in them."""
    alike = {
        each.name: getattr(settings, each.name)
        for each in fields(settings)
        if each.repr and each.name not in _OF_THE_HOST
    }
    return hashlib.sha256(repr(sorted(alike.items())).encode()).hexdigest()[:12]
