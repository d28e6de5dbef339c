"""The application, and a page that says what a full collection of its garbage goes through."""

import gc
from typing import Any

from app.factory import create_app


def build() -> Any:
    """Return the application with that page."""
    app = create_app()
    app.get("/collected")(lambda: {"kept": gc.get_freeze_count(), "seen": len(gc.get_objects())})
    return app
