"""The key that sessions and hints are signed with."""

from dataclasses import dataclass

from flask import Flask

from app.adapters.key_file import kept_key
from app.settings import Settings


def signing_key(settings: Settings) -> bytes:
    """Return SHIM_SECRET_KEY, or else the key of the instance folder, which all its workers share.

    Raises OSError.
    """
    if settings.secret_key is not None:
        return settings.secret_key.encode()
    return kept_key(settings.secret_file)


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Gives the application the key of its sessions when a worker starts."""

    app: Flask
    settings: Settings

    def start(self) -> None:
        """Read the key, or make it. Raises OSError."""
        self.app.secret_key = signing_key(self.settings)

    def stop(self) -> None:
        """Do nothing."""
