"""Where the files are that reading commands read, whichever application runs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from app.settings import Settings
from flags.decision import MIGRATIONS


@dataclass(frozen=True, slots=True)
class InstanceFiles:
    """What an instance keeps in files."""

    log_path: Path
    known_files: Mapping[str, Path]
    """By migration."""

    @classmethod
    def of(cls, settings: Settings) -> "InstanceFiles":
        """Return where these settings say that they are."""
        known = {pair.migration: settings.known_file_of(pair) for pair in MIGRATIONS}
        return cls(settings.log_path, known)


def instance_files() -> InstanceFiles:
    """Return where the instance of the running command keeps its files."""
    found: InstanceFiles = current_app.extensions["files"]
    return found
