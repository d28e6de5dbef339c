"""How many files this process may have open: every socket is one."""

import resource

import structlog

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
