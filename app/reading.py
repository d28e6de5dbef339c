"""Where the files are that reading commands read, whichever application runs them."""

from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from app.settings import Settings


@dataclass(frozen=True, slots=True)
class InstanceFiles:
    """What an instance keeps in files."""

    log_path: Path
    known_file: Path

    @classmethod
    def of(cls, settings: Settings) -> "InstanceFiles":
        """Return where these settings say that they are."""
        return cls(settings.log_path, settings.known_file)


def instance_files() -> InstanceFiles:
    """Return where the instance of the running command keeps its files."""
    found: InstanceFiles = current_app.extensions["files"]
    return found
