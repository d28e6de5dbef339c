"""The service's own log: JSON lines on standard error, encoded by structlog.

A service has queued streams there: see `app.adapters.queued_stream`.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict


def configure_logging() -> None:
    """Set structlog up for this process; called when a worker starts, never at import."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _without_shadows,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            # Without local variables: they hold what must not be in a log.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=_NeverFailing,
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


class _NeverFailing(structlog.make_filtering_bound_logger(logging.INFO)):  # type: ignore[misc]
    """Logs what is not below INFO. What cannot be logged is lost, and whoever logs goes on."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, **fields: Any) -> Any:
        """Hand an event on."""
        try:
            return super()._proxy_to_logger(method_name, event, **fields)
        except Exception:  # noqa: BLE001 - a value whose text raises, a stream that is closed
            return None


def _without_shadows(_: object, __: str, event: EventDict) -> EventDict:
    """Drop what a shadow says: it tells of nothing that happened."""
    if event.get("said_by_shadow"):
        raise structlog.DropEvent
    return event


@contextmanager
def quiet_log() -> Iterator[None]:
    """Keep the log out of a command's output: what it would say, the command says itself."""
    before = structlog.get_config()
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet, logger_factory=structlog.ReturnLoggerFactory())
    try:
        yield
    finally:
        structlog.configure(**before)
