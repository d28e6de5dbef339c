"""Remembers that somebody proved who they are: whoever turns others away can be told before."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import structlog

from app.settings import Settings
from flags.files import replace_file

_log = structlog.get_logger(__name__)


class Witness:
    """Writes a file when the first one of this process signs in; the thread that calls never waits.

    The file says when that was. Nothing else is in it, and only whether it is there counts.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._has_seen = False

    def __call__(self) -> None:
        """Note that somebody signed in."""
        if not self._has_seen:
            self._has_seen = True
            threading.Thread(target=self._write, name="witness", daemon=True).start()

    def _write(self) -> None:
        try:
            replace_file(self._path, f"{datetime.now(UTC).isoformat()}\n")
        except OSError as error:
            _log.warning("sign_in_not_kept", path=str(self._path), error=error.strerror)


def doubt_about_admission(settings: Settings) -> str | None:
    """Say why `enforce` may turn everybody away, and what to do next; None if it will not."""
    if settings.admission != "enforce" or settings.demo:
        return None
    if settings.bot_token is None and settings.bot_id is None and settings.token_rules is None:
        return (
            "nobody can sign in: set SHIM_BOT_TOKEN, SHIM_BOT_ID or SHIM_JWT_KEY, and see with"
            " SHIM_ADMISSION=report-only first who would be turned away"
        )
    if _exists(settings.signed_in_file):
        return None
    return (
        "SHIM_ADMISSION is enforce, and nobody was ever seen to sign in here: every page may be"
        " turned away. Serve with SHIM_ADMISSION=report-only until `signed_in` in the log lines"
        " `reach_counts` grows and `would_refuse` does not"
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
