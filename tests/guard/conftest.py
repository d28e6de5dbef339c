"""The application for the tests of the guard."""

from tests.app.conftest import log_configuration, seeded, settings

__all__ = ["log_configuration", "seeded", "settings"]
