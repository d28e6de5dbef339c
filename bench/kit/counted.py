"""The application, with every call of a live side written down: for bench/propagation.py."""

import os
import struct
import time
from pathlib import Path
from typing import Any

from app.factory import create_app

CALL = struct.Struct("<dcq")
"""When a call began (unix seconds), which side served it, and whose it was."""
CANONICAL, LEGACY = b"c", b"l"


class Noted:
    """A live side whose notifications are appended to the process's file before they are made."""

    def __init__(self, behind: Any, side: bytes, folder: Path) -> None:
        self._behind = behind
        self._side = side
        self._folder = folder
        self._descriptor = -1

    def notify_balance_update(self, update: Any) -> Any:
        """Note the call, then make it."""
        if self._descriptor < 0:
            path = self._folder / f"calls-{os.getpid()}-{self._side.decode()}"
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        user = getattr(update, "user_id", update)
        os.write(self._descriptor, CALL.pack(time.time(), self._side, int(user)))
        return self._behind.notify_balance_update(update)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


def build() -> Any:
    """Return the application, counted."""
    app = create_app()
    parts = app.extensions["parts"]
    migration, folder = parts.migration, parts.settings.instance_path
    migration.canonical = Noted(migration.canonical, CANONICAL, folder)
    migration.user_id_only = Noted(migration.user_id_only, LEGACY, folder)
    return app


def calls_in(folder: Path) -> list[tuple[float, bytes, int]]:
    """Return every call that the processes of an instance folder noted, by time."""
    found = [
        call for path in folder.glob("calls-*") for call in CALL.iter_unpack(path.read_bytes())
    ]
    return sorted(found)
