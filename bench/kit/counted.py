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


def note_calls(service: Any, side: bytes, folder: Path) -> None:
    """Have each notification of a live side appended to the process's file before it is made."""
    notify = service.notify_balance_update
    opened: list[int] = []

    def noted(update: Any) -> Any:
        if not opened:  # in the worker, after the fork
            path = folder / f"calls-{os.getpid()}-{side.decode()}"
            opened.append(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
        user = getattr(update, "user_id", update)
        os.write(opened[0], CALL.pack(time.time(), side, int(user)))
        return notify(update)

    service.notify_balance_update = noted


def build() -> Any:
    """Return the application, counted."""
    app = create_app()
    parts = app.extensions["parts"]
    migration, folder = parts.migration, parts.settings.instance_path
    note_calls(migration.canonical, CANONICAL, folder)
    note_calls(migration.user_id_only, LEGACY, folder)
    return app


def calls_in(folder: Path) -> list[tuple[float, bytes, int]]:
    """Return every call that the processes of an instance folder noted, by time."""
    found = [
        call for path in folder.glob("calls-*") for call in CALL.iter_unpack(path.read_bytes())
    ]
    return sorted(found)
