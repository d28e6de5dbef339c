"""How many files this process may have open: every socket is one."""

import resource

import structlog

RESERVED = 1_256
"""Files kept for all else: 1,000 requests, databases, logs, and the kill switch above all."""

_log = structlog.get_logger(__name__)


def raise_file_limit() -> None:
    """Raise the limit as far as an unprivileged process may; the usual 1,024 end the sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError) as error:
        _log.warning("file_limit_kept", soft=soft, hard=hard, error=str(error))


def room_for_sockets() -> int:
    """Return how many sockets this process can hold and still open its other files.

    Without any left it could neither take a request nor read the kill switch.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return files - min(RESERVED, files // 2)
